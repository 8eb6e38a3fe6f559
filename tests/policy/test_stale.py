"""What ended is removed, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app.policy import greylist, hosts, stale
from app.policy.actions import By
from tests.policy.rules import NOW

TIMES = greylist.Times()


def test_what_ended_is_removed_and_nothing_else(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greylist, "BATCH", 2)
    some = [greylist.triplet("192.0.2.7", f"{name}@a.example", "b@one.example") for name in "abcde"]
    greylist.waiting(engine, [each for each in some if each], NOW, TIMES)
    for ip, hours in (("192.0.2.1", 1), ("192.0.2.2", 100)):
        hosts.block(engine, By("1"), ip, "", NOW, NOW + timedelta(hours=hours))
    assert stale.forget(engine, NOW + timedelta(minutes=30), TIMES) == 0
    assert stale.forget(engine, NOW + timedelta(hours=25), TIMES) == 6
    assert [each.ip for each in hosts.blocks(engine, NOW)] == ["192.0.2.2"]
