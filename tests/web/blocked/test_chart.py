"""The bars of 24 hours and the counts by reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from app.blocklog.codes import Policy
from app.directory.engine import open_engine
from app.web.blocked.chart import HOURS, STEP, TALL, chart
from tests.web.blocked.rows import block, tables

NOON = datetime(2026, 11, 27, 12, 10, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path}/log.sqlite")
    tables(made)
    yield made
    made.dispose()


def test_each_bar_is_an_hour_on_the_user_s_clock(engine: Engine) -> None:
    kolkata = ZoneInfo("Asia/Kolkata")  # half an hour apart: it is 17:40 there
    block(engine, blocked_at=NOON)
    block(engine, blocked_at=NOON - timedelta(minutes=41))
    block(engine, blocked_at=NOON - timedelta(hours=24))
    drawn = chart(engine, "1", NOON, kolkata)
    assert len(drawn.bars) == HOURS and [bar.x for bar in drawn.bars] == [STEP * n for n in range(HOURS)]
    assert {bar.words: bar.count for bar in drawn.bars if bar.count} == {
        "16:00 to 17:00: 1": 1,
        "17:00 to 18:00: 1": 1,
    }


def test_few_are_no_tall_bars_and_many_fill_the_height(engine: Engine) -> None:
    block(engine, blocked_at=NOON)
    assert chart(engine, "1", NOON, UTC).bars[-1].height == TALL / 4
    for _ in range(99):
        block(engine, blocked_at=NOON)
    block(engine, blocked_at=NOON - timedelta(hours=1))
    few, many = chart(engine, "1", NOON, UTC).bars[-2:]
    assert (many.height, many.y, few.height) == (TALL, 0, 2.0)  # one beside a hundred is seen


def test_reasons_are_counted_in_the_order_of_the_filter(engine: Engine) -> None:
    for policy, count in ((Policy.virus, 1), (Policy.rbl, 4), (Policy.spam, 2)):
        for number in range(count):
            block(engine, blocked_at=NOON - timedelta(days=number), policy=policy)
    block(engine, blocked_at=NOON, account="2")
    drawn = chart(engine, "1", NOON, UTC)
    assert [(line.policy, line.day, line.week, line.width) for line in drawn.lines] == [
        (Policy.rbl, 2, 4, 100.0),
        (Policy.spam, 2, 2, 50.0),
        (Policy.virus, 1, 1, 25.0),
    ]
    assert (drawn.day, drawn.week) == (5, 7)
