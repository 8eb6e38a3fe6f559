"""Of any number who want to do something at the same moment, one does it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from app.profile import once, settings
from app.profile.once import SETTING, claim, give_back

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_one_of_many_at_once_has_it(engine: Engine) -> None:
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda number: claim(engine, "1", f"release {number % 2}", NOW, WEEK), range(12)))
    assert sum(won) == 2
    assert claim(engine, "2", "release 0", NOW, WEEK), "of each account its own"


def test_what_is_given_back_and_what_is_long_ago_is_anybody_s(engine: Engine) -> None:
    assert claim(engine, "1", "a", NOW, WEEK) and not claim(engine, "1", "a", NOW, WEEK)
    give_back(engine, "1", "a", NOW)
    give_back(engine, "1", "never", NOW)
    assert settings.read(engine, "1", SETTING) is None
    assert claim(engine, "1", "a", NOW, WEEK) and claim(engine, "1", "b", NOW + timedelta(days=1), WEEK)
    assert claim(engine, "1", "a", NOW + WEEK, WEEK) and not claim(engine, "1", "b", NOW + WEEK, WEEK)


def test_the_oldest_go_and_nonsense_is_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "MOST", 2)
    settings.write(engine, "1", SETTING, {"a": 7, "b": [], "c": "2026-11-19"})
    assert all(claim(engine, "1", each, NOW + timedelta(hours=hour), WEEK) for hour, each in enumerate("ade"))
    assert set(settings.read(engine, "1", SETTING)) == {"d", "e"}
