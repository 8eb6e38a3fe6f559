"""When a message is to be sent: by the clock on the wall, also where clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.web.sending.later import BadTime, moment, offers, typed

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = datetime(2026, 11, 27, 14, 0, tzinfo=BERLIN)


def told(now: datetime) -> dict[str, str]:
    return {offer.label: offer.value for offer in offers(now)}


def test_on_a_friday_the_evening_the_morning_and_monday_are_offered():
    assert told(FRIDAY) == {
        "This evening": "2026-11-27T18:00",
        "Tomorrow morning": "2026-11-28T08:00",
        "Monday morning": "2026-11-30T08:00",
    }
    assert [offer.shown for offer in offers(FRIDAY)][2] == "Mon 30, 08:00"


@pytest.mark.parametrize("hour", [17, 18, 23])
def test_in_the_evening_no_evening_is_offered(hour: int):
    assert "This evening" not in told(FRIDAY.replace(hour=hour, minute=31))


def test_monday_is_offered_once_and_never_today():
    sunday, monday = FRIDAY + timedelta(days=2), FRIDAY + timedelta(days=3)
    assert told(sunday)["Tomorrow morning"] == "2026-11-30T08:00" and "Monday morning" not in told(sunday)
    assert told(monday)["Monday morning"] == "2026-12-07T08:00"


def test_the_morning_after_clocks_are_set_is_the_morning_on_the_wall():
    saturday = datetime(2027, 3, 27, 23, 30, tzinfo=BERLIN)
    (morning, *_) = offers(saturday)
    assert morning.value == "2027-03-28T08:00"
    assert morning.moment.astimezone(UTC) == datetime(2027, 3, 28, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("Europe/Berlin", "17:00"), ("America/New_York", "23:00"), ("Asia/Kolkata", "12:30"), ("UTC", "18:00")],
)
def test_what_was_typed_holds_in_the_writer_s_zone(zone: str, utc: str):
    now = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    found = moment("2026-11-27T18:00", ZoneInfo(zone), now)
    assert f"{found.astimezone(UTC):%H:%M}" == utc and typed(found) == "2026-11-27T18:00"


def test_an_hour_that_is_left_out_lies_after_the_gap_and_one_that_comes_twice_is_the_first():
    gap = moment("2027-03-28T02:30", BERLIN, FRIDAY)
    assert typed(gap) == "2027-03-28T03:30" and gap.astimezone(UTC).hour == 1
    twice = moment("2027-10-31T02:30", BERLIN, FRIDAY)
    assert twice.astimezone(UTC) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Choose a day"),
        ("tomorrow", "Choose a day"),
        ("2026-11-28T08:00Z", "Choose a day"),
        ("2026-02-30T08:00", "Choose a day"),
        ("2026-11-27T14:00", "has passed"),
        ("0001-01-01T00:00", "year|passed"),
        ("2028-01-01T08:00", "within a year"),
        ("9999-12-31T23:59", "within a year"),
    ],
)
def test_times_at_which_nothing_can_be_sent_are_told_in_words(text: str, why: str):
    with pytest.raises(BadTime, match=why):
        moment(text, BERLIN, FRIDAY)
