"""What is answered while somebody is away, where their mail server keeps no scripts: a row that mail exchangers read.

A day is a day by its owner's clock. The row holds moments, so that whoever reads it compares and needs no time zones.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, insert, select, update

from app.policy.asking import changed, reading
from app.policy.errors import Changed
from app.policy.tables import AwayAnswerRow, AwayRow

LONGEST_DAYS: Final = 365  # until the same person is answered again
_AWAY: Final[Any] = AwayRow.__table__
_ANSWERS: Final[Any] = AwayAnswerRow.__table__


@dataclass(frozen=True, slots=True)
class Away:
    """`first`, `last`: days by the clock of `zone`, the last one within; None: open · `days`: until the same person is
    answered again · `contacts`: only these are, None: everybody."""

    on: bool
    text: str
    subject: str = ""
    days: int = 7
    first: date | None = None
    last: date | None = None
    zone: str = "UTC"
    contacts: tuple[str, ...] | None = None


def away(engine: Engine, account_id: str) -> Away | None:
    """An account's; None where there never was one. Raises PolicyAway."""
    with reading(engine) as connection:
        return _found(connection, account_id)


def mark(kept: Away | None) -> str:
    """What a form keeps of the answer that it shows: another mark later means that it was changed elsewhere."""
    return "" if kept is None else hashlib.sha256(repr(astuple(kept)).encode("utf-8", "replace")).hexdigest()[:24]


def keep(engine: Engine, account_id: str, wish: Away, now: datetime, *, seen: str) -> None:
    """Answers so from now on. `seen`: the mark of what the form was made from. Raises Changed where it is another by
    now, and PolicyAway."""
    values = _values(wish, now)

    def work(connection: Connection) -> None:
        before = _found(connection, account_id, lock=True)
        if before == wish:  # sent twice, or its answer was lost
            return
        if mark(before) != seen:
            raise Changed(account_id)
        if before is None:
            connection.execute(insert(_AWAY).values(account_id=account_id, **values))
        else:
            connection.execute(update(_AWAY).where(_AWAY.c.account_id == account_id).values(**values))

    changed(engine, work)


def forget(engine: Engine, now: datetime) -> int:
    """Removes whom was answered so long ago that it says nothing any more; how many. Raises PolicyAway."""
    old = delete(_ANSWERS).where(_ANSWERS.c.answered_at < now - timedelta(days=LONGEST_DAYS + 1))
    return changed(engine, lambda connection: int(connection.execute(old).rowcount))


def _found(connection: Connection, account_id: str, *, lock: bool = False) -> Away | None:
    asked = select(_AWAY).where(_AWAY.c.account_id == account_id)
    row = connection.execute(asked.with_for_update() if lock else asked).first()
    if row is None:
        return None
    zone = ZoneInfo(row.zone)
    first = row.starts_at and row.starts_at.astimezone(zone).date()
    last = row.ends_at and (row.ends_at - timedelta(seconds=1)).astimezone(zone).date()
    people = None if row.contacts is None else tuple(row.contacts.split())
    return Away(row.enabled, row.answer, row.subject, row.days, first, last, row.zone, people)


def _values(wish: Away, now: datetime) -> dict[str, Any]:
    zone = ZoneInfo(wish.zone)
    return {
        "enabled": wish.on,
        "subject": wish.subject,
        "answer": wish.text,
        "days": wish.days,
        "starts_at": wish.first and datetime.combine(wish.first, time(), zone),
        "ends_at": wish.last and datetime.combine(wish.last + timedelta(days=1), time(), zone),
        "zone": wish.zone,
        "contacts": None if wish.contacts is None else "\n".join(["", *wish.contacts, ""]),
        "updated_at": now,
    }
