"""Hits are added to what is there, and to nothing that is gone."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from app.policy import hits, hosts, senders
from app.policy.actions import By
from tests.policy.rules import MINE, NOW, kept, rule


def test_hits_are_added_up(engine: Engine) -> None:
    (number,) = kept(engine, rule("allow", "bank.example"))
    hosts.block(engine, By("1"), "192.0.2.7", "spam", NOW, NOW + timedelta(days=1))
    for _ in range(2):
        hits.add(engine, {"192.0.2.7": 2, "192.0.2.8": 1}, {number: 3, number + 1: 1})
    assert [each.hits for each in senders.rules_of(engine, MINE, NOW)] == [6]
    assert [(each.ip, each.hits) for each in hosts.blocks(engine, NOW)] == [("192.0.2.7", 4)]


def test_nothing_costs_nothing(engine: Engine) -> None:
    hits.add(engine, {}, {})
