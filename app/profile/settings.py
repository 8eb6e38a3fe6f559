"""Settings of an account that outlive its sessions, each a JSON value under a name.

The values are outside data to whoever reads them: a page may have written them in a former version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.profile.asking import asking, put
from app.profile.tables import SettingRow

_TABLE: Any = SettingRow.__table__
_C: Any = _TABLE.c
LARGEST = 512 * 1024  # characters of JSON
_PAGE = 500


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
    text = _written(value)
    if len(text) > LARGEST:
        raise ValueError("too large a setting")
    put(engine, _TABLE, keys, {"value": text})


def everybody(engine: Engine, name: str) -> Iterator[tuple[str, Any]]:
    """Each account that has a setting of this name, with its value, a page at a time. Raises ProfileAway."""
    after = ""
    while True:
        page = select(_C.account_id, _C.value).where(_C.name == name, _C.account_id > after)
        with asking(), engine.connect() as connection:
            rows = connection.execute(page.order_by(_C.account_id).limit(_PAGE)).all()
        for row in rows:
            with suppress(ValueError, RecursionError):
                yield row.account_id, json.loads(row.value)
        if len(rows) < _PAGE:
            return
        after = rows[-1].account_id


def exchange(engine: Engine, account_id: str, name: str, old: Any, new: Any) -> bool:
    """Writes `new` in place of `old`, as `read` told it (None: nothing there); False where somebody else was quicker.
    Raises ProfileAway."""
    theirs = (_C.account_id == account_id, _C.name == name)
    here = (*theirs, _C.value == _written(old))
    with asking():
        try:
            with engine.begin() as connection:
                if old is None:
                    connection.execute(insert(_TABLE).values(account_id=account_id, name=name, value=_written(new)))
                    return True
                change = delete(_TABLE) if new is None else update(_TABLE).values(value=_written(new))
                return bool(connection.execute(change.where(*here)).rowcount)
        except IntegrityError:
            return False


def _written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
