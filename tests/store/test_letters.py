"""Letters that wait: each is one courier's at a time, comes back where that one died, and is given up after a day."""

import pytest
from redis import Redis

from app.store import letters
from app.store.letters import Waiting, done, later, put, take

pytestmark = pytest.mark.servers
NOW = 1_800_000_000
ANN, BOB = (Waiting(f"{name}@one.example", "Subject", "Té\nxt", "Postern", NOW) for name in ("ann", "bob"))


def test_each_is_taken_once_and_gone_when_it_is_done(redis: Redis) -> None:
    assert take(redis, NOW) is None
    assert put(redis, [ANN, BOB, ANN])
    found = [take(redis, NOW) for _ in range(4)]
    assert sorted(each.address for each in found if each) == [ANN.address, ANN.address, BOB.address]
    assert found[0] is not None and found[0].text == "Té\nxt" and found[3] is None
    for each in found[:3]:
        assert each is not None
        done(redis, each)
    assert take(redis, NOW + 10_000) is None and redis.exists(letters.KEY) == 0


def test_who_dies_with_one_leaves_it_to_another_in_a_minute(redis: Redis) -> None:
    put(redis, [ANN])
    assert take(redis, NOW) and take(redis, NOW + letters.TAKEN - 1) is None
    assert take(redis, NOW + letters.TAKEN)


def test_a_letter_of_another_version_keeps_none_behind_it_waiting(redis: Redis) -> None:
    redis.zadd(letters.KEY, {'{"address": "x@y.example", "html": ""}': NOW - 5, "[]": NOW - 4})
    put(redis, [ANN])
    found = take(redis, NOW)
    assert found is not None and found.address == ANN.address and take(redis, NOW) is None
    assert redis.zcard(letters.KEY) == 3


def test_what_cannot_be_sent_is_tried_later_for_a_day(redis: Redis) -> None:
    put(redis, [ANN])
    found = take(redis, NOW)
    assert found is not None and later(redis, found, NOW, 300)
    assert take(redis, NOW + 299) is None and take(redis, NOW + 300) == found
    assert not later(redis, found, NOW + letters.DROPPED + 1, 300)
    assert take(redis, NOW + 10 * letters.DROPPED) is None
    assert later(redis, found, NOW, 1) and take(redis, NOW + 5) is None, "what was done meanwhile comes not back"


def test_no_more_wait_than_there_is_room_for(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MOST", 2)
    assert put(redis, [ANN]) and not put(redis, [BOB, BOB]) and put(redis, [BOB])
