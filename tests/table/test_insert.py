"""An insert that meets a row which is there already leaves it alone, or makes one of both, on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select

from app.policy.tables import PolicySettingRow
from app.table.insert import ignoring, merging

NOW = datetime(2026, 11, 28, tzinfo=UTC)
TABLE = PolicySettingRow.__table__
KEYS = [TABLE.c.scope_rank, TABLE.c.scope_id, TABLE.c.name]


def row(scope: str, value: str) -> dict[str, Any]:
    return {"scope_rank": 2, "scope_id": scope, "name": "languages", "value": value, "updated_at": NOW}


def values(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return dict(connection.execute(select(TABLE.c.scope_id, TABLE.c.value)).tuples().all())


def test_a_row_that_is_there_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(ignoring(connection, TABLE), [row("1", "de")])
        connection.execute(ignoring(connection, TABLE), [row("1", "fr"), row("2", "en")])
    assert values(engine) == {"1": "de", "2": "en"}


def test_a_row_that_is_there_becomes_what_both_make(engine: Engine) -> None:
    with engine.begin() as connection:
        for language in ("de", " fr"):
            both = merging(connection, TABLE, KEYS, lambda new: {"value": TABLE.c.value.concat(new["value"])})
            connection.execute(both, [row("1", language), row("2", language)])
    assert values(engine) == {"1": "de fr", "2": "de fr"}
