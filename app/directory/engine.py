"""Opens a database so that it answers soon or fails soon: short timeouts, a small pool, UTC, alike on all kinds.

SQLite, PostgreSQL through psycopg, MariaDB and MySQL through PyMySQL.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.directory.driver import ARGUMENTS, impatient, session
from app.directory.errors import DirectoryAway, DirectoryBroken, ReadOnly
from app.table.refusal import fitting, refuses

TIMEOUT = 2.0  # seconds; a look-up takes 1 ms, and a person who signs in waits for at most two of these
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
    arguments = ARGUMENTS[kind](target, timeout)
    # hide_parameters: an error's text goes to the log, and a typed address does not belong there
    engine = create_engine(target, pool_pre_ping=kind != "sqlite", hide_parameters=True, connect_args=arguments, **pool)
    event.listen(engine, "connect", session(kind, timeout))
    event.listen(engine, "before_cursor_execute", _with_fitting, retval=True)
    if kind == "postgresql":
        event.listen(engine, "do_connect", impatient(timeout))
    return engine


def _with_fitting(_on: object, _cursor: object, statement: str, values: Any, *_how: object) -> tuple[str, Any]:
    return statement, fitting(values)


def _target(url: str) -> URL:
    try:
        target = make_url(url)
        kind = target.get_backend_name()
        if kind not in _DRIVERS:
            raise DirectoryBroken(f"database {kind!r} is not supported; use sqlite, postgresql, mariadb or mysql")
        return target.set(drivername=f"{kind}+{_DRIVERS[kind]}")
    except (ArgumentError, NoSuchModuleError):
        raise DirectoryBroken("not a database URL; it looks like postgresql://user:password@host/name") from None


@contextmanager
def asking() -> Iterator[None]:
    """Around SQL: its errors as the directory's. Nothing that a person typed is in their text (hide_parameters)."""
    try:
        yield
    except PoolTimeout as error:
        raise DirectoryAway("all connections to the database are in use") from error
    except DBAPIError as error:
        first_line = str(error.orig).strip().partition("\n")[0]
        if _is_read_only(error):
            raise ReadOnly(first_line) from error
        raise (DirectoryAway if _is_away(error) else DirectoryBroken)(first_line) from error


def _is_away(error: DBAPIError) -> bool:
    """Operational and interface errors, without those that say that a statement or a value does not fit the tables."""
    if _mysql_code(error) == 1054 or getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # an unknown column; SQLite's answer to any statement that is wrong
    return error.connection_invalidated or (
        isinstance(error, (OperationalError, InterfaceError)) and not refuses(error)
    )


def _is_read_only(error: DBAPIError) -> bool:
    """Of a statement that writes: SQLite's SQLITE_READONLY; insufficient_privilege and read_only_sql_transaction; of
    MySQL the refused commands and columns of a user with fewer rights, a server and a transaction that only read."""
    if (error.statement or "").split(None, 1)[:1] not in (["INSERT"], ["UPDATE"], ["DELETE"]):
        return False
    by_code = _mysql_code(error) in (1142, 1143, 1290, 1792)
    by_state = getattr(error.orig, "sqlstate", None) in ("42501", "25006")
    code = getattr(error.orig, "sqlite_errorcode", None)
    return by_code or by_state or (isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_READONLY)


def is_missing_table(error: BaseException | None) -> bool:
    """Whether an error of SQL says that a table, or the whole SQLite file, does not exist."""
    if not isinstance(error, DBAPIError):
        return False
    missing = getattr(error.orig, "sqlstate", None) == "42P01" or _mysql_code(error) == 1146  # undefined_table
    return missing or "no such table" in str(error.orig)


def _mysql_code(error: DBAPIError) -> object:
    """PyMySQL's number of an error, known without loading PyMySQL: it alone has errors that begin with one."""
    mysql = type(error.orig).__module__.startswith("pymysql.")
    return error.orig.args[0] if mysql and error.orig and error.orig.args else None
