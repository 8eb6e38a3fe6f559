"""Around SQL: its errors as the room's, changes that are all done or none, and one row written, there or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Table, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.profile.errors import ProfileAway
from app.table.refusal import deadlocked

_Result = TypeVar("_Result")
_TRIES: Final = 4


@contextmanager
def asking() -> Iterator[None]:
    """Raises ProfileAway for whatever SQL raises; nothing that a person typed is in its text."""
    try:
        yield
    except PoolTimeout as error:
        raise ProfileAway("all connections to the database are in use") from error
    except DBAPIError as error:
        raise ProfileAway(str(error.orig).strip().partition("\n")[0]) from error


def done_whole(engine: Engine, work: Callable[[Connection], _Result]) -> _Result:
    """What `work` returns, all of its statements done or none. It is done again where the database broke a deadlock of
    two who changed the same account, as MariaDB may. Raises what `work` raises, and ProfileAway."""
    with asking():
        for _ in range(_TRIES - 1):
            try:
                with engine.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if not deadlocked(error):
                    raise
        with engine.begin() as connection:
            return work(connection)


def put(engine: Engine, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Writes a row under its keys, new or changed. Two who write at once end with the values of one of them.

    Each statement by itself: MariaDB locks the gap where an update found nothing; two inserts into it are a deadlock.
    """
    with asking():
        if _changed(engine, table, keys, values):
            return
        try:
            with engine.begin() as connection:
                connection.execute(insert(table).values({**keys, **values}))
        except IntegrityError:
            _changed(engine, table, keys, values)


def _changed(engine: Engine, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    where = [table.c[name] == value for name, value in keys.items()]
    with engine.begin() as connection:
        return bool(connection.execute(update(table).where(*where).values(values)).rowcount)
