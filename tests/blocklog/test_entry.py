"""A batch on each database: rows are new, changed, gone or there already; counts add up; delayed mail comes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from app.blocklog import entry
from app.blocklog.codes import Fate, Outcome, Policy
from app.blocklog.entry import Batch, Key, Passed, Reached, write
from app.blocklog.event import Visit
from app.blocklog.tables import BlockRow, FateRow, HostRow, OddRow, RecentRow
from app.blocklog.tally import Tally
from app.demo.blocked import History
from app.directory.engine import open_engine
from tests.anydatabase import engine, migrated  # noqa: F401 - fixtures
from tests.blocklog.followed import PEOPLE, follow_once, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VALUES = {
    "policy": Policy.greylist,
    "outcome": Outcome.delayed,
    "stage": 4,
    "client_ip": "203.0.113.7",
    "sender_local": "a",
    "sender_domain": "sender.example",
    "rcpt": "alice@isp.example",
    "reason": "Greylisted, ümläut 🐎",
    "source_id": 1,
}


def key(number: int, account: str = "1", at: datetime = NOW) -> Key:
    return [account, at.timestamp(), number]


def commit(database: Engine, batch: Batch) -> None:
    with database.begin() as connection:
        write(connection, batch)


def blocks(*keys: Key, **values: object) -> Batch:
    batch = Batch(sites={(each[0], each[2]): "7" for each in keys})
    batch.blocks.put([], keys, {**VALUES, **values})
    return batch


def test_rows_are_new_changed_and_gone(engine: Engine) -> None:  # noqa: F811
    commit(engine, blocks(key(1), key(2), key(3)))
    batch = Batch(sites={("2", 4): "7"})
    batch.blocks.put([key(1), key(2)], [key(2), key(4, "2")], {**VALUES, "reason": "another"})
    commit(engine, batch)
    assert [(each["id"], each["account_id"], each["reason"]) for each in rows(engine)] == [
        (2, "1", "another"),
        (3, "1", "Greylisted, ümläut 🐎"),
        (4, "2", "another"),
    ]


def test_a_row_that_is_there_already_is_left_alone(engine: Engine) -> None:  # noqa: F811
    commit(engine, blocks(key(1)))
    commit(engine, blocks(key(1), key(2), reason="written again"))
    assert [each["reason"] for each in rows(engine)] == ["Greylisted, ümläut 🐎", "written again"]


@pytest.mark.parametrize(
    ("ip", "after", "came"),
    [
        ("203.0.113.200", timedelta(minutes=5), True),  # another machine of the network
        ("203.0.114.7", timedelta(minutes=5), False),
        ("203.0.113.7", timedelta(days=4), False),
        ("203.0.113.7", -timedelta(minutes=5), False),
    ],
)
def test_delayed_mail_is_marked_when_it_comes(engine: Engine, ip: str, after: timedelta, came: bool) -> None:  # noqa: F811
    commit(engine, blocks(key(1), key(2, "2")))
    passed = Passed("1", "a", "sender.example", ip, NOW + after)
    commit(engine, Batch(passed=[passed]))
    first, other = rows(engine)
    assert first["resolved_at"] == (NOW + after if came else None)
    assert other["resolved_at"] is None
    commit(engine, Batch(passed=[Passed("1", "a", "sender.example", ip, NOW + after + timedelta(hours=1))]))
    assert not came or rows(engine)[0]["resolved_at"] == NOW + after  # it comes once


def test_delayed_mail_of_the_same_ipv6_network_is_the_same(engine: Engine) -> None:  # noqa: F811
    commit(engine, blocks(key(1), client_ip="2001:db8:7::25"))
    commit(engine, Batch(passed=[Passed("1", "a", "sender.example", "2001:db8:7:0:1::1", NOW + timedelta(hours=1))]))
    assert rows(engine)[0]["resolved_at"] is not None


def test_visits_of_a_server_add_up(engine: Engine) -> None:  # noqa: F811
    for hour in range(3):
        tally = Tally()
        tally.visit(Visit(NOW + timedelta(hours=hour), "203.0.113.7", connections=2, bad_rcpt=1))
        if hour < 2:
            tally.listed("203.0.113.7", (NOW + timedelta(hours=hour)).timestamp(), f"list{hour}.example")
        commit(engine, Batch(tally=tally))
    (host,) = rows(engine, HostRow)
    assert (host["cnxn_count"], host["bad_rcpt_count"], host["dnsbl_block_count"]) == (6, 3, 2)
    assert (host["cnxn_first"], host["cnxn_last"]) == (NOW, NOW + timedelta(hours=2))
    assert (host["last_dnsbl"], host["last_dnsbl_time"]) == ("list1.example", NOW + timedelta(hours=1))


def test_a_fate_never_goes_back(engine: Engine) -> None:  # noqa: F811
    for fate in (Fate.queued, Fate.deferred, Fate.delivered, Fate.queued):
        reached = Reached(fate, NOW, "mx", "ok", None)
        commit(engine, Batch(fates={("1", "m" * 32, "x@far.example"): reached, ("1", "m" * 32, "y@x"): reached}))
    assert [row["fate"] for row in rows(engine, FateRow)] == [Fate.delivered, Fate.delivered]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_mails_with_one_name_the_same_counts_whichever_is_written_first(engine: Engine, turned: bool) -> None:  # noqa: F811
    place = ("1", "m" * 32, "x@far.example")
    later = Reached(Fate.deferred, NOW + timedelta(seconds=1), "a", "a", None)
    same = Reached(Fate.deferred, NOW, "b", "a", "4.0.0"), Reached(Fate.deferred, NOW, "b", "a", None)
    for fates, counts in ((same, same[0]), ((*same, later), later)):
        for each in reversed(fates) if turned else fates:
            commit(engine, Batch(fates={place: each}))
        assert [Reached(*(row[name] for name in Reached._fields)) for row in rows(engine, FateRow)] == [counts]


def test_a_fate_that_was_none_goes_where_it_still_stands(engine: Engine) -> None:  # noqa: F811
    place, hop = ("1", "m" * 32, "x@far.example"), Reached(Fate.delivered, NOW, "mx2", "250 ok", "2.0.0")
    commit(engine, Batch(fates={place: hop}))
    commit(engine, Batch(undone=[(place, hop._replace(server="mx3"))]))
    assert [row["server"] for row in rows(engine, FateRow)] == ["mx2"]
    commit(engine, Batch(undone=[(place, hop)], fates={place: Reached(Fate.queued, NOW, "", "", None)}))
    assert [row["fate"] for row in rows(engine, FateRow)] == [Fate.queued]


def test_odd_lines_are_counted_by_kind_and_the_newest_kinds_are_kept(
    engine: Engine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entry, "MOST_ODD", 3)
    for number, word in enumerate(["one", "two", "three", "two", "four", "five"]):
        tally = Tally()
        tally.unread(1, "why", f"a line of kind {word} <{number}> 4711\x00", NOW.timestamp() + number, times=2)
        commit(engine, Batch(tally=tally))
    found = {each["example"].split()[4]: each["times"] for each in rows(engine, OddRow)}
    assert found == {"two": 4, "four": 2, "five": 2}


@pytest.mark.slow
def test_a_whole_log_becomes_the_same_rows_on_each_database(
    engine: Engine,  # noqa: F811
    tmp_path: Path,
    migrated: Path,  # noqa: F811
) -> None:
    log = tmp_path / "whole.log"
    lines = History(tuple(PEOPLE), NOW).lines()
    log.write_text("".join(f"{at.isoformat()} mx {program}[7]: {text}\n" for at, program, text in lines))
    follow_once(engine, log)
    follow_once(engine, log)
    other = open_engine(f"sqlite:///{shutil.copy(migrated, tmp_path / 'other.db')}")
    follow_once(other, log)
    for table in (BlockRow, RecentRow, HostRow):
        assert rows(engine, table) == rows(other, table)
    other.dispose()


def test_what_is_too_long_is_cut_and_what_is_no_text_is_left_out(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log = tmp_path / "mail.log"
    long = "x" * 3000
    with log.open("wb") as file:
        head = b"2026-11-20T10:00:00Z mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 550 5.7.1 "
        end = f"from=<{long}@{long}.example> to=<alice@isp.example> proto=ESMTP helo=<{long}>".encode()
        file.write(head + long.encode() + b"\x00\x1b[31m \xff\xfe \xed\xa0\x80; " + end + b"\n")
        file.write(head + b"\x00\x1b[31m \xff\xfe no; from=<a\xff@b> to=<alice@isp.example> proto=ESMTP helo=<x>\n")
    follow_once(engine, log)
    with engine.connect() as connection:
        for row in connection.execute(select(BlockRow.__table__)).mappings():
            assert len(row["reason"]) <= 300 and len(row["sender_domain"]) <= 253
            assert not any(ord(each) < 32 for each in row["reason"] + row["sender_local"] + row["helo"])
