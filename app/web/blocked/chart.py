"""How much was stopped: one bar for each of the last 24 hours, and the counts of a day and a week by policy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from sqlalchemy import Engine

from app.blocklog import query, totals
from app.blocklog.codes import Policy
from app.blocklog.reason import POLICIES
from app.web.blocked.asked import SHOWN
from app.web.format import in_zone

HOURS = 24
STEP = 10  # units of the drawing from one bar to the next
TALL = 32
LEAST = 4  # of so few in an hour none is a tall bar


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour: where it stands in the drawing, and what is said of it."""

    x: int
    y: float
    height: float
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """One policy: how much in a day, in a week, and the week's length of bar in hundredths of the longest."""

    policy: Policy
    label: str
    day: int
    week: int
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """What the page draws."""

    bars: Sequence[Bar]
    lines: Sequence[Line]

    @property
    def day(self) -> int:
        """All of 24 hours."""
        return sum(each.day for each in self.lines)

    @property
    def week(self) -> int:
        """All of seven days."""
        return sum(each.week for each in self.lines)


def chart(engine: Engine, account_id: str, now: datetime, zone: tzinfo) -> Chart:
    """An account's chart. Raises LogAway, LogBusy."""
    begun = in_zone(now, zone).replace(minute=0, second=0, microsecond=0)  # some zones lie half an hour apart
    since = begun.astimezone(UTC) - timedelta(hours=HOURS - 1)
    by_hour: Counter[int] = Counter()
    for each in totals.hours(engine, account_id, since, since + timedelta(hours=HOURS)):
        by_hour[(each.at - since) // timedelta(hours=1)] += each.number
    return Chart(_bars(by_hour, since, zone), _lines(query.counts(engine, account_id, now)))


def _bars(by_hour: Mapping[int, int], since: datetime, zone: tzinfo) -> list[Bar]:
    tallest = max([LEAST, *by_hour.values()])
    made = []
    for number in range(HOURS):
        at = since + timedelta(hours=number)
        count = by_hour.get(number, 0)
        height = max(2.0, round(TALL * count / tallest, 1)) if count else 0.0
        words = f"{in_zone(at, zone):%H:%M} to {in_zone(at + timedelta(hours=1), zone):%H:%M}: {count:,}"
        made.append(Bar(number * STEP, TALL - height, height, count, words))
    return made


def _lines(found: query.Counts) -> list[Line]:
    longest = max([1, *found.week.values()])
    return [
        Line(
            policy,
            POLICIES[policy],
            found.day.get(policy, 0),
            found.week[policy],
            _hundredths(found.week[policy], longest),
        )
        for policy in SHOWN
        if policy in found.week
    ]


def _hundredths(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)
