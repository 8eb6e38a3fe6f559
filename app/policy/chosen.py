"""The rows of settings: what a scope chose, changed and put back in whoever's transaction does it.

No row means that the scope chose nothing: it inherits. There is no value that means so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from app.policy.errors import Gone
from app.policy.rule import Scope
from app.policy.tables import PolicySettingRow

_SETTINGS: Final[Any] = PolicySettingRow.__table__
_C: Final[Any] = _SETTINGS.c


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a scope chose. `locked`: narrower scopes cannot choose otherwise."""

    value: str
    locked: bool = False


def former(connection: Connection, scope: Scope, name: str) -> Chosen | None:
    """What stands there, held until the transaction ends."""
    asked = select(_C.value, _C.locked).where(*_here(scope, name)).with_for_update()
    row = connection.execute(asked).first()
    return None if row is None else Chosen(row.value, row.locked)


def write(connection: Connection, scope: Scope, name: str, wish: Chosen | None, now: datetime) -> None:
    """Has a scope choose so; None: nothing any more."""
    if wish is None:
        connection.execute(delete(_SETTINGS).where(*_here(scope, name)))
        return
    values = {"value": wish.value, "locked": wish.locked, "updated_at": now}
    if not connection.execute(update(_SETTINGS).where(*_here(scope, name)).values(values)).rowcount:
        key = {"scope_rank": scope.rank, "scope_id": scope.id, "name": name}
        connection.execute(insert(_SETTINGS).values(**key, **values))


def put_back(connection: Connection, detail: dict[str, Any], now: datetime) -> None:
    """Undoes a choice as the action log tells it. Raises Gone where another one was made since."""
    scope, name = Scope(*detail["scope"]), str(detail["name"])
    if former(connection, scope, name) != from_json(detail["after"]):
        raise Gone(name)
    write(connection, scope, name, from_json(detail["before"]), now)


def as_json(wish: Chosen | None) -> list[Any] | None:
    """A choice as the action log keeps it."""
    return None if wish is None else [wish.value, wish.locked]


def from_json(told: list[Any] | None) -> Chosen | None:
    """The opposite."""
    return None if told is None else Chosen(*told)


def _here(scope: Scope, name: str) -> tuple[Any, ...]:
    return _C.scope_rank == scope.rank, _C.scope_id == scope.id, _C.name == name
