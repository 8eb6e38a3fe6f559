"""Servers are shut out until a time, by whom is written down, and an expired block is none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from app.policy import hosts
from app.policy.actions import By
from app.policy.errors import BadValue, Gone
from app.policy.tables import ActionRow
from tests.policy.rules import NOW

ADMIN = By("9", ip="192.0.2.1")
MONTH = NOW + timedelta(days=30)


def done(engine: Engine) -> list[tuple[str, str]]:
    columns = ActionRow.__table__.c
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(columns.verb, columns.target).order_by(columns.id))]


def test_a_server_is_shut_out_until_its_time_is_over(engine: Engine) -> None:
    assert hosts.block(engine, ADMIN, " 203.0.113.9 ", "says that it is us", NOW, MONTH) == "203.0.113.9"
    assert hosts.blocks(engine, NOW) == (hosts.HostBlock("203.0.113.9", "says that it is us", NOW, MONTH, 0),)
    assert hosts.blocks(engine, MONTH) == ()
    assert done(engine) == [("host-block", "203.0.113.9")]


def test_the_same_server_is_one_however_it_is_written(engine: Engine) -> None:
    hosts.block(engine, ADMIN, "2001:DB8:0:0::7", "a", NOW, MONTH)
    hosts.block(engine, ADMIN, "2001:db8::7", "b", NOW + timedelta(hours=1), MONTH)
    hosts.block(engine, ADMIN, "::ffff:203.0.113.9", "c", NOW, MONTH)
    assert [(each.ip, each.reason) for each in hosts.blocks(engine, NOW)] == [
        ("2001:db8::7", "b"),
        ("203.0.113.9", "c"),
    ]


def test_a_block_is_lengthened_and_taken_away(engine: Engine) -> None:
    hosts.block(engine, ADMIN, "203.0.113.9", "x", NOW, MONTH)
    hosts.extend(engine, ADMIN, "203.0.113.9", NOW, MONTH + timedelta(days=30))
    assert hosts.blocks(engine, MONTH)[0].expires_at == MONTH + timedelta(days=30)
    hosts.remove(engine, ADMIN, "203.0.113.9", NOW)
    assert hosts.blocks(engine, NOW) == ()
    for again in (
        lambda: hosts.remove(engine, ADMIN, "203.0.113.9", NOW),
        lambda: hosts.extend(engine, ADMIN, "203.0.113.9", NOW, MONTH),
    ):
        with pytest.raises(Gone):
            again()
    assert [verb for verb, _ in done(engine)] == ["host-block", "host-extend", "host-remove"]


@pytest.mark.parametrize(
    "odd", ["", "mail.example", "203.0.113.0/24", "127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "fe80::1%eth0"]
)
def test_what_is_no_server_of_somebody_else_s_is_refused(engine: Engine, odd: str) -> None:
    with pytest.raises(BadValue):
        hosts.block(engine, ADMIN, odd, "x", NOW, MONTH)
    assert done(engine) == []


def found(at: datetime = NOW, times: int = 1, ip: str = "203.0.113.9") -> list[hosts.Found]:
    return [hosts.Found(ip, "named itself mx1.isp.example", at, times)]


def test_who_is_found_is_shut_out_once_and_coming_again_is_counted(engine: Engine) -> None:
    month, hour = timedelta(days=30), timedelta(hours=1)
    assert hosts.shut_out(engine, found(times=3), NOW + hour, month) == 1
    assert hosts.shut_out(engine, found(NOW + hour), NOW + hour, month) == 0
    expected = hosts.HostBlock("203.0.113.9", "named itself mx1.isp.example", NOW, NOW + month, 3)
    assert hosts.blocks(engine, NOW) == (expected,)
    assert hosts.shut_out(engine, found(NOW + month), NOW + month, month) == 1
    assert hosts.blocks(engine, NOW + month)[0].hits == 0
    assert done(engine) == []


def test_an_old_log_shuts_out_nobody_and_one_of_tomorrow_not_for_longer(engine: Engine) -> None:
    month = timedelta(days=30)
    assert hosts.shut_out(engine, found(NOW - month), NOW, month) == 0
    assert hosts.shut_out(engine, found(NOW + timedelta(days=99)), NOW, month) == 1
    assert hosts.blocks(engine, NOW)[0].expires_at == NOW + month


def test_who_was_let_in_is_left_alone_for_a_day(engine: Engine) -> None:
    month, day = timedelta(days=30), timedelta(days=1)
    hosts.shut_out(engine, found(), NOW, month)
    hosts.remove(engine, ADMIN, "203.0.113.9", NOW)
    for at in (NOW - timedelta(days=9), NOW, NOW + timedelta(hours=23)):
        assert hosts.shut_out(engine, found(at), NOW + day, month) == 0
    assert hosts.shut_out(engine, found(ip="2001:db8::9"), NOW + day, month) == 1
    assert hosts.shut_out(engine, found(NOW + day), NOW + day, month) == 1


def test_who_has_many_addresses_fills_the_table_only_so_far(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "MOST_BY_ITSELF", 3)
    many = [each for number in range(5) for each in found(ip=f"2001:db8::{number}")]
    assert hosts.shut_out(engine, many, NOW, timedelta(days=30)) == 3
    assert hosts.shut_out(engine, many, NOW, timedelta(days=30)) == 0
    hosts.block(engine, ADMIN, "203.0.113.9", "by hand", NOW, MONTH)
    assert len(hosts.blocks(engine, NOW)) == 4


def test_an_administrator_s_own_block_stays_as_it_is(engine: Engine) -> None:
    hosts.block(engine, ADMIN, "203.0.113.9", "by hand", NOW, MONTH)
    hosts.shut_out(engine, found(NOW + timedelta(days=1)), NOW + timedelta(days=1), timedelta(days=60))
    assert hosts.blocks(engine, NOW) == (hosts.HostBlock("203.0.113.9", "by hand", NOW, MONTH, 1),)
