"""How much mail was stopped since the last visit of the log's page, for a small mark in the navigation.

Mail pages never wait for the log: they show what is kept, and where that is older than a minute, a thread of the
worker's looks again and keeps what it found. The last visit is a setting of the account's.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from app.blocklog import query
from app.blocklog.codes import ADMINS_ONLY, Outcome, Policy
from app.blocklog.errors import LogError
from app.profile import settings
from app.profile.errors import ProfileAway
from app.store.cache import AccountCache
from app.store.connect import Gate
from app.web.profile import keep_setting, setting
from app.web.resources import resources
from app.web.session import Current

SETTING = "blocked"
MOST = 99
FRESH_SECONDS = 60
KEPT_SECONDS = 86400
WAITING = 50  # looks that may wait in a worker; more than that are left out
REST = 30.0
FIRST = timedelta(days=7)  # who never looked has so much to look at
SITTING = timedelta(minutes=10)  # rows stay marked for as long, from one look to the next
_POLICIES = tuple(policy for policy in Policy if policy not in ADMINS_ONLY)
# Without what was delayed: most of that arrives by itself.
_OUTCOMES = tuple(each for each in Outcome if each not in (Outcome.delayed, Outcome.would_block))
_ENTRY = "stopped"


@dataclass(frozen=True, slots=True)
class Visit:
    """When the page was looked at last, and since when its rows count as new."""

    at: datetime
    marked: datetime


def visited(me: Current, now: datetime, *, newest: datetime | None) -> tuple[datetime, bool]:
    """To be called when somebody looks at the page: since when rows are new to them, and whether the mark is to go.
    Never raises."""
    before = _visit(setting(me, SETTING))
    marked = now - FIRST if before is None else before.at if now - before.at > SITTING else before.marked
    if before is None or now - before.at > SITTING or (newest is not None and newest >= before.at):
        with suppress(ProfileAway):
            keep_setting(me, SETTING, {"at": int(now.timestamp()), "marked": int(marked.timestamp())})
    shown = _kept(me)[0]
    me.cache.remember(_ENTRY, {"at": time.time(), "count": 0}, seconds=KEPT_SECONDS)
    return marked, shown > 0


def unread(me: Current) -> int:
    """How many are new, as far as it is known now; at most MOST. One round trip to Redis, and no SQL."""
    count, at = _kept(me)
    if time.time() - at > FRESH_SECONDS:
        held = resources()
        if not held.blocklog_gate.resting():
            _LOOKS.look(held.blocklog, held.database, me.account.id, me.cache, count)
    return count


def _kept(me: Current) -> tuple[int, float]:
    """The count that is kept, and when it was made."""
    kept = me.cache.recall(_ENTRY)
    try:
        return int(kept["count"]), float(kept["at"])
    except (TypeError, KeyError, ValueError):
        return 0, 0.0


def _visit(kept: Any) -> Visit | None:
    try:
        return Visit(*(datetime.fromtimestamp(int(kept[name]), UTC) for name in ("at", "marked")))
    except (TypeError, KeyError, ValueError, OverflowError, OSError):
        return None


class _Looks:
    """The looks that wait; one account's at most once, one after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stopped")  # its thread begins with the first look
        self._waiting: set[str] = set()
        self._rests: WeakKeyDictionary[Engine, Gate] = WeakKeyDictionary()

    def look(self, log: Engine, profile: Engine, account_id: str, cache: AccountCache, count: int) -> None:
        if account_id not in self._waiting and len(self._waiting) < WAITING:
            self._waiting.add(account_id)
            self._thread.submit(self._look, log, profile, account_id, cache, count)

    def wait(self) -> None:
        """Until those that wait by now are done."""
        self._thread.submit(int).result()

    def _look(self, log: Engine, profile: Engine, account_id: str, cache: AccountCache, count: int) -> None:
        try:
            rest = self._rests.setdefault(log, Gate(REST))
            if not rest.shut():
                count = self._asked(rest, log, profile, account_id, count)
            cache.remember(_ENTRY, {"at": time.time(), "count": count}, seconds=KEPT_SECONDS)
        finally:
            self._waiting.discard(account_id)

    def _asked(self, rest: Gate, log: Engine, profile: Engine, account_id: str, count: int) -> int:
        """A log that is slow is left alone for a while: those that wait are not to wait for it one after the other."""
        try:
            count = _count(log, profile, account_id)
        except (LogError, ProfileAway):
            rest.failed()
            return count
        rest.answered()
        return count


def _count(log: Engine, profile: Engine, account_id: str) -> int:
    visit = _visit(settings.read(profile, account_id, SETTING))
    since = visit.at if visit else datetime.now(UTC) - FIRST
    rows = query.day_page(log, account_id, since=since, policies=_POLICIES, outcomes=_OUTCOMES, limit=MOST)
    return len(rows)


_LOOKS = _Looks()
