"""The five switches of the mail intake, which mail servers read at each connection; and who turned them.

They are settings of everybody's scope. One that nobody ever turned is on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select, update

from app.policy.actions import By, record
from app.policy.asking import changed, reading
from app.policy.errors import BadValue
from app.policy.tables import ActionRow, PolicySettingRow

ALLOWING: Final = ("allow_cnxns", "allow_trusted", "allow_authd", "allow_other")
SWITCHES: Final = (*ALLOWING, "greylist_on")
VERB: Final = "intake"
_SETTINGS: Final[Any] = PolicySettingRow.__table__
_S: Final[Any] = _SETTINGS.c
_A: Final[Any] = ActionRow.__table__.c


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch, and who turned it last, by their address then; "" where nobody did."""

    name: str
    on: bool
    changed_at: datetime | None = None
    changed_by: str = ""


def switches(engine: Engine) -> tuple[Switch, ...]:
    """All five. Raises PolicyAway."""
    everybody = (_S.scope_rank == 0, _S.scope_id == "", _S.name.in_(SWITCHES))
    with reading(engine) as connection:
        turned = {row.name: row for row in connection.execute(select(_SETTINGS).where(*everybody))}
        who = {name: _who(connection, name) for name in turned}
    return tuple(
        Switch(name, row.value != "0", row.updated_at, who[name]) if (row := turned.get(name)) else Switch(name, True)
        for name in SWITCHES
    )


def switched_off(engine: Engine) -> frozenset[str]:
    """The names of those that are off: one small statement, for mail servers. Raises PolicyAway."""
    off = (_S.scope_rank == 0, _S.scope_id == "", _S.name.in_(SWITCHES), _S.value == "0")
    with reading(engine) as connection:
        return frozenset(connection.scalars(select(_S.name).where(*off)))


def _who(connection: Connection, name: str) -> str:
    """The last who turned it: the actions of no site are few."""
    where = (_A.site == "", _A.verb == VERB, _A.target == name)
    told = connection.scalar(select(_A.detail).where(*where).order_by(_A.at.desc(), _A.id.desc()).limit(1))
    return str(json.loads(told or "{}").get("address", ""))


def turn(engine: Engine, by: By, name: str, on: bool, now: datetime, *, address: str) -> None:
    """Turns a switch and writes down who did, with their address. Raises BadValue, PolicyAway."""
    if name not in SWITCHES:
        raise BadValue("there is no such switch")
    key = {"scope_rank": 0, "scope_id": "", "name": name}
    values = {"value": "1" if on else "0", "updated_at": now}

    def work(connection: Connection) -> None:
        here = [_S[column] == value for column, value in key.items()]
        if not connection.execute(update(_SETTINGS).where(*here).values(values)).rowcount:
            connection.execute(insert(_SETTINGS).values(**key, **values))
        record(connection, by, VERB, name, now, {"on": on, "address": address})

    changed(engine, work)
