"""What the databases are told: SQLite's log ahead of writing, and patience where it is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from app.directory.engine import open_engine
from tests.directory.filling import run


def test_sqlite_writes_ahead_and_syncs_wholly(tmp_path: Path) -> None:
    """NORMAL would lose committed rows with the power, and the same file holds what must not be sent twice."""
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


def test_a_readable_file_is_enough_for_reading(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    run(engine, "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (7)")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    engine.dispose()
    readable = open_engine(f"sqlite:///file:{tmp_path}/x.db?mode=ro&uri=true")
    with readable.connect() as connection:
        assert connection.scalar(text("SELECT a FROM t")) == 7
    readable.dispose()
    assert os.listdir(tmp_path) == ["x.db"]


def test_a_database_in_memory_is_one_database(tmp_path: Path) -> None:
    engine = open_engine("sqlite://")
    run(engine, "CREATE TABLE t (a INTEGER)")
    run(engine, "INSERT INTO t VALUES (1)")
    engine.dispose()


@pytest.mark.parametrize(
    "kind", [pytest.param(each, marks=pytest.mark.databases) for each in ("postgresql", "mariadb")], indirect=True
)
def test_without_a_limit_a_statement_may_take_its_time(kind: str, empty_url: str) -> None:
    patient = open_engine(empty_url, timeout=None)
    slow = "SELECT pg_sleep(3)" if kind == "postgresql" else "SELECT SLEEP(3)"
    with patient.connect() as connection:
        connection.execute(text(slow))
    patient.dispose()
