"""The weekly partitions of a log table, on PostgreSQL and MariaDB: made ahead, and dropped when they are old.

A partition is called p2026w47 after the ISO week that it ends with, and holds what is older than its end, down to the
end of the one before. `later` takes what is newer than all weeks, so that no row is ever without a place; on PostgreSQL
`before` takes what is older than all (MariaDB's oldest does). Without a DEFAULT partition PostgreSQL reads the newest
rows from the newest partition first, and stops there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, text

TABLES: Final = {"block_log": "blocked_at", "recent_mail": "received_at"}
WEEK: Final = timedelta(days=7)
AHEAD: Final = 4  # weeks after the present one
LOCKS: Final = 2  # seconds that a change of partitions waits for those who read and write; then it is tried another day
PATIENCE: Final = 600  # seconds that it may take: rows of `later` move where nobody made weeks for long
_NAME = re.compile(r"p(\d{4})w(\d\d)")
_FIRST: Final = "2000-01-03"  # where the migration let `before` end and `later` begin


def weekly(connection: Connection) -> bool:
    """Whether this kind of database has partitions."""
    return connection.dialect.name in ("postgresql", "mysql", "mariadb")


def name_of(end: datetime) -> str:
    """The partition that ends there."""
    year, week, _ = (end - timedelta(days=1)).isocalendar()
    return f"p{year}w{week:02}"


def ends(connection: Connection, table: str) -> list[datetime]:
    """Where a table's weeks end, oldest first."""
    if connection.dialect.name == "postgresql":
        line = "SELECT relname FROM pg_class JOIN pg_inherits ON oid = inhrelid WHERE inhparent = to_regclass(:table)"
    else:
        line = (
            "SELECT PARTITION_NAME FROM information_schema.PARTITIONS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table"
        )
    names = connection.scalars(text(line), {"table": table})
    found = [_NAME.fullmatch(str(name).removeprefix(f"{table}_")) for name in names]
    mondays = [datetime.fromisocalendar(int(each[1]), int(each[2]), 1) for each in found if each]
    return sorted(each.replace(tzinfo=UTC) + WEEK for each in mondays)


def wanted(now: datetime, days: int, present: list[datetime]) -> list[datetime]:
    """The ends of weeks that are still to be made, up to four weeks ahead, oldest first. The first of all takes what
    is too old already, and is dropped at once."""
    oldest = present[-1] if present else _monday(now - timedelta(days=days)) - WEEK
    last = _monday(now) + (AHEAD + 1) * WEEK
    return [oldest + number * WEEK for number in range(1, (last - oldest) // WEEK + 1)]


def _monday(at: datetime) -> datetime:
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def make(connection: Connection, table: str, new: list[datetime], present: list[datetime]) -> None:
    """Cuts new weeks off `later`, with the rows that are there already."""
    if not new:
        return
    if connection.dialect.name == "postgresql":
        _make_postgresql(connection, table, new, present)
        return
    parts = [f"PARTITION {name_of(end)} VALUES LESS THAN ('{end:%Y-%m-%d}')" for end in new]
    parts.append("PARTITION later VALUES LESS THAN (MAXVALUE)")
    _run(connection, f"ALTER TABLE {table} REORGANIZE PARTITION later INTO ({', '.join(parts)})")


def _make_postgresql(connection: Connection, table: str, new: list[datetime], present: list[datetime]) -> None:
    at, last = TABLES[table], f"{new[-1]:%Y-%m-%d}"
    starts = [f"{present[-1]:%Y-%m-%d}" if present else _FIRST, *(f"{end:%Y-%m-%d}" for end in new)]
    lines = [f"ALTER TABLE {table} DETACH PARTITION {table}_later"]
    lines += [
        f"CREATE TABLE {table}_{name_of(end)} PARTITION OF {table} FOR VALUES FROM ('{start}') TO ('{end:%Y-%m-%d}')"
        for start, end in zip(starts, new, strict=False)
    ]
    moved = f"WITH moved AS (DELETE FROM {table}_later WHERE {at} < '{last}' RETURNING *)"
    lines.append(f"{moved} INSERT INTO {table} SELECT * FROM moved")
    lines.append(f"ALTER TABLE {table} ATTACH PARTITION {table}_later FOR VALUES FROM ('{last}') TO (MAXVALUE)")
    _run(connection, *lines)


def drop(connection: Connection, table: str, old: list[datetime]) -> None:
    """Drops the oldest weeks, which end there, with all that is older."""
    if not old:
        return
    names = [name_of(end) for end in old]
    if connection.dialect.name != "postgresql":
        _run(connection, f"ALTER TABLE {table} DROP PARTITION {', '.join(names)}")
        return
    _run(
        connection,
        f"ALTER TABLE {table} DETACH PARTITION {table}_before",
        f"TRUNCATE {table}_before",
        *(f"DROP TABLE {table}_{name}" for name in names),
        f"ALTER TABLE {table} ATTACH PARTITION {table}_before FOR VALUES FROM (MINVALUE) TO ('{old[-1]:%Y-%m-%d}')",
    )


def _run(connection: Connection, *lines: str) -> None:
    for line in lines:
        connection.exec_driver_sql(line)


@contextmanager
def alone(connection: Connection) -> Iterator[bool]:
    """Whether nobody else changes partitions meanwhile; with short waits for locks, because everybody who reads the
    table waits behind a change that waits, and with time for the change itself."""
    if connection.dialect.name == "postgresql":
        _run(connection, f"SET LOCAL lock_timeout = '{LOCKS}s'", f"SET LOCAL statement_timeout = '{PATIENCE}s'")
        yield bool(connection.scalar(text("SELECT pg_try_advisory_xact_lock(70117002)")))
        return
    limit = "max_statement_time" if _is_mariadb(connection) else "max_execution_time"
    before = connection.execute(text(f"SELECT @@lock_wait_timeout, @@{limit}")).one()
    _set(connection, {"lock_wait_timeout": LOCKS, limit: 0})
    try:
        yield bool(connection.scalar(text("SELECT GET_LOCK('postern_weeks', 0)")))
    finally:
        if not connection.invalidated:  # with its end the lock is free and its variables are gone
            connection.exec_driver_sql("SELECT RELEASE_LOCK('postern_weeks')")
            _set(connection, {"lock_wait_timeout": before[0], limit: before[1]})


def _is_mariadb(connection: Connection) -> bool:
    dialect: Any = connection.dialect
    return bool(dialect.is_mariadb)


def _set(connection: Connection, variables: dict[str, Any]) -> None:
    pairs: Iterable[str] = (f"SESSION {name} = {value}" for name, value in variables.items())
    connection.exec_driver_sql(f"SET {', '.join(pairs)}")
