"""Servers are shut out until a time, by whom is written down, and an expired block is none."""

from __future__ import annotations

from datetime import timedelta

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
