"""When an account was last used, by which way: IMAP, POP3 and SMTP as the mail servers' logs have it, the web as nodes
say once a session. Kept here as the directory may be an ISP's own, which is only read.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, case, or_, select

from app.blocklog.asking import asking, translating
from app.blocklog.tables import UseRow
from app.table.insert import merging

SERVICES: Final = ("imap", "pop3", "smtp", "web")
_USE: Final[Any] = UseRow.__table__


@dataclass(frozen=True, slots=True)
class LastUse:
    """None: never since the log is kept."""

    imap: datetime | None = None
    pop3: datetime | None = None
    smtp: datetime | None = None
    web: datetime | None = None


def last_use(engine: Engine, account_id: str) -> LastUse:
    """Of one account. Raises LogBusy, LogAway."""
    columns = [_USE.c[name] for name in SERVICES]
    with asking(engine) as connection:
        row = connection.execute(select(*columns).where(_USE.c.account_id == account_id)).first()
    return LastUse() if row is None else LastUse(*row)


def used_web(engine: Engine, account_id: str, site: str, at: datetime) -> None:
    """Somebody signed in to the web. Raises LogBusy, LogAway."""
    with translating(), engine.begin() as connection:
        used(connection, account_id, site, "web", at)


def used(connection: Connection, account_id: str, site: str, service: str, at: datetime) -> None:
    """Writes a use down, in whatever order logs are read: an earlier one changes nothing. In one statement, as several
    followers and nodes may write the first one of an account at once."""
    values = {"account_id": account_id, "site": site, service: at}
    column = _USE.c[service]
    wanted = merging(connection, _USE, [_USE.c.account_id], lambda new: {service: _later(column, new[service])})
    connection.execute(wanted.values(values))


def _later(old: Any, new: Any) -> ColumnElement[Any]:
    return case((or_(old.is_(None), old < new), new), else_=old)
