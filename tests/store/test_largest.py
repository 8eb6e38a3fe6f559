"""The largest message of a submission server: one asks in an hour, everybody knows the answer."""

import pytest
from redis import Redis

from app.store import largest
from app.store.connect import connect


@pytest.mark.servers
def test_one_of_many_asks_and_all_know_what_was_told(redis: Redis) -> None:
    assert largest.recall(redis, "mx:587") == (None, True)
    assert largest.recall(redis, "mx:587") == (None, False)
    largest.remember(redis, "mx:587", 10_000_000)
    assert largest.recall(redis, "mx:587") == (10_000_000, False)
    assert largest.recall(redis, "other:587") == (None, True)
    largest.remember(redis, "other:587", None)
    assert largest.recall(redis, "other:587") == (None, False)


@pytest.mark.servers
def test_a_server_that_did_not_answer_is_asked_again_sooner(redis: Redis) -> None:
    largest.recall(redis, "mx:587")
    assert redis.ttl("largest-asked:mx:587") > largest.AGAIN_SECONDS
    largest.failed(redis, "mx:587")
    assert 0 < redis.ttl("largest-asked:mx:587") <= largest.AGAIN_SECONDS


@pytest.mark.servers
def test_without_redis_nobody_asks_and_nothing_fails() -> None:
    away = connect("unix:///nonexistent/redis.sock")
    assert largest.recall(away, "mx:587") == (None, False)
    largest.remember(away, "mx:587", 1)
    largest.failed(away, "mx:587")
