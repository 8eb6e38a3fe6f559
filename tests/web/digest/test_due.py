"""A digest is due once in a day or week, in the morning of who gets it, and begins where the last one ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.web.digest.due import LONGEST, Wish, period, sent, since, wish

BERLIN, SYDNEY = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Sydney")
NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("now", "zone", "daily", "weekly"),
    [
        (NOON, BERLIN, "2026-11-27", "2026-11-23"),
        (datetime(2026, 11, 27, 5, 59, tzinfo=UTC), BERLIN, "2026-11-26", "2026-11-23"),
        (datetime(2026, 11, 27, 6, 0, tzinfo=UTC), BERLIN, "2026-11-27", "2026-11-23"),
        (datetime(2026, 11, 30, 5, 59, tzinfo=UTC), BERLIN, "2026-11-29", "2026-11-23"),
        (datetime(2026, 11, 30, 6, 0, tzinfo=UTC), BERLIN, "2026-11-30", "2026-11-30"),
        (datetime(2026, 11, 29, 21, 0, tzinfo=UTC), SYDNEY, "2026-11-30", "2026-11-30"),
    ],
)
def test_a_period_begins_at_seven_of_one_s_own_clock(now: datetime, zone: ZoneInfo, daily: str, weekly: str) -> None:
    assert (period("daily", now, zone), period("weekly", now, zone)) == (daily, weekly)


def test_what_was_sent_in_this_period_is_not_due_again_and_the_next_begins_there() -> None:
    last = sent("daily", NOON, BERLIN)
    assert since(last, "daily", NOON + timedelta(hours=1), BERLIN) is None
    assert since(last, "daily", NOON + timedelta(days=1), BERLIN) == NOON
    assert since(sent("weekly", NOON, BERLIN), "weekly", NOON + timedelta(days=2), BERLIN) is None
    assert since(sent("weekly", NOON, BERLIN), "weekly", NOON + timedelta(days=3), BERLIN) == NOON


def test_a_long_silence_is_not_made_up_for() -> None:
    later = NOON + timedelta(days=100)
    assert since(sent("daily", NOON, BERLIN), "daily", later, BERLIN) == later - LONGEST


@pytest.mark.parametrize("last", [None, 7, {}, {"until": "x"}, {"until": None, "period": "y"}])
def test_what_nobody_can_read_begins_a_day_ago(last: Any) -> None:
    assert since(last, "daily", NOON, BERLIN) == NOON - timedelta(days=1)


@pytest.mark.parametrize("value", [None, "daily", {}, {"every": "hourly", "address": "a@b"}, {"every": "daily"}])
def test_what_is_no_wish_is_none(value: Any) -> None:
    assert wish(value) is None


def test_a_wish_is_read_as_it_was_kept() -> None:
    chosen = Wish("weekly", "anna@one.example")
    assert wish(chosen.kept()) == chosen
