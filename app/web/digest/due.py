"""When a digest is due: once a day or a week, from seven in the morning on, by the clock of who gets it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

SETTING, SENT = "digest", "digest sent"
HOUR = 7
LONGEST = timedelta(days=8)  # what is older was to be in one before
Every = Literal["daily", "weekly"]


@dataclass(frozen=True, slots=True)
class Wish:
    """How often, and the address by which the account is found again."""

    every: Every
    address: str

    def kept(self) -> dict[str, str]:
        """As the setting keeps it."""
        return {"every": self.every, "address": self.address}


def wish(value: Any) -> Wish | None:
    """What the setting says; None for none, or what no version of ours wrote."""
    told = value if isinstance(value, dict) else {}
    every, address = told.get("every"), told.get("address")
    return Wish(every, address) if every in ("daily", "weekly") and isinstance(address, str) else None


def period(every: Every, now: datetime, zone: ZoneInfo) -> str:
    """The name of the day or week that has begun: its first day."""
    day = (now.astimezone(zone).replace(tzinfo=None) - timedelta(hours=HOUR)).date()
    return (day if every == "daily" else day - timedelta(days=day.weekday())).isoformat()


def sent(every: Every, now: datetime, zone: ZoneInfo) -> dict[str, str]:
    """What is kept once a digest of this period went out, or was none: the next one begins here."""
    return {"every": every, "period": period(every, now, zone), "until": now.isoformat()}


def since(last: Any, every: Every, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Where the digest that is due begins; None while none is."""
    told = last if isinstance(last, dict) else {}
    if told.get("period") == period(every, now, zone) and told.get("every") == every:
        return None
    usual = now - timedelta(days=1 if every == "daily" else 7)
    try:
        before = datetime.fromisoformat(told["until"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return usual
    return max(min(before, now), now - LONGEST)
