"""What is done once for an account, however many requests want it in the same moment: claimed in SQL before it is done,
and given back where it was not. Who dies in between holds it for some minutes only.

All claims of an account are one of its settings, which is exchanged: of two who read the same one only one writes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine

from app.profile import settings
from app.profile.errors import ProfileAway

SETTING: Final = "done once"
MOST: Final = 2000  # claims of one account; the oldest go
DOING: Final = timedelta(minutes=5)  # longer than anything that is done once takes, and its request lives
_TRIES: Final = 20


def claim(engine: Engine, account_id: str, what: str, now: datetime) -> bool:
    """Whether it is ours to do; otherwise it was done, or is being done. Raises ProfileAway."""

    def put(told: dict[str, str]) -> bool:
        return what not in told and _holds(told, what, now + DOING)

    return _changed(engine, account_id, now, put)


def done(engine: Engine, account_id: str, what: str, now: datetime, lasts: timedelta) -> None:
    """It was done: nobody does it again for so long. Raises ProfileAway."""
    _changed(engine, account_id, now, lambda told: _holds(told, what, now + lasts))


def give_back(engine: Engine, account_id: str, what: str, now: datetime) -> None:
    """It was not done: the next one may. Raises ProfileAway."""
    _changed(engine, account_id, now, lambda told: told.pop(what, None) is not None)


def _holds(told: dict[str, str], what: str, until: datetime) -> bool:
    told[what] = until.isoformat()
    return True


def _changed(engine: Engine, account_id: str, now: datetime, change: Any) -> bool:
    for _ in range(_TRIES):
        before = settings.read(engine, account_id, SETTING)
        told = _held(before, now)
        if not change(told):
            return False
        latest = dict(sorted(told.items(), key=lambda each: each[1])[-MOST:])
        if settings.exchange(engine, account_id, SETTING, before, latest or None):
            return True
    raise ProfileAway("somebody else was always quicker")


def _held(told: Any, now: datetime) -> dict[str, str]:
    """The claims that still hold."""
    known = told if isinstance(told, dict) else {}
    since = now.isoformat()
    return {str(what): until for what, until in known.items() if isinstance(until, str) and until > since}
