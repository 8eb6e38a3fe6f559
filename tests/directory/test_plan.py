"""Plans of the three kinds of database are read for tables that would be read whole."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine, text

from app.directory.errors import DirectoryBroken
from app.directory.plan import plan
from tests.directory.filling import run


@pytest.fixture
def table(empty: Engine) -> Engine:
    run(empty, "CREATE TABLE many (a INTEGER PRIMARY KEY, b INTEGER)")
    rows = ", ".join(f"({n}, {n})" for n in range(20000))
    run(empty, f"INSERT INTO many VALUES {rows}")
    return empty


def test_a_look_up_by_key_reads_nothing_whole(table: Engine) -> None:
    found = plan(table, text("SELECT b FROM many WHERE a = :a"), {"a": 5})
    assert found.scans == () and found.steps


@pytest.mark.parametrize("statement", ["SELECT a FROM many WHERE b = :a", "SELECT a FROM many WHERE a + 0 = :a"])
def test_a_look_up_without_an_index_names_its_table(table: Engine, statement: str) -> None:
    found = plan(table, text(statement), {"a": 5})
    assert len(found.scans) == 1 and found.scans[0] in ("many", "many_pkey")


def test_a_small_table_may_be_read_whole(table: Engine) -> None:
    """SQLite does not know how large its tables are."""
    run(table, "CREATE TABLE few (a INTEGER PRIMARY KEY, b INTEGER)", "INSERT INTO few VALUES (1, 1)")
    scans = plan(table, text("SELECT a FROM few WHERE b = :a"), {"a": 5}).scans
    assert scans == (("few",) if table.dialect.name == "sqlite" else ())


def test_explaining_runs_nothing_and_leaves_the_connection_as_it_was(table: Engine) -> None:
    plan(table, text("SELECT b FROM many WHERE a = :a"), {"a": 5})
    with table.connect() as connection:
        assert connection.scalar(text("SELECT b FROM many WHERE a = 7")) == 7


def test_a_statement_that_cannot_be_explained_is_a_fault(table: Engine) -> None:
    with pytest.raises(DirectoryBroken):
        plan(table, text("SELECT c FROM many"), {})


def test_postgresql_s_answer_may_come_as_text() -> None:
    from app.directory.plan import _postgresql_plan

    tree = [{"Plan": {"Node Type": "Limit", "Plans": [{"Node Type": "Seq Scan", "Relation Name": "account"}]}}]
    for answer in (tree, json.dumps(tree)):
        assert _postgresql_plan([{"QUERY PLAN": answer}]).scans == ("account",)
