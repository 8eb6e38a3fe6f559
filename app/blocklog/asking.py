"""Asks the block log's database, for two seconds at most, and tells its errors as the room's.

PostgreSQL and MariaDB keep the time themselves, as the engine was opened to (directory/engine.py). SQLite asks us every
few thousand of its steps whether it shall go on.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.blocklog.errors import LogAway, LogBusy

PATIENCE = 2.0  # seconds
_STEPS = 20_000  # of SQLite's machine between two looks at the clock: under a millisecond
_BUSY_SQLITE = (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BUSY_POSTGRESQL = ("57014", "55P03")  # query_canceled, lock_not_available
_BUSY_MYSQL = ((1205,), (1969,), (3024,))  # a lock's time is out, a statement's (MariaDB, MySQL)


@contextmanager
def asking(engine: Engine, *, patience: float = PATIENCE) -> Iterator[Connection]:
    """A connection for reading. Raises LogBusy, LogAway."""
    with translating(), engine.connect() as connection:
        raw = connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            yield connection
            return
        end = time.monotonic() + patience
        raw.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            yield connection
        finally:
            raw.set_progress_handler(None, 0)


@contextmanager
def translating() -> Iterator[None]:
    """Around SQL: its errors as LogBusy and LogAway. Nothing that a person typed is in their text."""
    try:
        yield
    except PoolTimeout as error:
        raise LogBusy("all connections to the database are in use") from error
    except DBAPIError as error:
        first_line = str(error.orig).strip().partition("\n")[0]
        raise (LogBusy if _is_busy(error) else LogAway)(first_line) from error


def _is_busy(error: DBAPIError) -> bool:
    if (code := getattr(error.orig, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in _BUSY_SQLITE  # the low byte; the rest says more of the same
    arguments: tuple[object, ...] = error.orig.args if error.orig else ()
    return getattr(error.orig, "sqlstate", None) in _BUSY_POSTGRESQL or arguments[:1] in _BUSY_MYSQL
