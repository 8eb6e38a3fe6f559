"""Reads the data of untagged IMAP responses: nested lists, NIL, atoms, strings and literals (RFC 3501 §9).

One regular expression per line and no recursion: 50 rows of a list cost a fraction of a millisecond, and neither an
unclosed quote nor 10,000 open brackets cost more than one pass. Nothing here raises: what cannot be read is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "bytes | list[Value] | None"

_TOKEN = re.compile(
    rb'"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?\Z)'  # 1: a quoted string; an unclosed one runs to the end of its line
    rb"|([()])"  # 2: a bracket
    rb"|((?:BODY|BINARY)(?:\.PEEK|\.SIZE)?\[[^\]]*\]?[^\s()\"]*"  # 3: an atom; a section holds spaces and brackets,
    rb'|[^\s()"]+)',  #    but a keyword may be `a[b` (RFC 3501: "[" is an ATOM-CHAR)
    re.IGNORECASE | re.DOTALL,
)
_LITERAL = re.compile(rb"~?\{\d+\+?\}\Z")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_NUMBERED = re.compile(rb"(?:\* )?(\d{1,20}) FETCH ", re.IGNORECASE)
_RANGE = re.compile(rb"(\d+)(?::(\d+))?")
SET_LIMIT = 1_000_000


def parse(pieces: Sequence[bytes]) -> list[Value]:
    """Return the values of one response, given as the pieces of its line with each literal as a piece of its own.

    NIL becomes None, a parenthesised list a list, anything else the bytes it stands for. Sections such as
    `BODY[HEADER.FIELDS (TO)]<0>` are one atom.
    """
    top: list[Value] = []
    open_lists = [top]
    literal = False
    for piece in pieces:
        if literal:
            open_lists[-1].append(bytes(piece))
            literal = False
            continue
        literal = _read_line(piece, open_lists)
    return top


def _read_line(line: bytes, open_lists: list[list[Value]]) -> bool:
    """Append the tokens of a line to the innermost open list; say whether a literal follows."""
    announced = _LITERAL.search(line)
    current = open_lists[-1]
    for string, bracket, atom in _TOKEN.findall(line[: announced.start()] if announced else line):
        if atom:
            current.append(None if atom in (b"NIL", b"nil") else atom)
        elif bracket == b"(":
            inner: list[Value] = []
            current.append(inner)
            open_lists.append(inner)
            current = inner
        elif bracket:
            if len(open_lists) > 1:
                open_lists.pop()
            current = open_lists[-1]
        else:
            current.append(_ESCAPED.sub(rb"\1", string) if b"\\" in string else string)
    return announced is not None


def fetches(untagged: Iterable[Sequence[bytes]]) -> Iterator[tuple[int, dict[bytes, Value]]]:
    """Yield (sequence number, items) of each FETCH response, names of items in upper case, in order of arrival."""
    for pieces in untagged:
        numbered = _NUMBERED.match(pieces[0]) if pieces else None
        if numbered is None:
            continue
        values = parse((pieces[0][numbered.end() :], *pieces[1:]))
        items = values[0] if values else None
        if isinstance(items, list):
            yield int(numbered[1]), dict(_pairs(items))


def _pairs(items: list[Value]) -> Iterator[tuple[bytes, Value]]:
    for name, value in zip(items[::2], items[1::2], strict=False):
        if isinstance(name, bytes):
            yield name.upper(), value


def number(value: Value, default: int = 0) -> int:
    """Return a non-negative number of at most 20 digits, else `default`."""
    if isinstance(value, bytes) and value.isdigit() and len(value) <= 20:
        return int(value)
    return default


def text(value: Value) -> bytes:
    """Return the bytes of an atom or string; b"" for NIL and for a list."""
    return value if isinstance(value, bytes) else b""


def atoms(value: Value) -> tuple[bytes, ...]:
    """Return the atoms and strings of a list, such as FLAGS; without what is nested deeper."""
    return tuple(each for each in value if isinstance(each, bytes)) if isinstance(value, list) else ()


def section(items: dict[bytes, Value], start: bytes) -> bytes:
    """Return all values joined whose item begins with `start`, such as b"BODY[HEADER.FIELDS"."""
    return b"".join(text(value) for name, value in items.items() if name.startswith(start))


def named(untagged: Iterable[Sequence[bytes]], keyword: bytes) -> Iterator[list[Value]]:
    """Yield the values after the keyword of each response that begins with it: LIST, STATUS, SEARCH, SORT, ESEARCH."""
    for pieces in untagged:
        line = pieces[0].removeprefix(b"* ") if pieces else b""
        if line[: len(keyword)].upper() == keyword and line[len(keyword) : len(keyword) + 1] in (b" ", b""):
            yield parse((line[len(keyword) :], *pieces[1:]))


def numbers(untagged: Iterable[Sequence[bytes]], keyword: bytes) -> list[int]:
    """Return the numbers of all SEARCH or SORT responses (RFC 3501 §7.2.5, RFC 5256 §4), in order of arrival."""
    found: list[int] = []
    for pieces in untagged:
        line = pieces[0].removeprefix(b"* ") if pieces else b""
        if line[: len(keyword)].upper() == keyword:
            found.extend(int(each) for each in line[len(keyword) :].split() if each.isdigit() and len(each) <= 20)
    return found


def expand(numbers_set: bytes, limit: int = SET_LIMIT) -> list[int]:
    """Return the numbers of a sequence set such as b"1:3,9,7:6" in its order; at most `limit` of them."""
    found: list[int] = []
    for first, last in _RANGE.findall(numbers_set):
        low, high = int(first[:20]), int((last or first)[:20])
        step = 1 if high >= low else -1
        found.extend(range(low, high + step, step)[: limit - len(found)])
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """What ESEARCH returned (RFC 4731 §3.1, RFC 5267 §4.4): None where the server did not say."""

    count: int | None = None
    all: bytes | None = None
    partial: bytes | None = None


def esearch(untagged: Iterable[Sequence[bytes]]) -> Found | None:
    """Return the last ESEARCH response, None without one."""
    answer = None
    for values in named(untagged, b"ESEARCH"):
        items: dict[bytes, Value] = {}
        rest = [each for each in values if not (isinstance(each, list) and each[:1] == [b"TAG"])]
        if rest[:1] == [b"UID"]:
            rest = rest[1:]
        items.update(_pairs(rest))
        answer = _found(items)
    return answer


def _found(items: dict[bytes, Value]) -> Found:
    partial = items.get(b"PARTIAL")
    window = None
    if isinstance(partial, list):
        window = text(partial[1]) if len(partial) > 1 else b""
    return Found(
        count=number(items[b"COUNT"]) if b"COUNT" in items else None,
        all=text(items[b"ALL"]) if b"ALL" in items else None,
        partial=window,
    )
