"""Lines of plain text with their quote marks taken off, paragraphs put together again, and written so (RFC 3676)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_QUOTES: Final = 30
WIDTH: Final = 72
_WORDS: Final = re.compile(r"[^ ]+ *|^ +")
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


def flow(text: str) -> Iterator[str]:
    """Lines of text as format=flowed (RFC 3676 §4.2): long ones wrapped behind spaces, quote marks first and together,
    and a space stuffed before what would be read otherwise. Spaces at the end of a line are left out."""
    for each in text.split("\n"):
        line = quoted(each)
        marks = ">" * line.depth
        if line.text == "-- ":
            yield marks + " -- " if marks else "-- "
            continue
        for chunk in _wrapped(line.text.rstrip(" "), WIDTH - line.depth):
            yield marks + _stuff(chunk, quoted=line.depth > 0)


def joined(lines: list[str], *, delsp: bool = False) -> str:
    """Text from lines of format=flowed, as `flow` takes it: one line a paragraph, `>> ` before what is quoted twice."""
    return "\n".join(
        ">" * line.depth + (" " if line.depth and line.text else "") + line.text
        for line in flowed_lines(lines, delsp=delsp)
    )


def _stuff(chunk: str, *, quoted: bool) -> str:
    if quoted:
        return " " + chunk if chunk else ""
    return " " + chunk if chunk.startswith((" ", ">", "From ")) else chunk


def _wrapped(text: str, width: int) -> Iterator[str]:
    """A paragraph in chunks that end behind spaces; a chunk is never the mark of a signature."""
    held = ""
    for word in _WORDS.findall(text):
        if held and len(held) + len(word.rstrip(" ")) > width and held != "-- ":
            yield held
            held = ""
        held += word
    yield held
