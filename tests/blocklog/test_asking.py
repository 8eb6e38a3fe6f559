"""The block log says that it is busy, or away, and never makes anybody wait for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from sqlalchemy import Engine, text

from app.blocklog import query
from app.blocklog.asking import asking
from app.blocklog.errors import LogAway, LogBusy
from app.directory.engine import open_engine
from tests.blocklog.filling import NOW, stopped

ENDLESS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT count(*) FROM s",
    "postgresql": "SELECT pg_sleep(20)",
    "mariadb": "SELECT sum(a.seq * b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
}


def answered(ask: Callable[[], Sequence[object]]) -> Sequence[object]:
    """The answer of a database that may stand still for 0.3 s, as on a busy machine."""
    for _ in range(5):
        with suppress(LogBusy):
            return ask()
    raise AssertionError("never")


def test_a_statement_without_end_is_ended_and_the_next_one_answered(engine: Engine) -> None:
    hasty = open_engine(engine.url.render_as_string(hide_password=False), timeout=0.3)
    began = time.monotonic()
    with pytest.raises(LogBusy), asking(hasty, patience=0.3) as connection:
        connection.execute(text(ENDLESS[engine.dialect.name])).all()
    assert time.monotonic() - began < 10
    stopped(engine)
    assert len(answered(lambda: query.day_page(hasty, "anna"))) == 1
    hasty.dispose()


def test_who_finds_all_connections_in_use_is_told_that_the_log_is_busy(engine: Engine) -> None:
    hasty = open_engine(engine.url.render_as_string(hide_password=False))
    hasty.pool._timeout = 0.3  # type: ignore[attr-defined]
    held = [hasty.connect() for _ in range(8)]
    with pytest.raises(LogBusy):
        query.counts(hasty, "anna", NOW)
    for each in held:
        each.close()
    assert query.counts(hasty, "anna", NOW).day == {}
    hasty.dispose()


def test_without_tables_or_a_database_the_log_is_away(tmp_path) -> None:
    for url in (f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}"):
        engine = open_engine(url)
        with pytest.raises(LogAway):
            query.day_page(engine, "anna")
        engine.dispose()


def test_nothing_that_was_typed_is_in_an_error_s_text(tmp_path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(LogAway) as told:
        query.day_page(engine, "anna", sender="secret@bank.example")
    assert "secret" not in str(told.value) and "secret" not in str(told.value.__cause__)
