"""A row that SQL refuses keeps no other from being written: it is left out, once, and told; on each database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, StatementError

from app.blocklog import follow as following
from app.blocklog.apart import WHY, refuses, write_apart
from app.blocklog.codes import Outcome, Policy
from app.blocklog.entry import Batch, Passed, Reached, Rows
from app.blocklog.tables import FateRow, HostRow, OddRow, SourceRow
from app.blocklog.tally import Host
from tests.blocklog.filling import NOW, stopped
from tests.blocklog.followed import follow_once, recents, rows

LINE = (
    "2026-11-20T10:{minute:02}:00Z mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.{minute}]: 550 "
    "5.7.1 blocked using zen.spamhaus.org; from=<s{minute}@b.example> to=<alice@isp.example> proto=ESMTP helo=<x.b>\n"
)


def forbid(engine: Engine, table: str, condition: str) -> None:
    """Lets the database refuse some rows of a table, new or changed ones, as nobody foresaw."""
    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT nothing_such CHECK (NOT ({condition}))"))
            return
        names = ("ip", "sender_local", "message_id")
        wrong = " ".join(f"NEW.{word}" if word in names else word for word in condition.split())
        for when in ("INSERT", "UPDATE"):
            does = f"WHEN {wrong} BEGIN SELECT RAISE(ABORT, 'nothing_such'); END"
            connection.exec_driver_sql(f"CREATE TRIGGER no_{table}_{when} BEFORE {when} ON {table} {does}")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AWAY", (0.01,))


def test_what_the_database_refuses_is_left_out_once_and_told(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text("".join(LINE.format(minute=each) for each in range(20)))
    forbid(engine, "block_log", "sender_local = 's7'")
    forbid(engine, "host_profile", "ip = '203.0.113.9'")
    follow_once(engine, log)
    expected = [f"s{each}" for each in range(20) if each != 7]
    assert [each["sender_local"] for each in rows(engine)] == expected
    assert {each["ip"] for each in rows(engine, HostRow)} == {f"203.0.113.{each}" for each in range(20) if each != 9}
    assert all(each["dnsbl_block_count"] == 1 for each in rows(engine, HostRow))
    assert rows(engine, SourceRow, "lines", "rows", "odd_lines") == [{"lines": 20, "rows": 19, "odd_lines": 2}]
    odd = rows(engine, OddRow, "why", "example", "times")
    assert [each["why"] for each in odd] == [WHY] * len(odd) and sum(each["times"] for each in odd) == 2
    assert all("nothing_such" in each["example"] and "s7" not in each["example"] for each in odd)
    with log.open("a") as file:
        file.write(LINE.format(minute=30) + LINE.format(minute=7))
    follow_once(engine, log)
    assert [each["sender_local"] for each in rows(engine)] == [*expected, "s30"]
    assert all(each["dnsbl_block_count"] == 1 for each in rows(engine, HostRow) if each["ip"] != "203.0.113.7")


def batch(*, name: str = "fine") -> Batch:
    """A piece of each kind, of which those named so are refused."""
    values = {"policy": Policy.rbl, "outcome": Outcome.refused, "sender_local": name, "source_id": 3}
    key, other = ["anna", NOW.timestamp(), 3 << 48 | 1], ["anna", NOW.timestamp(), 3 << 48 | 2]
    found = Batch(sites={("anna", key[2]): "s", ("anna", other[2]): "s"})
    found.blocks = Rows(new=[(key, values), (other, {**values, "sender_local": "fine"})])
    found.recents = Rows(new=[(key, {"outcome": 1, "sender_local": "fine", "source_id": 3})])
    found.fates["anna", "m", "bob@b.example"] = Reached(1, NOW, "", "", None)
    found.undone.append((("anna", "n", "bob@b.example"), Reached(1, NOW, "", "", None)))
    found.passed = [Passed("anna", "bob", "shop.example", "192.0.2.1", NOW)]
    found.tally.hosts["192.0.2.1"] = Host(1.0, 2.0, {"connections": 1})
    return found


def test_every_other_piece_is_written(engine: Engine) -> None:
    more = {"outcome": Outcome.delayed, "policy": Policy.greylist, "client_ip": "192.0.2.1"}
    delayed = stopped(engine, at=NOW - timedelta(minutes=9), sender="bob@shop.example", **more)
    forbid(engine, "block_log", "sender_local = 'wrong'")
    with engine.begin() as connection:
        left = write_apart(connection, batch(name="wrong"), 5, NOW.timestamp())
    assert [(each.source_id, each.new) for each in left] == [(3, True)]
    assert {each["id"] for each in rows(engine)} == {delayed, 3 << 48 | 2}
    assert rows(engine, without=("id",))[0]["resolved_at"] == NOW
    assert (len(recents(engine)), len(rows(engine, FateRow)), len(rows(engine, HostRow))) == (1, 1, 1)


def test_a_change_that_is_refused_leaves_the_row_as_it_was(engine: Engine) -> None:
    with engine.begin() as connection:
        assert write_apart(connection, batch(), 5, NOW.timestamp()) == []
    forbid(engine, "block_log", "sender_local = 'wrong'")
    changed = Batch()
    changed.blocks.changed = [(key, {**values, "sender_local": "wrong"}) for key, values in batch().blocks.new]
    with engine.begin() as connection:
        left = write_apart(connection, changed, 5, NOW.timestamp())
    assert [each.new for each in left] == [False, False]
    assert {each["sender_local"] for each in rows(engine)} == {"fine"}


def test_what_is_undone_as_a_whole_was_written_as_a_whole(engine: Engine) -> None:
    forbid(engine, "block_log", "sender_local = 'wrong'")
    with pytest.raises(RuntimeError), engine.begin() as connection:
        write_apart(connection, batch(name="wrong"), 5, NOW.timestamp())
        raise RuntimeError("killed before its end")
    assert rows(engine) == recents(engine) == rows(engine, HostRow) == rows(engine, OddRow) == []


def test_a_missing_table_is_waited_for(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE host_profile"))
    with pytest.raises(DBAPIError) as met, engine.begin() as connection:
        write_apart(connection, batch(), 5, NOW.timestamp())
    assert not refuses(met.value)


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    one, other = (create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"timeout": 0}) for _ in range(2))
    with one.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
        with pytest.raises(DBAPIError) as met, other.begin() as second:
            second.execute(text("CREATE TABLE u (n INTEGER)"))
    assert not refuses(met.value)
    one.dispose()
    other.dispose()


def test_what_a_driver_cannot_write_is_refused_too() -> None:
    assert refuses(OverflowError("too large")) and refuses(StatementError("no", None, None, ValueError("no")))
    assert not refuses(OSError("no"))
