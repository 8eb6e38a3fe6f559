"""Parts of scripts that throw away, refuse or send on all mail, or nearly all: whoever's mail it is should hear of one.

Whether a rule is for all mail is not read from its words, as too many words say that: it is tried on some messages
that have nothing in common but whom they are for. What is not understood may be for all mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from app.sieve.block import AnyRule
from app.sieve.effect import Part
from app.sieve.forward import Forward
from app.sieve.match import Mail, Reading, holds
from app.sieve.refusal import meant
from app.sieve.rule import Action, Condition, Rule
from app.sieve.vacation import Vacation

_REFUSES: Final = ("reject", "ereject")
_KEEPS: Final = ("fileinto", "keep")
_DAYS: Final = (0, 1, 7, 30, 365)  # from now on: a rule may begin later
# Sender, subject, text, size. No letter or digit is in all senders, subjects or texts.
_PROBES: Final = (
    ("ada@lists.uni.edu", "Minutes: board", "All of it, as agreed.", 7_000),
    ("k.v@shop.mx", "", "", 3_000),
    ("4711@tel.co.jp", "RE: 98 %", "12 34", 80_000),
    ("no-reply@fi.zw", "\u4f60\u597d", "\u4f60\u597d", 12_000),
    ("qq@h.bg", "lunch?", "Bob? Yes!", 30_000),
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What does it. `does`: "discard", "reject" or "redirect", `to` whom · `name`: of the rule, or "" · `told`: it is
    known to be for all mail, and not only too entangled to tell."""

    does: str
    name: str = ""
    to: frozenset[str] = frozenset()
    told: bool = True


def sweeps(before: Iterable[Part], after: Iterable[Part], address: str, now: datetime) -> tuple[Sweep, ...]:
    """What is new of this in parts that run in place of others, for who gets mail at that address."""
    former = {_meaning(part) for part in before if part.words}
    new = (part for part in after if part.words and _meaning(part) not in former)
    return tuple(each for part in new for each in _sweeps(part, address, now))


def _meaning(part: Part) -> object:
    """A part of a script without what it is called."""
    rule = part.block.rule
    return (rule.join, rule.conditions, rule.actions) if isinstance(rule, Rule) else part.key


def _sweeps(part: Part, address: str, now: datetime) -> Iterator[Sweep]:
    block, to = part.block, part.targets
    rule = meant(block)
    if rule is None:
        if denial := next((each for each in ("discard", *_REFUSES) if each.encode() in part.words), ""):
            sure = block.command[: len(denial)].lower() == denial.encode()
            yield Sweep("discard" if denial == "discard" else "reject", block.name, told=sure)
        if to:
            yield Sweep("redirect", block.name, to, told=block.command[:8].lower() == b"redirect")
        return
    if (does := _does(rule)) and meets_all(rule, address, now):
        yield Sweep(does, block.name, to)


def _does(rule: AnyRule) -> str:
    """What becomes of the mail; "" where somebody still finds it here, and nobody else gets it."""
    if isinstance(rule, Forward):
        return "redirect"
    kinds = [each.kind for each in rule.actions if isinstance(each, Action)]
    if "redirect" in kinds:
        return "redirect"
    if any(each in _REFUSES for each in kinds):
        return "reject"
    return "discard" if "discard" in kinds and not any(each in _KEEPS for each in kinds) else ""


def meets_all(rule: AnyRule, address: str, now: datetime) -> bool:
    """Whether a rule meets all mail, or nearly all, on some day from now on."""
    if isinstance(rule, Forward) or not rule.conditions:
        return True
    tried = _of_text(rule)
    return any(all(holds(tried, mail) for mail in _mails(address, now + timedelta(days=days))) for days in _DAYS)


def _of_text(rule: Rule | Vacation) -> Rule:
    """The rule as it would ask for texts: those of the messages here are all that they hold."""
    return Rule("-", tuple(map(_asked_here, rule.conditions)), (Action("keep"),), rule.join)


def _asked_here(one: Condition) -> Condition:
    """Of an address book, which only the server has, nobody is in it."""
    if one.op == "list":
        return Condition("size", "over" if one.negated else "under", size=0)
    return replace(one, part="text", content=()) if one.kind == "body" else one


def _mails(address: str, moment: datetime) -> Iterator[Mail]:
    for number, (sender, subject, text, size) in enumerate(_PROBES):
        told = {
            "return-path": sender, "delivered-to": address, "received": f"from {number} for {address}",
            "from": sender, "to": address, "subject": subject, "date": f"{moment:%a, %d %b %Y %H:%M:%S} +0000",
            "message-id": f"<{number}@{sender.partition('@')[2]}>", "mime-version": "1.0", "content-type": "text/plain",
        }  # fmt: skip
        fields = [(name, value.encode()) for name, value in told.items()]
        yield Mail(fields, size, moment, _READING, (text,))


_READING: Final = Reading(lambda raw: raw.decode(), lambda raw: [raw.decode()])
