"""Compares texts as Sieve does: `:is`, `:contains`, and `:matches` with * or ? (RFC 5228 §2.7.1), in linear time.

A pattern is cut at its stars, and each piece is sought behind the last one: the first place found is always as good
as any later. No pattern here has both * and ?, or ends with half an escape: of such Pigeonhole 0.5.19 finds some where
they are not, misses others, and dies of a few (`mcht-matches.c: assertion failed`), which stops an account's mail.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def fold(text: str, comparator: str = "") -> str:
    """The octets of a text, a character each, as a comparator sees them: i;ascii-casemap (RFC 4790 §9.2) or i;octet.
    So ? is one octet, as it is to Pigeonhole."""
    octets = text.encode(errors="replace").decode("latin-1")
    return octets if comparator == "i;octet" else octets.translate(_UPPER)


def compares(op: str, values: tuple[str, ...], text: str, comparator: str = "") -> bool:
    """Whether a text compares so to any of the values."""
    one = _ONE[op]
    folded = fold(text, comparator)
    return any(one(value, folded) for value in _folded(values, comparator))


@lru_cache(maxsize=64)
def _folded(values: tuple[str, ...], comparator: str) -> tuple[str, ...]:
    return tuple(fold(value, comparator) for value in values)


def misread(pattern: str) -> bool:
    """Whether servers misread a pattern: it has * as well as ?, or ends in the middle of an escape."""
    found = parts(pattern)
    backslashes = len(pattern) - len(pattern.rstrip("\\"))
    return backslashes % 2 == 1 or (len(found) > 1 and any(None in part for part in found))


def matches(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern with * and ? says."""
    first, *rest = parts(pattern)
    if not rest:
        return len(first) == len(text) and all(one in (None, other) for one, other in zip(first, text, strict=True))
    start, *middle, last = ("".join(map(str, part)) for part in (first, *rest))
    at, end = len(start), len(text) - len(last)
    if end < at or not text.startswith(start) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


@lru_cache(maxsize=512)
def parts(pattern: str) -> tuple[tuple[str | None, ...], ...]:
    """What stands between the stars of a pattern: characters, and None for any one."""
    found: list[list[str | None]] = [[]]
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            found.append([])
        elif character == "\\":
            found[-1].append(next(characters, "\\"))
        else:
            found[-1].append(None if character == "?" else character)
    return tuple(map(tuple, found))


_ONE: Final[dict[str, Callable[[str, str], bool]]] = {
    "is": str.__eq__,
    "contains": lambda value, text: value in text,
    "matches": matches,
    # RFC 5231: the text stands on the left.
    "eq": str.__eq__,
    "ne": str.__ne__,
    "gt": str.__lt__,
    "ge": str.__le__,
    "lt": str.__gt__,
    "le": str.__ge__,
}
