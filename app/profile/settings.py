"""Settings of an account that outlive its sessions, each a JSON value under a name.

The values are outside data to whoever reads them: a page may have written them in a former version.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Engine, delete, select

from app.profile.asking import asking, put
from app.profile.tables import SettingRow

_TABLE: Any = SettingRow.__table__
_C: Any = _TABLE.c
LARGEST = 512 * 1024  # characters of JSON


def read(engine: Engine, account_id: str, name: str) -> Any:
    """The value, or None where there is none. Raises ProfileAway."""
    with asking(), engine.connect() as connection:
        found = connection.scalar(select(_C.value).where(_C.account_id == account_id, _C.name == name))
    try:
        return None if found is None else json.loads(found)
    except (ValueError, RecursionError):
        return None


def write(engine: Engine, account_id: str, name: str, value: Any) -> None:
    """Keeps a value; None forgets it. Raises ProfileAway; ValueError for what is too large."""
    keys = {"account_id": account_id, "name": name}
    if value is None:
        with asking(), engine.begin() as connection:
            connection.execute(delete(_TABLE).where(_C.account_id == account_id, _C.name == name))
        return
    text = json.dumps(value, separators=(",", ":"))
    if len(text) > LARGEST:
        raise ValueError("too large a setting")
    put(engine, _TABLE, keys, {"value": text})
