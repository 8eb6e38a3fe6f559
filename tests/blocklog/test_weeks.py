"""Weekly partitions are made ahead and dropped, and no row is ever without a place."""

from __future__ import annotations

from datetime import UTC, datetime

from app.blocklog import weeks
from tests.blocklog.filling import NOW


def day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def test_a_partition_is_called_after_the_week_that_it_ends_with() -> None:
    assert weeks.name_of(day(2026, 11, 23)) == "p2026w47"
    assert weeks.name_of(day(2027, 1, 4)) == "p2026w53"  # that year has 53


def test_weeks_are_made_from_the_last_that_is_too_old_that_is_kept_to_four_ahead() -> None:
    new = weeks.wanted(NOW, 14, [])
    assert new[0] == day(2026, 11, 9) and new[-1] == day(2026, 12, 28)
    assert all(later - earlier == weeks.WEEK for earlier, later in zip(new, new[1:], strict=False))
    assert all(each.weekday() == 0 for each in new)


def test_only_weeks_that_are_missing_are_made_also_after_a_long_rest() -> None:
    assert weeks.wanted(NOW, 90, weeks.wanted(NOW, 90, [])) == []
    assert weeks.wanted(NOW, 90, [day(2026, 12, 14)]) == [day(2026, 12, 21), day(2026, 12, 28)]
    rested = weeks.wanted(NOW, 14, [day(2025, 12, 1)])
    assert rested[0] == day(2025, 12, 8) and rested[-1] == day(2026, 12, 28)
