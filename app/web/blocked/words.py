"""Jinja filters of the log's pages."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from app.blocklog.codes import Policy, word
from app.blocklog.query import Block, Recent
from app.blocklog.reason import POLICIES, sentence, why
from app.policy.senders import Decision
from app.web.blocked.asked import place_text
from app.web.blocked.situation import situation
from app.web.format import Zone, clock, in_zone, long_day
from app.web.resources import resources

_OFFERS = (("release", "Release…"), ("nogrey", "Don’t delay…"), ("allow", "Allow…"), ("tell", "Tell the sender…"))


def sender(row: Block | Recent) -> str:
    """The address of the envelope; "" for none."""
    return row.sender


def policy(code: Policy) -> str:
    """What a policy is called."""
    return POLICIES[code]


def local_date(moment: datetime, zone: Zone) -> date:
    """The day that it is on the wall clock of the zone."""
    return in_zone(moment, zone).date()


def offer(row: Block) -> str:
    """What a list proposes to do about a message; "" for nothing. The page of the message decides (situation.py)."""
    kept = ("release",) if row.stored_ref else ()
    asked = resources().settings.rules_asked
    its = situation(row, Decision(), account_id=row.account_id, own=(), kept=kept, report=False, asked=asked)
    return next((words for name, words in _OFFERS if name in its.offers), "")


filters: Mapping[str, Callable[..., Any]] = {
    "clock": clock,
    "local_date": local_date,
    "long_day": long_day,
    "offer": offer,
    "place": place_text,
    "policy": policy,
    "sender": sender,
    "sentence": sentence,
    "why": why,
    "word": word,
}
