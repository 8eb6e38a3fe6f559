"""Around SQL: its errors as the room's, and one row written whether it was there or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.profile.errors import ProfileAway


@contextmanager
def asking() -> Iterator[None]:
    """Raises ProfileAway for whatever SQL raises; nothing that a person typed is in its text."""
    try:
        yield
    except PoolTimeout as error:
        raise ProfileAway("all connections to the database are in use") from error
    except DBAPIError as error:
        raise ProfileAway(str(error.orig).strip().partition("\n")[0]) from error


def put(engine: Engine, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Writes a row under its keys, new or changed. Two who write at once end with the values of one of them."""
    with asking():
        try:
            with engine.begin() as connection:
                if not changed(connection, table, keys, values):
                    connection.execute(insert(table).values({**keys, **values}))
        except IntegrityError:
            with engine.begin() as connection:
                changed(connection, table, keys, values)


def changed(connection: Connection, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether there was a row under the keys, which then has the values."""
    where = [table.c[name] == value for name, value in keys.items()]
    return bool(connection.execute(update(table).where(*where).values(values)).rowcount)
