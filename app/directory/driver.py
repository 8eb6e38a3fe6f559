"""What each kind of database has to be told so that all behave alike: time limits, UTC, keys that are enforced."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL


def _sqlite(target: URL, timeout: float | None) -> dict[str, Any]:
    """Python's connect arguments; makes the file's folder, so that a first start needs nothing prepared."""
    if target.database and target.database != ":memory:" and not target.database.startswith("file:"):
        with suppress(OSError):  # then connecting says what is wrong
            Path(target.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"timeout": timeout or 30}


def _postgresql(target: URL, timeout: float | None) -> dict[str, Any]:
    # prepare_threshold: PgBouncer in transaction mode does not know prepared statements of another client
    # connect_timeout: whole seconds, at least 2 (libpq)
    return {"connect_timeout": max(2, round(timeout or 10)), "prepare_threshold": None, "tcp_user_timeout": 5000}


def _mysql(target: URL, timeout: float | None) -> dict[str, Any]:
    # read_timeout is a last resort for a server that is frozen: a little longer than the server's own limit
    patience = {"read_timeout": timeout + 0.5, "write_timeout": timeout + 0.5} if timeout else {}
    return {"connect_timeout": max(1, round(timeout or 10)), "charset": "utf8mb4", **patience}


def session(kind: str, timeout: float | None) -> Any:
    """What each new connection is told first."""

    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for line in _LINES[kind](connection, timeout):
            cursor.execute(line)
        cursor.close()
        if kind == "postgresql":
            connection.commit()  # a SET inside a rolled-back transaction is undone

    return prepare


def _sqlite_lines(connection: Any, timeout: float | None) -> list[str]:
    with suppress(sqlite3.OperationalError):  # read-only, or just being switched by another process: it stays as it is
        connection.execute("PRAGMA journal_mode=WAL")  # readers go on while an administrator writes
    return ["PRAGMA foreign_keys=ON"]


def _postgresql_lines(connection: Any, timeout: float | None) -> list[str]:
    # by SET and not as a start option, which PgBouncer refuses
    return ["SET TIME ZONE 'UTC'", *([f"SET statement_timeout = {round(timeout * 1000)}"] if timeout else [])]


def _mysql_lines(connection: Any, timeout: float | None) -> list[str]:
    # A text made of many (blocklog/totals.py) may be as long as an answer, 16 MB; without this 1 MB, on MySQL 1 KB.
    lines = ["SET SESSION time_zone = '+00:00', SESSION group_concat_max_len = 16777216"]
    if timeout:
        lines.append(f"SET SESSION lock_wait_timeout = {max(1, round(timeout))}")
        mariadb = "mariadb" in connection.get_server_info().lower()
        limit = f"max_statement_time = {timeout}" if mariadb else f"max_execution_time = {round(timeout * 1000)}"
        lines.append(f"SET SESSION {limit}")
    return lines


_LINES = {
    "sqlite": _sqlite_lines,
    "postgresql": _postgresql_lines,
    "mysql": _mysql_lines,
    "mariadb": _mysql_lines,
}


def impatient(timeout: float | None) -> Any:
    """How to connect to PostgreSQL and give up in time. psycopg is loaded where it is used: drivers take memory."""
    from app.directory.patience import impatient_connect

    return impatient_connect(timeout)


ARGUMENTS: dict[str, Callable[[URL, float | None], dict[str, Any]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mysql,
    "mariadb": _mysql,
}
