"""Inserts that meet rows which are there already: each database has words of its own for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import mysql, postgresql, sqlite


def ignoring(connection: Connection, table: Table) -> Any:
    """An insert that leaves rows alone which are there already."""
    if not _speaks_mysql(connection):
        return _insert(connection, table).on_conflict_do_nothing()
    # Not IGNORE, which passes over every other error, too, and cuts what is too long.
    first = next(iter(table.primary_key.columns))
    return _insert(connection, table).on_duplicate_key_update({first.name: first})


def merging(
    connection: Connection, table: Table, keys: Sequence[Any], merged: Callable[[Any], Mapping[str, Any]]
) -> Any:
    """An insert that changes the row which is there already under `keys` to what `merged` makes of the new columns."""
    new = _insert(connection, table)
    if _speaks_mysql(connection):
        return new.on_duplicate_key_update(dict(merged(new.inserted)))
    return new.on_conflict_do_update(index_elements=list(keys), set_=dict(merged(new.excluded)))


def _speaks_mysql(connection: Connection) -> bool:
    return connection.dialect.name in ("mysql", "mariadb")


def _insert(connection: Connection, table: Table) -> Any:
    """The dialect's own `insert`: SQLAlchemy's general one knows no conflicts."""
    if _speaks_mysql(connection):
        return mysql.insert(table)
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
