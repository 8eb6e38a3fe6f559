"""Changes of single rows of the directory, for administrators who look at one and change it.

Each change happens only where the row still is as it was seen, and is kept as a value: what of the row differs, before
and after. So it can be told, and taken back as long as nobody changed the same again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.directory.errors import Overtaken
from app.directory.tables import AccountRow, AddressRow, SiteRow

Row = Mapping[str, Any]
TABLES: Final[Mapping[str, Any]] = {
    "account": AccountRow.__table__,
    "address": AddressRow.__table__,
    "site": SiteRow.__table__,
}
SECRET: Final = "password_hash"  # no change that is kept holds one


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one row: the columns that differ. None: it was not there before, or is not any more."""

    table: str
    number: int
    before: Row | None
    after: Row | None

    def as_json(self) -> dict[str, Any]:
        """For the action log, without password hashes."""
        before, after = (None if each is None else {name: value for name, value in each.items() if name != SECRET}
                         for each in (self.before, self.after))  # fmt: skip
        return {"table": self.table, "number": self.number, "before": before, "after": after}


def from_json(told: Mapping[str, Any]) -> Change:
    """The change that `as_json` wrote."""
    return Change(told["table"], int(told["number"]), told["before"], told["after"])


def row_of(connection: Connection, table: str, number: int) -> dict[str, Any] | None:
    """A row as it is now."""
    found = connection.execute(select(TABLES[table]).where(_key(table) == number)).mappings().first()
    return None if found is None else dict(found)


def mark(row: Row) -> str:
    """What a form keeps of the row that it shows: another mark later means that somebody changed it."""
    told = json.dumps({name: value for name, value in row.items() if name != SECRET}, sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def change(connection: Connection, table: str, old: Row, new: Row) -> Change | None:
    """Writes the columns of `new` that differ from the row as it was seen; None where none does. Raises Overtaken."""
    number = int(old[_key(table).name])
    after = {name: value for name, value in new.items() if value != old[name]}
    if not after:
        return None
    before = {name: old[name] for name in after}
    _update(connection, table, number, before, after)
    return Change(table, number, before, after)


def add(connection: Connection, table: str, values: Row) -> Change:
    """Adds a row. Raises Overtaken where there is one of its key."""
    try:
        done = connection.execute(insert(TABLES[table]).values(dict(values)))
    except IntegrityError:
        raise Overtaken("is there already") from None
    assert done.inserted_primary_key is not None
    return Change(table, int(done.inserted_primary_key[0]), None, dict(values))


def remove(connection: Connection, table: str, old: Row) -> Change:
    """Removes a row that still is as it was seen. Raises Overtaken, also where others refer to it."""
    key = _key(table)
    rest = {name: value for name, value in old.items() if name != key.name}
    _delete(connection, table, int(old[key.name]), rest)
    return Change(table, int(old[key.name]), rest, None)


def put_back(connection: Connection, done: Change) -> None:
    """Takes a change back. Raises Overtaken where the row is no longer as that change left it."""
    key = _key(done.table)
    if done.before is None:
        _delete(connection, done.table, done.number, done.after or {})
    elif done.after is None:
        add(connection, done.table, {**done.before, key.name: done.number})
    else:
        _update(connection, done.table, done.number, done.after, done.before)


def _update(connection: Connection, table: str, number: int, seen: Row, new: Row) -> None:
    there = update(TABLES[table]).where(_key(table) == number, *_as_seen(table, seen)).values(dict(new))
    try:
        changed = connection.execute(there).rowcount
    except IntegrityError:
        raise Overtaken("does not fit to another row") from None
    if changed != 1:
        raise Overtaken("was changed meanwhile")


def _delete(connection: Connection, table: str, number: int, seen: Row) -> None:
    try:
        gone = connection.execute(delete(TABLES[table]).where(_key(table) == number, *_as_seen(table, seen))).rowcount
    except IntegrityError:
        raise Overtaken("is in use by now") from None
    if gone != 1:
        raise Overtaken("was changed meanwhile")


def _as_seen(table: str, seen: Row) -> list[ColumnElement[bool]]:
    columns = TABLES[table].c
    return [columns[name].is_not_distinct_from(value) for name, value in seen.items() if name != SECRET]


def _key(table: str) -> Any:
    return next(iter(TABLES[table].primary_key.columns))
