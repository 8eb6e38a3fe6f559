"""Plain text of mail as HTML: quotes as nested blockquotes, signature apart, addresses linked, long lines flowed.

Plain text is an XSS surface too (CVE-2026-54433 was a linkifier): links are found in the raw text and each piece is
escaped by itself. Everything is one pass; no expression backtracks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

from app.mail.flowed import Line, flowed_lines, quoted
from app.mail.host import leads
from app.mail.marks import mark
from app.mail.sanitize import REL, link

MAX_TEXT: Final = 512 * 1024
MAX_LINES: Final = 20_000
MAX_LINKS: Final = 2_000
MAX_MARKS: Final = 20_000  # blockquotes: 20,000 lines, every other quoted 30 deep, were 300,000 elements and 12 MB

_ADDRESS: Final = re.compile(
    r"(?P<url>(?:https?://|www\.)[^\s<>\"'`{}|\\^\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufffd]{1,2000}+)"
    r"|(?<![A-Za-z0-9._%+/=-])(?P<mail>[A-Za-z0-9._%+-]{1,64}+@(?>(?:[A-Za-z0-9-]{1,63}+\.){1,8})[A-Za-z]{2,24}+)"
    r"(?![A-Za-z0-9@-])",
    re.IGNORECASE,
)
_TRAILING: Final = ".,;:!?*_~"
_PAIRS: Final = {")": "(", "]": "["}
_UNSHOWN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def text_html(text: str, *, flowed: bool = False, delsp: bool = False) -> Markup:
    """Plain text as HTML for `white-space: pre-wrap`: escaped, quoted, linked.

    ``flowed`` and ``delsp`` as Content-Type says (RFC 3676). At most 512 KB and 20,000 lines are shown. Never raises.
    """
    lines = _split(_UNSHOWN.sub("", text[:MAX_TEXT]))[:MAX_LINES]
    while lines and not lines[-1]:
        lines.pop()
    parsed = flowed_lines(lines, delsp=delsp) if flowed else (quoted(line) for line in lines)
    return Markup("".join(_Writer().all(parsed)))


def is_cut(text: str) -> bool:
    """Whether text_html() shows less than all of it."""
    return len(text) > MAX_TEXT or any(_split(text)[MAX_LINES:])


def _split(text: str) -> list[str]:
    """The lines that are shown, then the rest as one."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n", MAX_LINES)


class _Writer:
    """Lines in, HTML out."""

    def __init__(self) -> None:
        self.depth = 0
        self.signed = False
        self.links = 0
        self.opened = 0

    def all(self, lines: Iterator[Line]) -> Iterator[str]:
        first = True
        for line in lines:
            moved = self._quotes(line.depth)
            signature = line.text == "-- " and line.depth == 0 and not self.signed
            if signature:
                moved += '<div class="signature">'
                self.signed = True
            yield moved if moved or first else "\n"
            first = False
            yield from self._linked(line.text)
        yield self._quotes(0)
        if self.signed:
            yield "</div>"

    def _quotes(self, depth: int) -> str:
        depth = min(depth, self.depth + max(0, MAX_MARKS - self.opened))
        change = depth - self.depth
        self.depth = depth
        self.opened += max(0, change)
        return '<blockquote class="quote">' * change if change > 0 else "</blockquote>" * -change

    def _linked(self, text: str) -> Iterator[str]:
        """Pieces of a line, each escaped, addresses as links."""
        position = 0
        for found in _ADDRESS.finditer(text):
            shown = _trimmed(found[0]) if found["url"] else found[0]
            target = link(_target(shown, bool(found["url"]))) if self.links < MAX_LINKS else None
            if target is None:
                continue
            self.links += 1
            yield str(escape(text[position : found.start()]))
            host = leads(target, shown)
            words = mark(host) if host else ""
            yield f'<a href="{escape(target)}" target="_blank" rel="{REL}">{words}{escape(shown)}</a>'
            position = found.start() + len(shown)
        yield str(escape(text[position:]))


def _target(shown: str, url: bool) -> str:
    if not url:
        return "mailto:" + shown
    return "https://" + shown if shown[:4].lower() == "www." else shown


def _trimmed(address: str) -> str:
    """An address without the punctuation of the sentence that it ends, and without a bracket that it did not open."""
    unopened = {mark: address.count(mark) - address.count(opening) for mark, opening in _PAIRS.items()}
    end = len(address)
    while end and ((mark := address[end - 1]) in _TRAILING or unopened.get(mark, 0) > 0):
        end -= 1
        if mark in unopened:
            unopened[mark] -= 1
    return address[:end]
