"""The parts of a script as a person sees them: rules that can be edited, and what somebody else wrote, as text."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from app.sieve import read
from app.sieve.errors import Foreign
from app.sieve.forward import Forward
from app.sieve.rule import Rule
from app.sieve.segment import Segment, pieces, segments
from app.sieve.text import string
from app.sieve.token import tokens
from app.sieve.vacation import Vacation

OWN: Final = b"# Postern:"  # begins the block of ours at the top, with our `require`
MOST_REQUIRED: Final = 200  # of one command; servers have some 40 extensions
AnyRule = Rule | Vacation | Forward
_SHOWN: Final = {"rule", "vacation", "forward", "text", "nextcloud"}


@dataclass(frozen=True, slots=True)
class Block:
    """`kind` is rule, vacation or forward, with `rule`; text or nextcloud, which are not ours; require, comment or
    blank, which are not shown. `line` is its first, from 1."""

    kind: str
    source: bytes
    rule: AnyRule | None = None
    name: str = ""
    line: int = 1
    command: bytes = b""
    requires: frozenset[str] = frozenset()

    @property
    def shown(self) -> bool:
        return self.kind in _SHOWN

    @property
    def own(self) -> bool:
        return self.kind in ("require", "comment") and self.source.startswith(OWN)


def blocks(source: bytes) -> tuple[Block, ...]:
    """The blocks of a script; their sources together are the script. Raises Unreadable."""
    found = [part for each in segments(source) for part in _parted(source, each)]
    required = [_requires(source, each) for each in found]
    expands = bool({"variables", "encoded-character"} & frozenset[str]().union(*required))
    line, made = 1, []
    for segment, names in zip(found, required, strict=True):
        made.append(_block(source, segment, line, names, expands))
        line += source.count(b"\n", segment.start, segment.end)
    return tuple(made)


def _parted(source: bytes, segment: Segment) -> tuple[Segment, ...]:
    """Our line alone, and what else stands with it: that is somebody's, but for our `require` right behind the line."""
    if segment.kind not in ("comment", "require") or not source.startswith(OWN, segment.start, segment.end):
        return (segment,)
    line = source.find(b"\n", segment.start, segment.end) + 1
    ours = (segment.command, segment.close) if segment.kind == "require" else (segment.end, segment.end)
    if not line or not (source[line : ours[0]] + source[ours[1] : segment.end]).strip():
        return (segment,)
    return segment._replace(kind="comment", end=line), segment._replace(start=line)


def _block(source: bytes, segment: Segment, line: int, requires: frozenset[str], expands: bool) -> Block:
    text = source[segment.start : segment.end]
    command = source[segment.command : segment.close]
    if segment.kind in ("blank", "comment", "nextcloud", "require"):
        return Block(segment.kind, text, line=line, command=command, requires=requires)
    rule = read.rule(source[segment.start : segment.close], expands) if segment.name is not None else None
    return Block(_kind(rule), text, rule, segment.name or "", line, command, requires)


def _kind(rule: AnyRule | None) -> str:
    return "text" if rule is None else type(rule).__name__.lower()


def _requires(source: bytes, segment: Segment) -> frozenset[str]:
    """What a segment requires: a command, or commands within a block of Nextcloud's."""
    if segment.kind == "require":
        return _strings(source[segment.command : segment.close])
    if segment.kind != "nextcloud":
        return frozenset()
    within = source[segment.start : segment.end]
    commands = (within[piece.start : piece.end] for piece in pieces(within) if piece.word == "require")
    return frozenset[str]().union(*map(_strings, commands))


def _strings(command: bytes) -> frozenset[str]:
    found: set[str] = set()
    for token in tokens(command):
        if token.kind == "string" and len(found) < MOST_REQUIRED:
            with suppress(Foreign):
                found.add(string(command[token.start : token.end]))
    return frozenset(found)
