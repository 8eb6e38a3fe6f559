"""What no database takes is never asked of one, and an error about values is told from silence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, literal, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from app.policy.tables import PolicySettingRow
from app.table.refusal import fitting, refuses

NOW = datetime(2026, 11, 28, tzinfo=UTC)
UNFIT, FIT = "a\0b\ud800c\udfffé", "a\ufffdb\ufffdc\ufffdé"


def test_nul_and_half_characters_are_replaced_wherever_they_stand() -> None:
    given = {"a": UNFIT, "b": [(UNFIT, 1), ("fine", None)], "c": b"\0", "d": "é", "e": "a\0"}
    assert fitting(given) == {"a": FIT, "b": [(FIT, 1), ("fine", None)], "c": b"\0", "d": "é", "e": "a\ufffd"}


def test_a_database_takes_every_text_that_is_asked_for_or_kept(engine: Engine) -> None:
    row, table = PolicySettingRow.__table__.c, PolicySettingRow.__table__
    values = {"scope_rank": 2, "name": "languages", "value": UNFIT, "updated_at": NOW}
    with engine.begin() as connection:
        assert connection.scalar(select(literal(UNFIT))) == FIT
        assert connection.scalar(select(row.name).where(row.value.contains(UNFIT))) is None
        connection.execute(table.insert(), [{**values, "scope_id": "1"}, {**values, "scope_id": "2"}])
        assert connection.scalars(select(row.value)).all() == [FIT, FIT]


def test_a_value_that_does_not_fit_is_a_refusal(engine: Engine) -> None:
    values = {"scope_rank": 2, "scope_id": "1", "name": "rbl", "value": "1", "updated_at": NOW}
    table = PolicySettingRow.__table__
    with pytest.raises(DBAPIError) as told, engine.begin() as connection:
        connection.execute(table.insert(), [values, values])
    assert refuses(told.value)
    wrong = {"postgresql": table.c.scope_rank == 10**30, "mariadb": table.c.scope_id == "é"}.get(engine.dialect.name)
    if wrong is not None:
        with pytest.raises(DBAPIError) as told, engine.connect() as connection:
            connection.scalar(select(table.c.name).where(wrong))
        assert refuses(told.value)


def test_silence_is_none() -> None:
    assert not refuses(None)
    assert not refuses(TimeoutError())
    assert not refuses(OperationalError("", {}, Exception("gone")))
    assert not refuses(DataError("", {}, Exception("gone"), connection_invalidated=True))
    assert refuses(DataError("", {}, Exception("too long")))
    assert refuses(IntegrityError("", {}, Exception("twice")))
    assert refuses(OverflowError())
