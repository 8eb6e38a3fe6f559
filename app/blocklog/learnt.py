"""What the filter learnt of mail that an account moved into the folder of spam and out of it, as the log has it.

Of each account a few hundred are kept. Whose mail it was is known where the log has the same Message-ID among what
arrived for the account; a stranger chose that, so it is never more than a hint.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select

from app.blocklog.asking import asking
from app.blocklog.codes import Lesson, code
from app.blocklog.tables import LearntRow, RecentRow

MOST: Final = 200  # of an account
SLACK: Final = 50  # beyond them, before the oldest are removed
CHUNK: Final = 200  # accounts of one statement
LOOKED_AT: Final = 1000  # mails that arrived, in which a Message-ID is looked for: an index of the account's own rows
NEAR: Final = timedelta(days=35)  # before a lesson, in which its mail arrived
_LEARNT: Final[Any] = LearntRow.__table__
_RECENT: Final[Any] = RecentRow.__table__


@dataclass(frozen=True, slots=True)
class Taught:
    """One message. `sender`: of its envelope, "" where that is not known."""

    at: datetime
    spam: bool
    lesson: Lesson
    sender: str = ""


def lately(engine: Engine, account_id: str, limit: int = 20) -> tuple[Taught, ...]:
    """The newest of an account, newest first. Raises LogBusy, LogAway."""
    table = _LEARNT.c
    newest = select(table.learnt_at, table.spam, table.lesson, table.message_id).where(table.account_id == account_id)
    with asking(engine) as connection:
        rows = connection.execute(newest.order_by(table.learnt_at.desc(), table.id.desc()).limit(limit)).all()
        senders = _senders(connection, account_id, rows) if rows else {}
    return tuple(
        Taught(row.learnt_at, row.spam, code(Lesson, row.lesson, Lesson.failed), senders.get(row.message_id or "", ""))
        for row in rows
    )


def _senders(connection: Connection, account_id: str, rows: Sequence[Any]) -> dict[str, str]:
    """Who sent these, by Message-ID without its brackets, as far as the account's latest mail tells."""
    wanted = {row.message_id for row in rows if row.message_id}
    mine, since = _RECENT.c.account_id == account_id, rows[-1].learnt_at - NEAR
    names = ("message_id", "sender_local", "sender_domain")
    latest = select(*(_RECENT.c[name] for name in names)).where(mine, _RECENT.c.received_at >= since)
    found: dict[str, str] = {}
    for row in connection.execute(latest.order_by(_RECENT.c.received_at.desc()).limit(LOOKED_AT)) if wanted else ():
        its = (row.message_id or "").strip().strip("<>")
        if its in wanted and row.sender_domain:
            found[its] = f"{row.sender_local}@{row.sender_domain}"
    return found


def forget_old(connection: Connection, accounts: Collection[str]) -> None:
    """Removes the oldest of accounts that have more than MOST, once they have SLACK more."""
    mine, names = _LEARNT.c.account_id, sorted(accounts)
    for start in range(0, len(names), CHUNK):
        many = select(mine).where(mine.in_(names[start : start + CHUNK])).group_by(mine)
        for account in connection.scalars(many.having(func.count() > MOST + SLACK)).all():
            newest = select(_LEARNT.c.learnt_at).where(mine == account).order_by(_LEARNT.c.learnt_at.desc())
            last = connection.scalar(newest.offset(MOST - 1).limit(1))
            connection.execute(delete(_LEARNT).where(mine == account, _LEARNT.c.learnt_at < last))
