"""Plain text as the HTML of an editor: what was typed, when its writer changes to rich text. plain.py leads back.

Quotes become nested blockquotes, each line an element of its own; everything is escaped, so nothing a stranger wrote
gains meaning on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import escape

from app.mail.flowed import quoted

_KEPT: Final = re.compile(r"\A | (?= )| \Z")  # spaces that HTML would swallow


def composed(text: str) -> str:
    """HTML of a text with LF lines, in which a line that begins with `>` is a quote."""
    return "".join(_elements(text))


def _elements(text: str) -> Iterator[str]:
    depth = 0
    for each in text.split("\n"):
        line = quoted(each)
        change, depth = line.depth - depth, line.depth
        yield '<blockquote type="cite">' * change if change > 0 else "</blockquote>" * -change
        yield f"<div>{_spaced(line.text) or '<br>'}</div>"
    yield "</blockquote>" * depth


def _spaced(text: str) -> str:
    return _KEPT.sub("\xa0", str(escape(text.replace("\t", "    "))))
