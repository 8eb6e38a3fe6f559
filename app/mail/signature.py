"""The signature under a message: put there, known again, and exchanged where its writer becomes another.

As text it stands behind the line `-- ` (RFC 3676 §4.3). In HTML it is an element of its own, with that line inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from app.mail.composed import composed
from app.mail.formatted import SIGNATURE, formatted
from app.mail.plain import html_text

_BEGIN: Final = f'<div class="{SIGNATURE}">'
_GROWN: Final = 4  # times as long an editor may write the same; a hundred around a long text took 4 s
_DIV: Final = re.compile(r"<(/?)div(?=[ >])")


@dataclass(frozen=True, slots=True)
class Signature:
    """`html`: cleaned, "" where the text says it all."""

    text: str = ""
    html: str = ""

    @property
    def lines(self) -> str:
        """The signature as it stands in a plain text, "" for none; without the line break that ends it."""
        return f"-- \n{self.text}" if self.text else ""

    @property
    def element(self) -> str:
        """The same in HTML."""
        if not self.text and not self.html:
            return ""
        return formatted(f"{_BEGIN}{composed('-- ')}{self.html or composed(self.text)}</div>")


def composed_text(text: str, signature: Signature) -> str:
    """A plain text as HTML; its signature, where it stands there unchanged, as that is in HTML."""
    at = _place(text, signature)
    if at is None:
        return composed(text)
    before, after = text[: at.start], text[at.stop :]
    pieces = [composed(before[:-1]) if before else "", signature.element, composed(after[1:]) if after else ""]
    return "".join(pieces)


def _place(text: str, signature: Signature) -> slice | None:
    """Where the lines of the signature stand in the text, the last time."""
    lines = signature.lines
    at = f"\n{text}\n".rfind(f"\n{lines}\n") if lines else -1
    return slice(at, at + len(lines)) if at >= 0 else None


def exchanged_text(text: str, old: Signature, new: Signature) -> str:
    """The text with the new signature for the old one, where that stands there unchanged; where there was none, at the
    end, unless a quote stands in it."""
    if not old.lines:
        quotes = text.startswith(">") or "\n>" in text
        return text if quotes or not new.lines else f"{text.rstrip()}\n\n{new.lines}"
    at = _place(text, old)
    return text if at is None else text[: at.start] + new.lines + text[at.stop :]


def exchanged_html(html: str, old: Signature, new: Signature) -> str:
    """The same for cleaned HTML: it is unchanged where it says the same words."""
    if not old.element:
        return html if "<blockquote" in html or not new.element else f"{html}{composed('')}{new.element}"
    words, most = html_text(old.element), _GROWN * len(old.element)
    for begin in re.finditer(re.escape(_BEGIN), html):
        end = _end(html, begin.start())
        if end - begin.start() <= most and html_text(html[begin.start() : end]) == words:
            return html[: begin.start()] + new.element + html[end:]
    return html


def _end(html: str, start: int) -> int:
    """Where the element that begins at `start` ends, in balanced HTML."""
    depth = 0
    for tag in _DIV.finditer(html, start):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return tag.end() + 1
    return len(html)
