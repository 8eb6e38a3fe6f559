"""How long the log is kept, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import Engine, insert, text

from app.blocklog import query, weeks
from app.blocklog.errors import LogBusy
from app.blocklog.retain import Retained, retain
from app.blocklog.tables import BlockRow, FateRow, HostRow, OddRow
from app.directory.engine import open_engine
from tests.blocklog.filling import NOW, ago, arrived, stopped


@pytest.fixture
def engine(engine: Engine) -> Iterator[Engine]:
    """One that limits no statement's time."""
    patient = open_engine(engine.url.render_as_string(hide_password=False), timeout=None)
    yield patient
    patient.dispose()


def ages(engine: Engine, account: str = "anna") -> list[int]:
    """How many days ago the account's rows are, the oldest last."""
    return [(NOW - each.blocked_at).days for each in query.day_page(engine, account, limit=100)]


def test_old_rows_go_and_the_others_stay(engine: Engine) -> None:
    retain(engine, ago(days=200), 90)
    for days in (0, 5, 80, 98, 120, 5000):
        stopped(engine, at=ago(days=days))
        arrived(engine, at=ago(days=days))
    retain(engine, NOW, 90)
    assert ages(engine) == [0, 5, 80]
    assert len(query.recent_page(engine, "anna")) == 3
    retain(engine, NOW + timedelta(days=30), 90)
    assert ages(engine) == [0, 5]


def test_rows_that_came_before_their_week_was_made_move_into_it(engine: Engine) -> None:
    for days in (0, 1, 10, 80, -20, -100):
        stopped(engine, at=ago(days=days))
    done = retain(engine, NOW, 90)
    assert sorted(ages(engine)) == [-100, -20, 0, 1, 10, 80]
    with engine.connect() as connection:
        if weeks.weekly(connection):
            assert done.made[:2] == ("block_log p2026w34", "block_log p2026w35") and len(done.made) == 2 * 19
            assert done.dropped == ("block_log p2026w34", "recent_mail p2026w34")
            part = "block_log_p2026w48" if engine.dialect.name == "postgresql" else "block_log PARTITION (p2026w48)"
            assert connection.scalar(text(f"SELECT count(*) FROM {part}")) == 2
        else:
            assert done == Retained((), (), 0)
    assert retain(engine, NOW, 90) == Retained((), (), 0)


def test_after_old_weeks_are_dropped_older_rows_still_find_a_place(engine: Engine) -> None:
    retain(engine, ago(days=60), 90)
    retain(engine, NOW, 30)
    stopped(engine, at=ago(days=4000))
    stopped(engine, at=ago(days=31))
    assert ages(engine) == [31, 4000]


def test_a_site_may_keep_fewer_days_but_not_more(engine: Engine) -> None:
    for site, account in (("s", "anna"), ("t", "tim"), ("u", "uwe")):
        for days in (1, 20, 40, 100):
            stopped(engine, account, ago(days=days), site=site)
            arrived(engine, account, ago(days=days), site=site)
    retain(engine, NOW, 90, {"s": 10, "u": 200})
    assert ages(engine, "anna") == [1]
    assert [each for each in ages(engine, "tim") if each < 90] == [1, 20, 40] == ages(engine, "uwe")[:3]
    assert len(query.recent_page(engine, "anna")) == 1


def test_many_rows_are_deleted_a_thousand_at_a_time(engine: Engine) -> None:
    row = {"account_id": "anna", "site": "s", "policy": 1, "outcome": 1, "source_id": 1, "blocked_at": ago(days=20)}
    with engine.begin() as connection:
        connection.execute(insert(BlockRow.__table__), [{**row, "id": number} for number in range(2500)])
    assert retain(engine, NOW, 90, {"s": 10}).deleted == 2500


def test_what_else_is_known_goes_too_when_it_is_old(engine: Engine) -> None:
    old, new = ago(days=91), ago(days=89)
    with engine.begin() as connection:
        for mark, at in (("a", old), ("b", new)):
            fate = {"account_id": "anna", "mark": mark, "rcpt": "x@y.example", "fate": 1, "changed_at": at}
            connection.execute(insert(FateRow.__table__).values(fate))
            connection.execute(insert(HostRow.__table__).values(ip=mark, cnxn_first=old, cnxn_last=at))
            odd = {"source_id": 1, "mark": mark, "why": "?", "example": "x", "last_at": at}
            connection.execute(insert(OddRow.__table__).values(odd))
    assert retain(engine, NOW, 90).deleted == 3


@pytest.mark.databases
def test_a_table_in_use_is_left_for_another_time_and_readers_do_not_wait_long(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("has no partitions")
    monkeypatch.setattr(weeks, "LOCKS", 1)
    stopped(engine)
    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM block_log"))  # its transaction holds the table
        with pytest.raises(LogBusy):
            retain(engine, NOW, 90)
    assert retain(engine, NOW, 90).made
    with engine.connect() as connection:
        if engine.dialect.name == "mariadb":
            assert connection.scalar(text("SELECT @@lock_wait_timeout")) > 2, "as before"


def test_two_at_once_do_not_hurt_each_other(engine: Engine) -> None:
    done: list[Retained] = []
    both = [Thread(target=lambda: done.append(retain(engine, NOW, 90))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(20)
    assert len(done) == 2 and retain(engine, NOW, 90) == Retained((), (), 0)
