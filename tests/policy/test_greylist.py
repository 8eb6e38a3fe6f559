"""A first mail waits, comes again in its time, and then its sender is known for as long as they write."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text

from app.policy import greylist
from app.policy.greylist import Times, folded, network, triplet
from app.policy.tables import TripletRow
from tests.policy.rules import NOW

TIMES = Times()
FIRST = triplet("192.0.2.7", "news@shop.example", "alice@isp.example")
assert FIRST is not None


def waits(engine: Engine, after: timedelta) -> bool:
    assert FIRST is not None
    return FIRST in greylist.waiting(engine, [FIRST], NOW + after, TIMES)


@pytest.mark.parametrize(
    ("sender", "known"),
    [
        ("News@Shop.example", "news@shop.example"),
        ("bounces+alice=isp.example@list.example", "bounces@list.example"),
        ("bounce-1234-alice=isp.example@list.example", "bounce-#-alice=isp.example@list.example"),
        ("prvs=1234ab567c=bob@shop.example", "prvs=#=bob@shop.example"),
        ("010001a8c4f0e-11aa-4b@mailer.example", "#-#-#@mailer.example"),
        ("SRS0=a1B2=3Z=shop.example=bob@forward.example", "srs0@forward.example"),
        ("+detail@shop.example", "+detail@shop.example"),
        ("", ""),
    ],
)
def test_what_changes_from_mail_to_mail_is_folded(sender: str, known: str) -> None:
    assert folded(sender) == known


@pytest.mark.parametrize("local", ["a" * 4000, "+" * 4000, "a-" * 2000, "a+" * 2000])
def test_a_long_sender_is_folded_as_fast_as_it_is_read(local: str) -> None:
    began = time.process_time()
    for _ in range(20):
        folded(f"{local}@bank.example")
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize(
    ("ip", "net"),
    [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("::ffff:192.0.2.7", "192.0.2.0/24")],
)
def test_servers_of_one_network_are_one(ip: str, net: str) -> None:
    assert network(ip) == net


def test_the_mark_is_one_that_a_mail_server_computes() -> None:
    from hashlib import md5

    assert FIRST is not None
    assert FIRST.mark == md5(b"news@shop.example alice@isp.example").hexdigest()
    assert triplet("unknown", "a@b.example", "alice@isp.example") is None


def test_it_waits_and_passes_and_is_known(engine: Engine) -> None:
    assert waits(engine, timedelta(0))
    assert waits(engine, timedelta(minutes=4))
    assert not waits(engine, timedelta(minutes=5))
    assert not waits(engine, timedelta(days=30))
    assert not waits(engine, timedelta(days=60))
    assert waits(engine, timedelta(days=60 + 36))


def test_who_comes_again_too_late_begins_anew(engine: Engine) -> None:
    assert waits(engine, timedelta(0))
    assert waits(engine, timedelta(days=1, minutes=1))
    assert waits(engine, timedelta(days=1, minutes=5))
    assert not waits(engine, timedelta(days=1, minutes=7))


def test_several_are_judged_at_once_each_by_itself(engine: Engine) -> None:
    other = triplet("192.0.2.9", "news@shop.example", "bob@isp.example")
    assert other is not None and FIRST is not None
    assert greylist.waiting(engine, [FIRST], NOW, TIMES) == {FIRST}
    later = NOW + timedelta(minutes=6)
    assert greylist.waiting(engine, [FIRST, other, other], later, TIMES) == {other}
    assert greylist.waiting(engine, [], later, TIMES) == set()


def test_only_what_nobody_waits_for_is_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FIRST is not None
    greylist.waiting(engine, [FIRST], NOW, TIMES)
    greylist.waiting(engine, [FIRST], NOW + timedelta(minutes=6), TIMES)
    idle = [triplet("192.0.2.7", f"{name}@shop.example", "alice@isp.example") for name in "abc"]
    greylist.waiting(engine, [each for each in idle if each], NOW, TIMES)
    monkeypatch.setattr(greylist, "BATCH", 2)
    assert greylist.forget(engine, NOW + timedelta(hours=23), TIMES) == 0
    late = NOW + timedelta(days=2)
    assert [greylist.forget(engine, late, TIMES) for _ in range(3)] == [2, 1, 0]
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(TripletRow)) == 1
    assert greylist.forget(engine, NOW + timedelta(days=36), TIMES) == 1


def test_tries_are_counted_as_far_as_the_column_goes(engine: Engine) -> None:
    waits(engine, timedelta(0))
    with engine.begin() as connection:
        connection.execute(text("UPDATE grey_triplet SET tries = 32000"))
    waits(engine, timedelta(minutes=1))
    with engine.connect() as connection:
        assert connection.scalar(select(TripletRow.tries)) == 32_000
