"""What a filter of content is told of a message, for all of its recipients at once: a message has one verdict.

`CONTENT junk=5 reject=15 greylist=1 rule=deny:42`. Of several people the most patient limits count, so that nobody
misses mail by another's choice; a rule acts where it does for each of them. Settings as in spam.py.

Rspamd does what has the highest limit of those that a score reaches: what would come before the refusal must not stand
above it, nor what delays above the spam folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from app.policy.decisions import Mail, decisions, held
from app.policy.rule import Rule
from app.policy.senders import Decision, judged
from app.policy.spam import DEFAULTS

NAMES: Final = ("greylist", "junk_score", "reject_score")
NEVER: Final = "9999"  # a score that nothing reaches
DELAYS: Final = 4.0  # from which score Rspamd delays, unless a site says otherwise
MOST: Final = 50  # recipients of a message, as in config/rspamd/postern.lua


def contents(
    engine: Engine, messages: Sequence[Sequence[Mail]], authors: Sequence[str], now: datetime, *, greylists: bool
) -> list[str]:
    """The answer about each message, which is given as one mail for each recipient. `authors`: whom they name in From;
    such a name is easily made up, so that nobody is allowed by it. Raises PolicyAway."""
    mails = [each for some in messages for each in some]
    named = [
        Mail(author, "", each.recipient, each.account_id, each.site)
        for some, author in zip(messages, authors, strict=True)
        for each in some
    ]
    both = decisions(engine, [*mails, *named], now)
    sent, wrote = both[: len(mails)], both[len(mails) :]
    decided = [_denied_too(*each) for each in zip(sent, wrote, strict=True)]
    chosen = held(engine, mails, NAMES)
    told, at = [], 0
    for some in messages:
        until = at + len(some)
        told.append(_told(decided[at:until], chosen[at:until], greylists))
        at = until
    return told


def _denied_too(sent: Decision, wrote: Decision) -> Decision:
    """By what the server said, and by the visible sender where that is denied; the usual order of precedence."""
    denied = [wrote.rule] if wrote.action == "deny" and wrote.rule is not None else []
    known: list[Rule] = [*([sent.rule] if sent.rule is not None else []), *denied]
    again = judged(known)
    return Decision(again.action, again.rule, sent.nogrey or again.nogrey)


def _told(decided: Sequence[Decision], chosen: Sequence[Mapping[str, str]], greylists: bool) -> str:
    waits = greylists and all(
        not each.nogrey and values.get("greylist", "1") == "1" for each, values in zip(decided, chosen, strict=True)
    )
    action, number = _rule(decided)
    # Who allows the sender has no limit of their own; the others' are left.
    others = [values for each, values in zip(decided, chosen, strict=True) if each.action != "allow"]
    junk, reject = (_highest(others, name) for name in ("junk_score", "reject_score"))
    if len(others) < len(decided):
        reject = NEVER  # somebody wants it
    waits = waits and min(float(junk), float(reject)) > DELAYS
    junk = junk if float(junk) < float(reject) else NEVER
    rule = f" rule={action}:{number}" if action else ""
    return f"CONTENT junk={junk} reject={reject} greylist={int(waits)}{rule}"


def _rule(decided: Sequence[Decision]) -> tuple[str, int]:
    """What all of them say, and the first one's rule."""
    first = decided[0]
    alike = first.rule is not None and all(each.action == first.action for each in decided)
    return (first.action, first.rule.rule_id) if alike and first.rule is not None else ("", 0)


def _highest(chosen: Iterable[Mapping[str, str]], name: str) -> str:
    return max((values.get(name, DEFAULTS[name]) for values in chosen), key=float, default=DEFAULTS[name])
