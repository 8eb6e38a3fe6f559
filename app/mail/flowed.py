"""Lines of plain text with their quote marks taken off, and paragraphs put together again (RFC 3676)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_QUOTES: Final = 30
_QUOTE: Final = re.compile(r">(?>(?: ?>){0,98})")


@dataclass(slots=True)
class Line:
    """A line or a flowed paragraph: how deeply it is quoted, and its text."""

    depth: int
    text: str


def quoted(line: str) -> Line:
    """A line with its quote marks counted and taken off: ``>> x``, ``> > x``."""
    marks = _QUOTE.match(line)
    if marks is None:
        return Line(0, line)
    return Line(min(marks[0].count(">"), MAX_QUOTES), line[marks.end() :].removeprefix(" "))


def flowed_lines(lines: list[str], *, delsp: bool) -> Iterator[Line]:
    """Lines that end in a space joined with the next of the same depth (RFC 3676 §4.1–4.5)."""
    held: list[str] = []
    depth = 0
    for line in lines:
        found = _stuffed(line)
        signature = found.text == "-- "
        if held and (found.depth != depth or signature):
            yield Line(depth, "".join(held))
            held = []
        depth = found.depth
        flows = found.text.endswith(" ") and not signature
        held.append(found.text[:-1] if flows and delsp else found.text)
        if not flows:
            yield Line(depth, "".join(held))
            held = []
    if held:
        yield Line(depth, "".join(held))


def _stuffed(line: str) -> Line:
    """A line of flowed text: quote marks stand together, then one space may be stuffed (RFC 3676 §4.4)."""
    text = line.lstrip(">")
    return Line(min(len(line) - len(text), MAX_QUOTES), text.removeprefix(" "))
