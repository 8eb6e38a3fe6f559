"""Whether a vacation answers now: its first and last day, or moment, against a clock.

Each bound has the offset of its own day, so a day begins and ends by the clock that the script is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Literal

from app.sieve.vacation import Bound

State = Literal["before", "within", "after"]


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when; None: open on that side."""

    start: Bound | None = None
    end: Bound | None = None

    def state(self, now: datetime) -> State:
        """Where a moment lies. The last day is within."""
        if self.start is not None and _place(self.start, now) < _of(self.start):
            return "before"
        if self.end is not None and _place(self.end, now) > _of(self.end):
            return "after"
        return "within"

    def as_json(self) -> list[list[str] | None]:
        return [_told(self.start), _told(self.end)]

    @classmethod
    def from_json(cls, told: Any) -> Period | None:
        """What `as_json` wrote; None for anything else."""
        try:
            start, end = (_bound(each) for each in told)
        except (TypeError, ValueError):
            return None
        return cls(start, end)


def _place(bound: Bound, now: datetime) -> tuple[date, time]:
    """A moment by the bound's clock, as far as the bound tells it."""
    offset = bound.offset or "+0000"  # without one the server's own clock counts, which nobody here knows
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
    here = now.astimezone(timezone(-ahead if offset[0] == "-" else ahead))
    return here.date(), here.time().replace(microsecond=0) if bound.at is not None else time()


def _of(bound: Bound) -> tuple[date, time]:
    return bound.day, bound.at or time()


def _told(bound: Bound | None) -> list[str] | None:
    if bound is None:
        return None
    return [bound.day.isoformat(), bound.offset, bound.at.isoformat() if bound.at else ""]


def _bound(told: Sequence[str] | None) -> Bound | None:
    """Raises TypeError, ValueError."""
    if told is None:
        return None
    day, offset, at = told
    found = Bound(date.fromisoformat(day), offset, time.fromisoformat(at) if at else None)
    found.condition("ge")
    return found
