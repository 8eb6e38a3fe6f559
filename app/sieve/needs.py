"""Which extensions a rule requires of the server that runs it: what stands in its script's `require`."""

from __future__ import annotations

from typing import Final

from app.sieve.forward import Forward
from app.sieve.rule import FLAG_ACTIONS, RELATIONS, Action, Condition, Rule
from app.sieve.vacation import Answer, Vacation

_CONDITIONS: Final = {"envelope": "envelope", "body": "body", "date": "date"}
_ACTIONS: Final = {"fileinto": "fileinto", "reject": "reject", "ereject": "ereject"} | dict.fromkeys(
    FLAG_ACTIONS, "imap4flags"
)


def needs(rule: Rule | Vacation | Forward) -> frozenset[str]:
    """The capabilities without which the rule does not compile."""
    plain = rule.rule() if isinstance(rule, Forward) else rule
    found: set[str] = set()
    for condition in plain.conditions:
        found |= needs_of(condition)
    for action in plain.actions:
        found |= _answer(action) if isinstance(action, Answer) else _action(action)
    return frozenset(found)


def needs_of(condition: Condition) -> set[str]:
    """The extensions that one condition requires."""
    found = {_CONDITIONS[condition.kind]} if condition.kind in _CONDITIONS else set()
    if condition.part in ("user", "detail"):
        found.add("subaddress")
    if condition.op in RELATIONS:
        found.add("relational")
    if condition.op == "list":
        found.add("extlists")
    return found


def _action(action: Action) -> set[str]:
    found = {_ACTIONS[action.kind]} if action.kind in _ACTIONS else set()
    return found | ({"copy"} if action.copy else set()) | ({"mailbox"} if action.create else set())


def _answer(answer: Answer) -> set[str]:
    return {"vacation"} | ({"vacation-seconds"} if answer.seconds is not None else set())
