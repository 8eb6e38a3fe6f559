"""Rules that refuse, and what runs beside them: a mail server that is to refuse a message which another rule has filed,
sent on, answered or refused, whichever comes first, gives up on the script and leaves the message in the inbox.

Met on Pigeonhole 0.5.19: "reject/ereject action conflicts with other action"; two refusals fail alike, and what is kept
by a rule of its own is refused and kept. So a refusal comes first, and is the last thing that a script does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from app.sieve import read
from app.sieve.block import AnyRule, Block
from app.sieve.forward import Forward
from app.sieve.rule import Action, Rule
from app.sieve.vacation import Vacation

MOST: Final = 600  # a script may have 5,000, and each may clash with each
_REFUSES: Final = frozenset({"reject", "ereject"})
_MARKER: Final = b"# rule:[your own rule (text)]\r\n"
_DELIVERS: Final = frozenset({"fileinto", "redirect", "keep"})


@dataclass(frozen=True, slots=True)
class Clash:
    """Blocks that do something else with a message that a refusing rule meets, too: `above` it, and `below` it where it
    does not end the script."""

    above: tuple[int, ...] = ()
    below: tuple[int, ...] = ()


def ended(rule: Rule) -> Rule:
    """A rule as we write it: one that refuses ends with `stop`. Raises BadRule where it has too many actions then."""
    if not refuses(rule) or _stops(rule):
        return rule
    return replace(rule, actions=(*rule.actions, Action("stop")))


def refuses(rule: AnyRule) -> bool:
    """Whether a rule refuses what it meets."""
    return bool(_kinds(rule) & _REFUSES)


def clashes(blocks: Sequence[Block]) -> Mapping[int, Clash]:
    """By each rule that refuses, what would have it fail where a message meets both; of the first MOST rules."""
    known = ((at, rule) for at, block in enumerate(blocks) if (rule := meant(block)) is not None and rule.enabled)
    rules = dict(islice(known, MOST))
    going = {at for at, rule in rules.items() if not _stops(rule)}
    delivering = [at for at, rule in rules.items() if delivers(rule)]
    acting = [at for at in rules if at in going and (delivers(rules[at]) or refuses(rules[at]))]
    found: dict[int, Clash] = {}
    for at in [at for at, rule in rules.items() if refuses(rule)]:
        above = tuple(one for one in acting if one < at)
        below = tuple(one for one in delivering if one > at) if at in going else ()
        if above or below:
            found[at] = Clash(above, below)
    return found


def at_odds(blocks: Sequence[Block], at: int) -> tuple[AnyRule, ...]:
    """The rules with which one of them clashes, whichever of the two refuses."""
    found = clashes(blocks)
    own = found.get(at, Clash())
    others = {*own.above, *own.below, *(one for one, clash in found.items() if at in (*clash.above, *clash.below))}
    return tuple(rule for one in sorted(others) if (rule := meant(blocks[one])) is not None)


def meant(block: Block) -> AnyRule | None:
    """The rule that a block is, or that somebody wrote by hand and one of ours could say."""
    if block.rule is not None or block.kind != "text":
        return block.rule
    return read.rule(_MARKER + block.command, expands=True)


def delivers(rule: AnyRule) -> bool:
    """Whether it delivers or answers."""
    return isinstance(rule, Vacation) or bool(_kinds(rule) & _DELIVERS)


def _stops(rule: AnyRule) -> bool:
    return "stop" in _kinds(rule)


def _kinds(rule: AnyRule) -> frozenset[str]:
    if isinstance(rule, Forward):
        return frozenset({"redirect"})
    return frozenset(each.kind for each in rule.actions if isinstance(each, Action))
