"""Of any number who want to do something at the same moment, one does it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from app.profile import once, settings
from app.profile.once import DOING, SETTING, claim, done, give_back

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_one_of_many_at_once_has_it(engine: Engine) -> None:
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda number: claim(engine, "1", f"release {number % 2}", NOW), range(12)))
    assert sum(won) == 2
    assert claim(engine, "2", "release 0", NOW), "of each account its own"


def test_what_is_given_back_and_what_is_long_ago_is_anybody_s(engine: Engine) -> None:
    assert claim(engine, "1", "a", NOW) and not claim(engine, "1", "a", NOW)
    give_back(engine, "1", "a", NOW)
    give_back(engine, "1", "never", NOW)
    assert settings.read(engine, "1", SETTING) is None
    for each, day in (("a", 0), ("b", 1)):
        assert claim(engine, "1", each, NOW + timedelta(days=day))
        done(engine, "1", each, NOW + timedelta(days=day), WEEK)
    assert claim(engine, "1", "a", NOW + WEEK) and not claim(engine, "1", "b", NOW + WEEK)


def test_who_dies_over_it_holds_it_for_some_minutes_only(engine: Engine) -> None:
    assert claim(engine, "1", "a", NOW) and not claim(engine, "1", "a", NOW + DOING - timedelta(seconds=1))
    assert claim(engine, "1", "a", NOW + DOING)


def test_the_oldest_go_and_nonsense_is_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "MOST", 2)
    settings.write(engine, "1", SETTING, {"a": 7, "b": [], "c": "2026-11-19"})
    assert all(claim(engine, "1", each, NOW + timedelta(seconds=at)) for at, each in enumerate("ade"))
    assert set(settings.read(engine, "1", SETTING)) == {"d", "e"}
