"""Days begin and end by the clock of their own offset; what is kept of a period is read as it was."""

from datetime import UTC, date, datetime, time

import pytest

from app.sieve.period import Period
from app.sieve.vacation import Bound

START, END = Bound(date(2026, 12, 20), "+0100"), Bound(date(2027, 1, 3), "+0100")


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        ("2026-12-19T22:59:59", "before"),
        ("2026-12-19T23:00:00", "within"),
        ("2027-01-03T22:59:59", "within"),
        ("2027-01-03T23:00:00", "after"),
    ],
)
def test_the_first_and_the_last_day_are_within(moment: str, state: str):
    assert Period(START, END).state(datetime.fromisoformat(moment).replace(tzinfo=UTC)) == state


def test_a_time_of_day_counts_to_the_second_and_west_of_greenwich_days_begin_later():
    at = Period(Bound(date(2026, 7, 1), "-0430", time(8)), None)
    assert at.state(datetime(2026, 7, 1, 12, 29, 59, tzinfo=UTC)) == "before"
    assert at.state(datetime(2026, 7, 1, 12, 30, 0, 5, tzinfo=UTC)) == "within"
    until = Period(None, Bound(date(2026, 7, 1), "", time(8)))
    assert until.state(datetime(2026, 7, 1, 8, 0, 0, 999, tzinfo=UTC)) == "within"
    assert until.state(datetime(2026, 7, 1, 8, 0, 1, tzinfo=UTC)) == "after"


def test_what_is_kept_is_read_as_it_was_and_anything_else_is_none():
    for period in (Period(), Period(START, END), Period(None, Bound(date(2026, 7, 1), "-0430", time(8, 30)))):
        assert Period.from_json(period.as_json()) == period
    for told in (None, 1, "x", [], [None], [["x", "", ""], None], [["2026-01-01", "CET", ""], None], [[1, 2, 3], None]):
        assert Period.from_json(told) is None
