"""How long the log is kept: makes weekly partitions ahead, drops old ones, and deletes what is kept for fewer days.

Done once a day by who reads the logs, and by `flask --app wsgi blocklog retain`, on an engine that limits no
statement's time: rows may have to move. A site may keep its log for fewer days
than the others; on SQLite, which has no partitions, every site's rows are deleted like that: a thousand at a time, each
thousand by itself, so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, select, tuple_

from app.blocklog import weeks
from app.blocklog.asking import translating
from app.blocklog.tables import Base, FateRow, HostRow, LearntRow, OddRow

BATCH: Final = 1000
_LEARNT: Final[Any] = LearntRow.__table__
_OTHERS: Final[tuple[tuple[Any, str], ...]] = (
    (FateRow.__table__, "changed_at"),
    (HostRow.__table__, "cnxn_last"),
    (OddRow.__table__, "last_at"),
    (LearntRow.__table__, "learnt_at"),
)


@dataclass(frozen=True, slots=True)
class Retained:
    """What was done: weeks made and dropped, as `block_log p2026w47`, and how many rows were deleted."""

    made: tuple[str, ...]
    dropped: tuple[str, ...]
    deleted: int


def retain(engine: Engine, now: datetime, days: int, sites: Mapping[str, int] | None = None) -> Retained:
    """Keeps `days` of the log and of each of `sites` as many as it says, where these are fewer. On PostgreSQL and
    MariaDB whole weeks are dropped, so that up to six days more are there. Raises LogBusy where somebody else is at it
    or the tables are in use: try again later; LogAway."""
    made, dropped = [], []
    with translating():
        for table in weeks.TABLES:
            new, old = _weeks(engine, table, now, days)
            made += [f"{table} {weeks.name_of(end)}" for end in new]
            dropped += [f"{table} {weeks.name_of(end)}" for end in old]
        shorter = {site: fewer for site, fewer in (sites or {}).items() if fewer < days}
        deleted = sum(_shortened(engine, table, now, days, shorter) for table in weeks.TABLES)
        cutoff = now - timedelta(days=days)
        for site, fewer in shorter.items():
            mine = (_LEARNT.c.site == site, _LEARNT.c.learnt_at < now - timedelta(days=fewer))
            deleted += _deleted(engine, _LEARNT, mine)
        deleted += sum(_deleted(engine, table, (table.c[column] < cutoff,)) for table, column in _OTHERS)
    return Retained(tuple(made), tuple(dropped), deleted)


def _weeks(engine: Engine, table: str, now: datetime, days: int) -> tuple[list[datetime], list[datetime]]:
    """The ends of the weeks that were made and dropped."""
    with engine.begin() as connection:
        if not weeks.weekly(connection):
            return [], []
        with weeks.alone(connection) as alone:
            if not alone:
                return [], []
            present = weeks.ends(connection, table)
            new = weeks.wanted(now, days, present)
            weeks.make(connection, table, new, present)
            old = [end for end in (*present, *new) if end <= now - timedelta(days=days)]
            weeks.drop(connection, table, old)
            return new, old


def _shortened(engine: Engine, name: str, now: datetime, days: int, sites: Mapping[str, int]) -> int:
    """Deletes rows of sites that keep fewer days; where there are no partitions, those of all sites."""
    table = Base.metadata.tables[name]
    with engine.connect() as connection:
        everybody = [] if weeks.weekly(connection) else list(_sites(connection, table))
    kept = {**dict.fromkeys(everybody, days), **sites}
    at = table.c[weeks.TABLES[name]]
    return sum(
        _deleted(engine, table, (table.c.site == site, at < now - timedelta(days=fewer)))
        for site, fewer in kept.items()
    )


def _sites(connection: Connection, table: Table) -> Iterator[str]:
    """Each site once, from the index, without reading what is between."""
    found = connection.scalar(select(table.c.site).order_by(table.c.site).limit(1))
    while found is not None:
        yield found
        found = connection.scalar(select(table.c.site).where(table.c.site > found).order_by(table.c.site).limit(1))


def _deleted(engine: Engine, table: Table, where: tuple[ColumnElement[bool], ...]) -> int:
    """Deletes these rows, a thousand a transaction; how many."""
    line = delete(table).where(*where)
    if engine.dialect.name in ("mysql", "mariadb"):
        line = line.with_dialect_options(mysql_limit=BATCH, mariadb_limit=BATCH)
    else:
        key = tuple(table.primary_key.columns)
        line = delete(table).where(tuple_(*key).in_(select(*key).where(*where).limit(BATCH)))
    total = 0
    while True:
        with engine.begin() as connection:
            gone = connection.execute(line).rowcount
        total += gone
        if gone < BATCH:
            return total
