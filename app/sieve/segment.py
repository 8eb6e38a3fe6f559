"""Cuts a script into its top-level segments: which comments belong to which command, and where space lies between.

Only offsets are handled here; the segments together are the whole script. Brackets are counted on a stack, so nothing
recurses, and more than NESTED of them, more than MOST_SEGMENTS segments, or a command that does not end are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.sieve.errors import Unreadable
from app.sieve.text import marked
from app.sieve.token import Token, tokens

NESTED: Final = 100
MOST_SEGMENTS: Final = 5000
MOST_PIECES: Final = 50_000
NEXTCLOUD: Final = re.compile(rb"### Nextcloud Mail: [A-Za-z ]{1,60} ### DON'T EDIT ###\r?")
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_LINE_END: Final = re.compile(rb"[ \t]*+\r?\n")


class Segment(NamedTuple):
    """`kind`: blank, comment, nextcloud, or the first word of a command. `command` and `close` are where the command
    itself begins and ends, `end` is behind its line; `name` is that of a marker before it."""

    kind: str
    start: int
    end: int
    command: int = 0
    close: int = 0
    name: str | None = None


class Piece(NamedTuple):
    """Space, a comment, or a command from its first word to its semicolon or brace."""

    kind: str
    start: int
    end: int
    word: str = ""


def segments(source: bytes) -> tuple[Segment, ...]:
    """Raises Unreadable."""
    found_pieces = []
    for piece in pieces(source):
        found_pieces.append(piece)
        if len(found_pieces) > MOST_PIECES:
            raise Unreadable(piece.start, f"more than {MOST_PIECES} commands and comments")
    cut = _Cut(source, found_pieces)
    cut.pairs = _pairs(source, found_pieces)
    found: list[Segment] = []
    while cut.at < len(cut.pieces):
        found.append(cut.next())
        if len(found) > MOST_SEGMENTS:
            raise Unreadable(found[-1].start, f"more than {MOST_SEGMENTS} parts")
    return tuple(found)


def pieces(source: bytes) -> Iterator[Piece]:
    """Commands and what lies between them; `elsif` and `else` belong to their `if`."""
    held: list[Piece] = []  # an `if`, and what follows it that may still be part of it
    for piece in _plain(source):
        if held and piece.word in ("elsif", "else"):
            held = [Piece("command", held[0].start, piece.end, "if")]
        elif held and piece.kind != "command":
            held.append(piece)
        else:
            yield from held
            held = [piece] if piece.word == "if" else []
            if not held:
                yield piece
    yield from held


def _plain(source: bytes) -> Iterator[Piece]:
    opened: list[str] = []
    start: Token | None = None
    for token in tokens(source):
        if start is None:
            if token.kind in ("space", "comment", "bracket"):
                yield Piece("space" if token.kind == "space" else "comment", token.start, token.end)
                continue
            if token.kind != "word":
                raise Unreadable(token.start, "a command should begin here")
            start = token
        _open_or_close(token, opened)
        if not opened and token.kind in (";", "}"):
            yield Piece("command", start.start, token.end, source[start.start : start.end].decode().lower())
            start = None
    if start is not None:
        raise Unreadable(start.start, "a command that does not end")


def _pairs(source: bytes, found: list[Piece]) -> dict[int, int]:
    """Of each comment that begins a block of Nextcloud's, the piece that ends it: the same comment again."""
    last: dict[bytes, int] = {}
    pairs: dict[int, int] = {}
    for at, piece in enumerate(found):
        text = source[piece.start : piece.end].rstrip() if piece.kind == "comment" else b""
        if NEXTCLOUD.fullmatch(text):
            if text in last:
                pairs[last[text]] = at
            last[text] = at
    return pairs


def _open_or_close(token: Token, opened: list[str]) -> None:
    if token.kind in ("(", "[", "{"):
        opened.append(token.kind)
        if len(opened) > NESTED:
            raise Unreadable(token.start, "too many brackets in each other")
    elif token.kind in _PAIRS and (not opened or opened.pop() != _PAIRS[token.kind]):
        raise Unreadable(token.start, "a bracket that was not opened")


@dataclass(slots=True)
class _Cut:
    source: bytes
    pieces: list[Piece]
    at: int = 0  # the next piece
    start: int = 0  # where it begins, as the last segment may have taken its line's end
    pairs: dict[int, int] = field(default_factory=dict)  # of Nextcloud's comments

    def next(self) -> Segment:
        first = self.pieces[self.at]
        if first.kind == "space":
            return self._segment(Segment("blank", self.start, first.end), self.at)
        if (last := self.pairs.get(self.at)) is not None:
            return self._whole_line(Segment("nextcloud", self.start, self.pieces[last].end), last)
        last, name = self._run()
        piece = self.pieces[last]
        if piece.kind == "comment":
            return self._whole_line(Segment("comment", self.start, piece.end), last)
        last = self._trailing(last) if name is None else last
        found = Segment(piece.word, self.start, self.pieces[last].end, piece.start, piece.end, name)
        return self._whole_line(found, last)

    def _trailing(self, last: int) -> int:
        """With the comment on the command's own line. A marked rule has none: what it says ends with its brace."""
        following, gap = self._after(last)
        if following is None or gap or self._opens(following) or not self._text(following).startswith(b"#"):
            return last
        return following

    def _run(self) -> tuple[int, str | None]:
        """The last piece of a run of comments and the command right after them, and the name that they give it."""
        at, name = self.at, None
        if self.start and self.source[self.start - 1] != 0x0A and self.pieces[at].kind == "comment":
            return at, None  # it belongs to the line of what came before
        while self.pieces[at].kind == "comment":
            marker = marked(self._text(at)) if at == self.at else None
            name = marker if marker is not None else name
            following, gap = self._after(at)
            if following is None or (gap > 1 and marker is None) or self._opens(following):
                return at, None
            at = following
        return at, name

    def _after(self, at: int) -> tuple[int | None, int]:
        """The next piece that is no space, and how many line ends lie before it."""
        at += 1
        if at < len(self.pieces) and self.pieces[at].kind == "space":
            space, at = self.pieces[at], at + 1
            gap = self.source.count(b"\n", space.start, space.end)
        else:
            gap = 0
        return (at if at < len(self.pieces) else None), gap

    def _opens(self, at: int) -> bool:
        """Whether a comment begins a segment of its own."""
        if self.pieces[at].kind != "comment":
            return False
        text = self._text(at)
        return marked(text) is not None or NEXTCLOUD.fullmatch(text) is not None

    def _text(self, at: int) -> bytes:
        return self.source[self.pieces[at].start : self.pieces[at].end]

    def _whole_line(self, segment: Segment, last: int) -> Segment:
        """With what else stands on the segment's last line, if that is its end."""
        found = _LINE_END.match(self.source, segment.end)
        return self._segment(segment._replace(end=found.end()) if found else segment, last)

    def _segment(self, segment: Segment, last: int) -> Segment:
        self.at, self.start = last + 1, segment.end
        if self.at < len(self.pieces) and self.pieces[self.at].end == segment.end:
            self.at += 1
        return segment
