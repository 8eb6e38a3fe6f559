"""Two texts beside each other, line by line: which lines only one of them has, and where both go on alike.

difflib's cost grows with the square of the lines, in the hands of a stranger: what both begin and end with is taken off
first, and where too much is left all of it counts as different.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Final

MOST_LINES: Final = 200  # compared with each other; the worst found took 0.3 s
NEAR: Final = 2  # lines alike that are shown around a difference
FOLDED: Final = 4  # that are not shown, at least
SHOWN: Final = 400  # lines of a side
LONGEST: Final = 4000  # characters of a line


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one side; `differs`: the other has it not. `alike`: in place of so many lines that both have."""

    text: str
    differs: bool = False
    alike: int = 0


Side = tuple[Line, ...]


def sides(one: str, other: str) -> tuple[Side, Side]:
    """Both texts, each as its own lines."""
    first, second = one.split("\n"), other.split("\n")
    before = _common(first, second)
    after = _common(first[before:][::-1], second[before:][::-1])
    blocks = list(_blocks(first, second, before, after))
    return _side(first, blocks, 0), _side(second, blocks, 1)


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _blocks(first: list[str], second: list[str], before: int, after: int) -> Iterator[tuple[int, int, int]]:
    """Where both are alike: from which line of each, and how many; the last is empty."""
    yield 0, 0, before
    ends = len(first) - after, len(second) - after
    if max(ends) - before <= MOST_LINES:
        middle = SequenceMatcher(None, first[before : ends[0]], second[before : ends[1]], autojunk=False)
        for one, two, size in middle.get_matching_blocks():
            if size:
                yield before + one, before + two, size
    yield *ends, after
    yield len(first), len(second), 0


def _side(lines: list[str], blocks: list[tuple[int, int, int]], which: int) -> Side:
    found: list[Line] = []
    done = 0
    for block in blocks:
        at, size = block[which], block[2]
        found += [Line(_short(each), differs=True) for each in lines[done:at]]
        found += _alike(lines[at : at + size], first=at == 0, last=at + size == len(lines))
        done = at + size
    return tuple(found[:SHOWN]) + ((Line("…"),) if len(found) > SHOWN else ())


def _alike(lines: list[str], *, first: bool, last: bool) -> Iterator[Line]:
    head, tail = 0 if first else NEAR, 0 if last else NEAR
    if len(lines) < head + tail + FOLDED:
        yield from (Line(_short(each)) for each in lines)
        return
    yield from (Line(_short(each)) for each in lines[:head])
    yield Line("", alike=len(lines) - head - tail)
    yield from (Line(_short(each)) for each in lines[len(lines) - tail :])


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
