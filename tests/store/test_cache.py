"""The cache: sealed, per account, best effort."""

import time

import pytest
from redis import Redis

from app.demo.redis import RedisServer
from app.store.cache import ENTRY_BYTES, Counters, open_cache
from app.store.connect import connect

pytestmark = pytest.mark.servers
KEY = b"k" * 32


def test_summaries_come_back_in_the_order_asked(redis: Redis) -> None:
    cache = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    cache.put_many({("INBOX", 1, 5): b"five", ("INBOX", 1, 6): b"six"})
    assert cache.get_many([("INBOX", 1, 6), ("INBOX", 1, 7), ("INBOX", 1, 5)]) == [b"six", None, b"five"]
    assert (cache.counters.hits, cache.counters.misses) == (2, 1)
    assert cache.get_many([]) == []
    cache.put_many({})


def test_a_message_is_known_under_all_of_its_names_only(redis: Redis) -> None:
    cache = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    cache.put_many({("INBOX", 1, 5): b"mine"})
    assert cache.get_many([("INBOX", 2, 5), ("Sent", 1, 5), ("INBOX", 15, 0), ("INBOX", 1, 6)]) == [None] * 4
    for other in (
        {"account_id": "8", "server": "1", "login": "box7"},
        {"account_id": "7", "server": "2", "login": "box7"},
        {"account_id": "7", "server": "1", "login": "box8"},
    ):
        assert open_cache(redis, KEY, **other).get_many([("INBOX", 1, 5)]) == [None]


def test_redis_shows_neither_names_nor_contents_and_everything_ends(redis: Redis) -> None:
    cache = open_cache(redis, KEY, account_id="alice@one.example", server="mail-canary", login="box-canary")
    cache.put_many({("Canary/Folder", 1, 5): b"subject-canary"})
    cache.remember("canary-entry", {"name": "canary"}, seconds=30)
    keys = redis.keys("*")
    assert len(keys) == 2
    for key in keys:
        assert b"anary" not in key and b"alice" not in key
        assert b"anary" not in (redis.get(key) or b"")
        assert 0 < redis.ttl(key) <= 14 * 86400


def test_an_entry_under_another_name_does_not_open(redis: Redis) -> None:
    cache = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    cache.put_many({("INBOX", 1, 5): b"five", ("INBOX", 1, 6): b"six"})
    one, two = redis.keys("c:*")
    redis.copy(one, two, replace=True)
    other = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    found = other.get_many([("INBOX", 1, 5), ("INBOX", 1, 6)])
    assert found.count(None) == 1


def test_what_is_asked_for_next_comes_with_an_entry(redis: Redis) -> None:
    cache = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    cache.remember("pane", [1], seconds=30)
    shown, other = ("INBOX", 1, 0), ("Sent", 1, 0)
    cache.put_many({shown: b"shown"})
    assert cache.recall("pane", ahead=[shown, other]) == [1]
    redis.config_resetstat()
    assert cache.get_many([shown, other]) == [b"shown", None]
    assert not [name for name in redis.info("commandstats") if "get" in name]
    redis.delete(*redis.keys("c:*"))
    assert cache.get_many([shown]) == [None]  # for once only: it may change

    cache.put_many({shown: b"old"})
    cache.recall("pane", ahead=[shown])
    cache.put_many({shown: b"new"})
    assert cache.get_many([shown]) == [b"new"]


def test_entries_are_remembered_taken_once_and_forgotten(redis: Redis) -> None:
    cache = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    assert cache.recall("tree") is None
    assert cache.remember("tree", ["ä", 1, None], seconds=30)
    assert cache.recall("tree") == ["ä", 1, None]
    assert cache.take("tree") == ["ä", 1, None]
    assert cache.take("tree") is None
    cache.remember("tree", 1, seconds=30)
    cache.forget("tree")
    assert cache.recall("tree") is None
    assert not cache.remember("big", "x" * ENTRY_BYTES, seconds=30)


def test_without_redis_the_cache_is_empty_and_quick() -> None:
    counters = Counters()
    cache = open_cache(connect("redis://127.0.0.1:1/0"), KEY, account_id="7", server="1", login="b", counters=counters)
    began = time.monotonic()
    assert cache.get_many([("INBOX", 1, 5)]) == [None]
    cache.put_many({("INBOX", 1, 5): b"x"})
    assert cache.recall("x") is None
    assert cache.take("x") is None
    assert not cache.remember("x", 1, seconds=5)
    cache.forget("x")
    assert counters.errors == 6
    assert time.monotonic() - began < 2


def test_a_page_of_fifty_is_one_round_trip(redis: Redis, redis_server: RedisServer) -> None:
    cache = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    cache.put_many({("INBOX", 1, uid): b"x" * 300 for uid in range(50)})
    before = redis.info("commandstats")["cmdstat_mget"]["calls"] if "cmdstat_mget" in redis.info("commandstats") else 0
    assert None not in cache.get_many([("INBOX", 1, uid) for uid in range(50)])
    assert redis.info("commandstats")["cmdstat_mget"]["calls"] == before + 1


def test_names_of_many_summaries_are_those_of_each(redis: Redis) -> None:
    cache = open_cache(redis, KEY, account_id="7", server="1", login="box7")
    keys = [("INBOX", 1, 23), ("INBOX", 12, 3), ("INBOX1", 2, 3), ("é", 1, 1)]
    cache.put_many({key: str(key).encode() for key in keys})
    assert cache.get_many(keys) == [str(key).encode() for key in keys]
    assert [cache.get_many([key])[0] for key in keys] == [str(key).encode() for key in keys]
