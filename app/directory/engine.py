"""Opens a database so that it answers soon or fails soon: short timeouts, a small pool, UTC, alike on all kinds.

SQLite, PostgreSQL through psycopg, MariaDB and MySQL through PyMySQL.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pymysql
from psycopg import errors as psycopg_errors
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.directory.errors import DirectoryAway, DirectoryBroken

TIMEOUT = 2.0  # seconds; a look-up takes 1 ms, and a person who signs in waits for at most two of these
_V = TypeVar("_V")
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql", "sqlite": "pysqlite"}


def open_engine(url: str, *, timeout: float | None = TIMEOUT) -> Engine:
    """An engine for a database URL, opened in the process that uses it (never before a fork).

    `timeout` in seconds bounds connecting and each statement; None (for migrations and imports) only connecting.
    Raises DirectoryBroken for a URL that is none or names a database that is not supported. Does not connect yet.
    """
    target = _target(url)
    kind = target.get_backend_name()
    in_memory = kind == "sqlite" and target.database in (None, "", ":memory:")
    pool = {} if in_memory else {"pool_size": 4, "max_overflow": 4, "pool_timeout": timeout or 30, "pool_recycle": 1800}
    arguments = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql, "mariadb": _mysql}[kind](
        target, timeout
    )
    # hide_parameters: an error's text goes to the log, and a typed address does not belong there
    engine = create_engine(target, pool_pre_ping=kind != "sqlite", hide_parameters=True, connect_args=arguments, **pool)
    event.listen(engine, "connect", _session(kind, timeout))
    if kind == "postgresql":
        event.listen(engine, "do_connect", _impatient(timeout))
    return engine


def _target(url: str) -> URL:
    try:
        target = make_url(url)
        kind = target.get_backend_name()
        if kind not in _DRIVERS:
            raise DirectoryBroken(f"database {kind!r} is not supported; use sqlite, postgresql, mariadb or mysql")
        return target.set(drivername=f"{kind}+{_DRIVERS[kind]}")
    except (ArgumentError, NoSuchModuleError):
        raise DirectoryBroken("not a database URL; it looks like postgresql://user:password@host/name") from None


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


def _session(kind: str, timeout: float | None) -> Any:
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
    # WAL: readers go on while an administrator writes; synchronous=NORMAL is safe with it
    return ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON"]


def _postgresql_lines(connection: Any, timeout: float | None) -> list[str]:
    # by SET and not as a start option, which PgBouncer refuses
    return ["SET TIME ZONE 'UTC'", *([f"SET statement_timeout = {round(timeout * 1000)}"] if timeout else [])]


def _mysql_lines(connection: Any, timeout: float | None) -> list[str]:
    lines = ["SET SESSION time_zone = '+00:00'"]
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


def _impatient(timeout: float | None) -> Any:
    """Connects with a class that gives up on a server which accepts and then says nothing (stopped, or behind a dead
    proxy): psycopg alone would wait for ever, as the server's own limit does not run then."""
    patience = None if timeout is None else timeout + 0.5

    class ImpatientConnection(psycopg.Connection[Any]):
        def wait(self, gen: PQGen[_V], interval: float = 0.1, timeout: float | None = None) -> _V:
            try:
                return super().wait(gen, interval, timeout if timeout is not None else patience)
            except psycopg.OperationalError:
                if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                    self.pgconn.finish()  # its answer may still come and must never be taken for the next one's
                raise

    def connect(_dialect: object, _record: object, arguments: Any, keywords: Any) -> Any:
        return ImpatientConnection.connect(*arguments, **keywords)

    return connect


@contextmanager
def asking() -> Iterator[None]:
    """Around SQL: its errors as the directory's. Nothing that a person typed is in their text (hide_parameters)."""
    try:
        yield
    except PoolTimeout as error:
        raise DirectoryAway("all connections to the database are in use") from error
    except DBAPIError as error:
        first_line = str(error.orig).strip().partition("\n")[0]
        raise (DirectoryAway if _is_away(error) else DirectoryBroken)(first_line) from error


def _is_away(error: DBAPIError) -> bool:
    """Operational and interface errors, without those that say that a statement does not fit the tables."""
    if _mysql_code(error) == 1054 or getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # an unknown column; SQLite's answer to any statement that is wrong
    return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))


def is_missing_table(error: BaseException | None) -> bool:
    """Whether an error of SQL says that a table, or the whole SQLite file, does not exist."""
    if not isinstance(error, DBAPIError):
        return False
    missing = isinstance(error.orig, psycopg_errors.UndefinedTable) or _mysql_code(error) == 1146
    return missing or "no such table" in str(error.orig)


def _mysql_code(error: DBAPIError) -> object:
    arguments = error.orig.args if isinstance(error.orig, pymysql.err.MySQLError) else ()
    return arguments[0] if arguments else None
