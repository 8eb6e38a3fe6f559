"""When a message is to be sent: the times that are offered, and one that was typed, on the wall clock of who writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

MOST_DAYS = 366
MORNING, EVENING = 8, 18
_FORM = "%Y-%m-%dT%H:%M"  # of <input type="datetime-local">
_MONDAY = 0


class BadTime(ValueError):
    """A time at which nothing can be sent; its text is for the writer."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A time in words; `value` is how a form names it."""

    label: str
    moment: datetime

    @property
    def value(self) -> str:
        return typed(self.moment)

    @property
    def shown(self) -> str:
        """Such as "Mon 30, 08:00"."""
        return f"{self.moment:%a} {self.moment.day}, {self.moment:%H:%M}"


def offers(now: datetime) -> list[Offer]:
    """A few usual times after `now`, which has a zone."""
    return list(_offers(now))


def _offers(now: datetime) -> Iterator[Offer]:
    evening, morning = _at(now, 0, EVENING), _at(now, 1, MORNING)
    if evening - now > timedelta(minutes=30):
        yield Offer("This evening", evening)
    yield Offer("Tomorrow morning", morning)
    monday = _at(now, (_MONDAY - now.weekday() - 1) % 7 + 1, MORNING)
    if monday != morning:
        yield Offer("Monday morning", monday)


def _at(now: datetime, days: int, hour: int) -> datetime:
    """By the calendar and the clock on the wall, however long the days between are."""
    return (now + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)


def typed(moment: datetime) -> str:
    """A time as the field of a form holds it."""
    return moment.strftime(_FORM)


def moment(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The time that a form names, in `zone`. Raises BadTime.

    Of an hour that comes twice it is the first, and one that is left out lies after the gap: as clocks are set.
    """
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadTime("Choose a day and a time.") from None
    if wall.tzinfo is not None:
        raise BadTime("Choose a day and a time.")
    try:
        found = datetime.fromtimestamp(wall.replace(tzinfo=zone).timestamp(), zone)
    except (OverflowError, ValueError, OSError):
        raise BadTime("Choose a time within a year from now.") from None
    if found <= now:
        raise BadTime("That time has passed.")
    if found - now > timedelta(days=MOST_DAYS):
        raise BadTime("Choose a time within a year from now.")
    return found
