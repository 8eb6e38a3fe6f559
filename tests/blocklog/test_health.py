"""How the logs are read, and what is known of sending servers, as administrators see it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, insert

from app.blocklog import health, hosts
from app.blocklog.tables import DONE, HostRow, OddRow, SourceRow
from tests.blocklog.filling import NOW, ago


def put(engine: Engine, table: Any, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(insert(table.__table__).values(values))


def test_each_log_tells_how_far_it_is_read(engine: Engine) -> None:
    put(engine, SourceRow, source_id=2, node="mx2", path="/var/log/mail.log", format="syslog", owner="log1:7",
        seen_at=NOW, last_at=ago(seconds=5), lines=100, rows=9, odd_lines=3, gaps=1)  # fmt: skip
    put(engine, SourceRow, source_id=1, node="mx1", path="/var/log/mail.log", format="syslog")
    first, second = health.sources(engine)
    assert (first.node, first.seen_at, first.owner) == ("mx1", None, "")
    assert second == health.SourceHealth(
        2, "mx2", "/var/log/mail.log", "syslog", "log1:7", NOW, ago(seconds=5), 100, 9, 3, 1
    )


def test_a_log_is_silent_when_nobody_looks_at_it_who_should(engine: Engine) -> None:
    looked = ((1, "", None), (2, "log1:7", NOW), (3, "log1:7", ago(minutes=2)), (4, DONE, ago(days=9)))
    for number, owner, seen in looked:
        at = {"node": "mx1", "path": f"/{number}", "format": "syslog"}
        put(engine, SourceRow, source_id=number, owner=owner, seen_at=seen, **at)
    found = health.sources(engine)
    assert [each.path for each in found if each.silent(ago(minutes=1))] == ["/1", "/3"]


def test_odd_lines_are_told_with_an_example_the_newest_first(engine: Engine) -> None:
    put(
        engine,
        OddRow,
        source_id=1,
        mark="a",
        why="no pattern",
        example="NOQUEUE: reject: ???",
        times=7,
        last_at=ago(hours=1),
    )
    put(engine, OddRow, source_id=1, mark="b", why="cut", example="x" * 4000, last_at=NOW)
    newest, older = health.odd_lines(engine)
    assert (
        newest.times == 1
        and len(newest.example) == 4000
        and older == health.OddLine(1, "no pattern", "NOQUEUE: reject: ???", 7, ago(hours=1))
    )
    assert health.odd_lines(engine, limit=1) == (newest,)


def test_sending_servers_are_found_by_address_and_put_in_order(engine: Engine) -> None:
    for number, (ip, lists) in enumerate((("203.0.113.9", 5), ("203.0.113.10", 9), ("2001:db8::1", 0))):
        put(
            engine,
            HostRow,
            ip=ip,
            cnxn_count=9,
            cnxn_first=ago(days=9),
            cnxn_last=ago(hours=number),
            dnsbl_block_count=lists,
        )

    def found(**chosen: Any) -> list[str]:
        return [each.ip for each in hosts.hosts(engine, ago(days=1), **chosen)]

    assert found() == ["203.0.113.9", "203.0.113.10", "2001:db8::1"]
    assert found(order="lists", limit=2) == ["203.0.113.10", "203.0.113.9"]
    assert found(ip="203.0.113.1") == ["203.0.113.10"] and found(ip="%") == []
    assert found(order="; DROP") == found()
    assert hosts.hosts(engine, NOW) and [each.ip for each in hosts.hosts(engine, NOW)] == ["203.0.113.9"]
    (one,) = hosts.hosts(engine, ago(days=1), ip="203.0.113.10")
    assert (one.dnsbl_block_count, one.last_dnsbl) == (9, None)
