"""Jinja filters of the log's pages."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from app.blocklog.codes import Policy, word
from app.blocklog.query import Block, Recent
from app.blocklog.reason import POLICIES, sentence, why
from app.web.blocked.asked import place_text
from app.web.format import Zone, clock, in_zone, long_day


def sender(row: Block | Recent) -> str:
    """The address of the envelope; "" for none."""
    return row.sender


def policy(code: Policy) -> str:
    """What a policy is called."""
    return POLICIES[code]


def local_date(moment: datetime, zone: Zone) -> date:
    """The day that it is on the wall clock of the zone."""
    return in_zone(moment, zone).date()


filters: Mapping[str, Callable[..., Any]] = {
    "clock": clock,
    "local_date": local_date,
    "long_day": long_day,
    "place": place_text,
    "policy": policy,
    "sender": sender,
    "sentence": sentence,
    "why": why,
    "word": word,
}
