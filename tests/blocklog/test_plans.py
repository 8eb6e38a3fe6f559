"""Counts read indexes only and pages one range, on 200,000 rows: told by the databases' own plans.

The plans are those of the very statements that the functions send, with the very parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from app.blocklog import query, totals
from app.blocklog.retain import retain
from app.directory.engine import open_engine
from app.migrations.change import upgrade
from tests.anydatabase import KINDS
from tests.blocklog.filling import HEAVIEST, LARGEST, NOW, ago, fill

pytestmark = pytest.mark.slow

SMALL = 64 * 1024  # bytes; a partition without rows is read in whatever way
PAGES: dict[str, Callable[[Engine], object]] = {
    "the newest": lambda log: query.day_page(log, HEAVIEST),
    "a day": lambda log: query.day_page(log, HEAVIEST, since=ago(days=9), until=ago(days=8)),
    "further": lambda log: query.day_page(log, HEAVIEST, before=(ago(days=3), 1000)),
    "newer": lambda log: query.day_page(log, HEAVIEST, after=(ago(days=3), 1000)),
    "searched": lambda log: query.day_page(log, HEAVIEST, sender="sender12", policies=(1, 3)),
    "since a visit": lambda log: query.day_page(log, HEAVIEST, since=ago(days=2), limit=99),
    "received": lambda log: query.recent_page(log, HEAVIEST, before=(ago(days=3), 1000)),
    "one row": lambda log: query.one(log, HEAVIEST, *query.day_page(log, HEAVIEST, limit=1)[0].place),
}
COUNTS: dict[str, Callable[[Engine], object]] = {
    "accounts of a site": lambda log: totals.by_account(log, LARGEST, NOW),
    "sites": lambda log: totals.by_site(log, ["2", LARGEST, "7"], NOW),
    "by policy": lambda log: query.counts(log, HEAVIEST, NOW),
    "chart": lambda log: totals.hours(log, HEAVIEST, ago(days=7), NOW),
    "chart of a site": lambda log: totals.site_hours(log, [LARGEST], ago(days=1), NOW),
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans")


@pytest.fixture(scope="module", params=KINDS)
def full(request: pytest.FixtureRequest, migrated: Path) -> Iterator[Engine]:
    server = request.param != "sqlite" and request.getfixturevalue(request.param)
    engine = open_engine(server.new_database() if server else f"sqlite:///{migrated}/full.db", timeout=None)
    upgrade(engine)
    retain(engine, NOW, 90)
    fill(engine, 200_000)
    fill(engine, 100_000, table="recent_mail")
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE block_log, recent_mail")  # as autovacuum does after inserts
    yield engine
    engine.dispose()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_one_range_of_the_account_s_own_rows(full: Engine, page: str) -> None:
    plan = plans(full, PAGES[page])[-1]
    sorted_already = page in ("the newest", "further", "received")  # else few rows are put in order, or none
    if full.dialect.name == "sqlite":
        assert len(plan) == 1 and "USING PRIMARY KEY (account_id=?" in plan[0], plan
    elif full.dialect.name == "postgresql":
        assert {index for kind, index in plan if "Index" in kind} and "Seq Scan" not in {kind for kind, _ in plan}, plan
        assert all(index.endswith("_pkey") for kind, index in plan if "Index" in kind), plan
        assert not sorted_already or {kind for kind, _ in plan} <= {"Limit", "Append", "Index Scan", "Result"}, plan
    else:
        assert len(plan) == 1 and plan[0]["key"] == "PRIMARY", plan
        assert plan[0]["type"] in ("ref", "range", "const") and "filesort" not in plan[0]["Extra"], plan


@pytest.mark.parametrize("numbers", COUNTS)
def test_counts_read_an_index_and_no_row(full: Engine, numbers: str) -> None:
    found = plans(full, COUNTS[numbers])
    assert found
    for plan in found:
        if full.dialect.name == "sqlite":
            search = [step for step in plan if "block_log" in step or "recent_mail" in step]
            # rows lie in the primary key itself
            keys = ("COVERING INDEX ix_", "PRIMARY KEY (account_id=?")
            assert search and all(any(each in step for each in keys) for step in search), plan
        elif full.dialect.name == "postgresql":
            assert any(kind == "Index Only Scan" for kind, _ in plan), plan
            assert not {"Index Scan", "Seq Scan", "Bitmap Heap Scan"} & {kind for kind, _ in plan}, plan
        else:
            steps = [step for step in plan if step["table"] and not step["table"].startswith("<")]
            assert steps and all(step["type"] in ("ref", "range") for step in steps), plan
            assert all("Using index" in step["Extra"] or step["key"] == "PRIMARY" for step in steps), plan


def test_a_sender_s_domain_is_found_by_its_index(full: Engine) -> None:
    (plan,) = plans(full, lambda log: query.from_domain(log, "sender12.example"))
    if full.dialect.name == "sqlite":
        assert plan == ["SEARCH block_log USING INDEX ix_block_log_sender_domain (sender_domain=?)"]
    elif full.dialect.name == "postgresql":
        assert not {"Seq Scan"} & {kind for kind, _ in plan}, plan
    else:
        assert plan[0]["key"] == "ix_block_log_sender_domain" and plan[0]["type"] == "ref", plan


def test_a_day_is_looked_for_in_its_week_only(full: Engine) -> None:
    if full.dialect.name == "sqlite":
        pytest.skip("has no partitions")
    (plan,) = plans(full, PAGES["a day"], small=False)
    if full.dialect.name == "postgresql":
        assert {index for kind, index in plan if "Index" in kind} == {"block_log_p2026w47_pkey"}, plan
    else:
        assert plan[0]["partitions"] == "p2026w47"


def test_the_numbers_are_those_of_the_rows(full: Engine) -> None:
    """So that the plans are those of statements that find something."""
    traffic = totals.by_account(full, LARGEST, NOW)
    assert len(traffic) > 500 and sum(each.blocked_day for each in traffic.values()) > 1000
    week = query.counts(full, HEAVIEST, NOW).week
    charted = totals.hours(full, HEAVIEST, NOW - timedelta(days=7), NOW + timedelta(seconds=1))
    assert sum(each.number for each in charted) == sum(week.values()) > 20
    assert len(query.day_page(full, HEAVIEST)) == 51 == len(query.recent_page(full, HEAVIEST))


# -- reading plans ----------------------------------------------------------------------------------------------------


def plans(engine: Engine, ask: Callable[[Engine], object], *, small: bool = True) -> list[Any]:
    """The plan of each statement that `ask` sends; PostgreSQL's without partitions that hold hardly anything."""
    sent: list[tuple[str, Any]] = []

    def remember(_c: object, _cursor: object, line: str, values: Any, _context: object, _many: bool) -> None:
        if "FROM block_log" in line or "FROM recent_mail" in line:
            sent.append((line, values))

    event.listen(engine, "before_cursor_execute", remember)
    ask(engine)
    event.remove(engine, "before_cursor_execute", remember)
    with engine.connect() as connection:
        return [_plan(connection, line, values, small=small) for line, values in sent]


def _plan(connection: Any, line: str, values: Any, *, small: bool) -> Any:
    kind = connection.dialect.name
    if kind == "sqlite":
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {line}", values)]
        return [step for step in steps if not step.startswith("USE TEMP B-TREE FOR GROUP BY")]
    if kind == "postgresql":
        answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {line}", values).scalar()
        sizes = dict(connection.execute(text("SELECT relname, pg_relation_size(oid) FROM pg_class")).all())
        found = list(_nodes(answer[0]["Plan"] if not isinstance(answer, str) else json.loads(answer)[0]["Plan"]))
        large = [node for node in found if not small or sizes.get(node.get("Relation Name", ""), SMALL) >= SMALL]
        return [(node["Node Type"], node.get("Index Name", "")) for node in large]
    return [dict(row._mapping) for row in connection.exec_driver_sql(f"EXPLAIN PARTITIONS {line}", values)]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
