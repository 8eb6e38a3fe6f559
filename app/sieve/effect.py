"""Where mail is sent on once other scripts run than ran before: what is new of it, and what was inert until now.

A rule that is off sends nothing, nor does what stands below a `stop` that all mail meets. Moved above something that
may stop a message, it sends more than it did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import accumulate

from app.sieve.block import Block
from app.sieve.errors import Unreadable
from app.sieve.script import Script
from app.sieve.targets import SENDS, UNTOLD, targets
from app.sieve.token import tokens

_STOPS = frozenset({b"stop", b"return", b"reject", b"ereject"})
_CONSTANT = frozenset({b"true", b"false"})
_NEVER = 2**31
_WORD = re.compile(rb"[A-Za-z]+")
_SETS = frozenset({b"set", b"global", b"extracttext"})
_SAYS = re.compile(SENDS.pattern + rb"|stop|return|reject|discard|" + b"|".join(sorted(_SETS)), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a script that runs: its `key` is its text, `words` are those that are neither strings nor comments."""

    block: Block
    key: bytes
    words: frozenset[bytes]
    targets: frozenset[str]

    @property
    def stops(self) -> bool:
        """Whether it may stop a message."""
        return bool(self.words & _STOPS)


@dataclass(frozen=True, slots=True)
class Sending:
    """A part of a script that sends mail on. `below`: how many parts above it may stop a message; `ended`: one of them
    stops all; `sure`: no test of it is the same for all mail, but for a rule's own `if true`."""

    source: bytes
    targets: frozenset[str]
    below: int
    ended: bool
    sure: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """`fresh`: addresses that got no mail before · `anew`: those of all parts that are new, changed or moved up."""

    fresh: frozenset[str]
    anew: frozenset[str]


def effect(before: Sequence[Part], after: Sequence[Part]) -> Effect:
    """What becomes of mail's targets where these parts run in place of those. Linear in both."""
    stops = [part.key for part in after if part.stops]
    vouching = [_vouching(before, stops, ended=ended) for ended in (False, True)]
    fresh: set[str] = set()
    anew: set[str] = set()
    for each in sendings(after):
        by_source, by_target = vouching[each.ended]  # what sent nothing may go on doing that
        same = by_source.get(each.source, _NEVER)
        new = {to for to in each.targets if min(same, by_target.get(to, _NEVER)) > each.below}
        fresh |= new
        anew |= new if same <= each.below else each.targets
    return Effect(frozenset(fresh), frozenset(anew))


def _vouching(
    before: Sequence[Part], stops: Sequence[bytes], *, ended: bool
) -> tuple[dict[bytes, int], dict[str, int]]:
    """By source and by target, what sent mail: below how many of the parts that may stop a message now it stands where
    none that was above it has come below it. `ended`: also what stands below a part that stops all."""
    places = {key: place for place, key in reversed([*enumerate(stops, 1)])}
    needs = [0, *accumulate((places.get(part.key, 0) for part in before if part.stops), max)]
    by_source: dict[bytes, int] = {}
    by_target: dict[str, int] = {}
    for each in sendings(before):
        if ended or not each.ended:
            need = needs[each.below]
            by_source[each.source] = min(need, by_source.get(each.source, _NEVER))
            for to in (to for to in each.targets if each.sure and UNTOLD not in to):
                by_target[to] = min(need, by_target.get(to, _NEVER))
    return by_source, by_target


def running(scripts: Iterable[Script], known: Iterable[Part] = ()) -> list[Part]:
    """The parts of scripts, one after the other, that are not off. What cannot be taken apart is one part. `known`: of
    other scripts, so that the same text is looked at once: a script may have 5,000."""
    seen = {part.key: part for part in known}
    found: list[Part] = []
    for script in scripts:
        blocks: Sequence[Block] = (Block("text", script.source),) if script.broken else script.blocks
        for block in blocks:
            if block.shown and (block.rule is None or block.rule.enabled):
                same = seen.get(block.source.strip())
                found.append(replace(same, block=block) if same is not None else _part(block))
    return found


def _part(block: Block) -> Part:
    sends, says = SENDS.search(block.source), _SAYS.search(block.source)
    words, to = _words(block) if says else frozenset[bytes](), targets(block.source) if sends else frozenset[str]()
    return Part(block, block.source.strip(), words, to)


def sendings(found: Iterable[Part]) -> Iterator[Sending]:
    """Those that send mail on. To whom a variable says, is another thing where anything sets one differently."""
    parts = [*found]
    below, ended = 0, False
    said = sha256(b"\0".join(part.key for part in parts if part.words & _SETS)).digest()
    for part in parts:
        if part.targets:
            sure = part.block.rule is not None or not part.words & _CONSTANT
            source = part.key + said if any(UNTOLD in to for to in part.targets) else part.key
            yield Sending(source, part.targets, below, ended, sure)
        if part.stops:
            below += 1
            ended = ended or _stops_all(part.block)


def _stops_all(block: Block) -> bool:
    if block.rule is not None:
        return getattr(block.rule, "join", "") == "always"
    return block.command.lower().startswith((b"stop", b"return"))


def _words(block: Block) -> frozenset[bytes]:
    try:
        found = ((kind, block.source[start:end].lower()) for kind, start, end in tokens(block.source))
        return frozenset(word for kind, word in found if kind == "word")
    except Unreadable:  # what is not understood may say anything
        return _CONSTANT.union(each.lower() for each in _WORD.findall(block.source))
