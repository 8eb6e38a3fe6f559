"""Summaries kept in the process: bounded, and no more than a copy of what never changes."""

import pytest
from redis import Redis

from app.store.cache import AccountCache, open_cache
from app.store.near import LONGEST, Near

KEY = b"k" * 32


def test_the_least_recently_asked_goes_first() -> None:
    near = Near(most=2)
    near.put_many([("a", b"1"), ("b", b"2")])
    assert near.get_many(["a"]) == [b"1"]
    near.put_many([("c", b"3")])
    assert near.get_many(["a", "b", "c"]) == [b"1", None, b"3"]


def test_a_summary_that_is_too_long_takes_no_room_and_drops_what_was_known() -> None:
    near = Near()
    near.put_many([("a", b"old")])
    near.put_many([("a", b"x" * (LONGEST + 1))])
    assert near.get_many(["a"]) == [None]


def opened(redis: Redis, near: Near, account: str = "7") -> AccountCache:
    return open_cache(redis, KEY, account_id=account, server="1", login="box7", near=near)


@pytest.mark.servers
def test_what_was_read_once_is_not_asked_of_redis_again(redis: Redis) -> None:
    opened(redis, Near()).put_many({("INBOX", 1, 5): b"five"})
    near = Near()
    assert opened(redis, near).get_many([("INBOX", 1, 5)]) == [b"five"]
    redis.flushdb()
    assert opened(redis, near).get_many([("INBOX", 1, 6), ("INBOX", 1, 5)]) == [None, b"five"]


@pytest.mark.servers
def test_what_may_change_is_always_asked_of_redis(redis: Redis) -> None:
    one, other = opened(redis, Near()), opened(redis, Near())
    one.put_many({("INBOX", 1, 0): b"shown first"})
    assert one.get_many([("INBOX", 1, 0)]) == other.get_many([("INBOX", 1, 0)]) == [b"shown first"]
    other.put_many({("INBOX", 1, 0): b"shown later"})
    assert one.get_many([("INBOX", 1, 0)]) == [b"shown later"]


@pytest.mark.servers
def test_accounts_share_a_process_and_see_nothing_of_each_other(redis: Redis) -> None:
    near = Near()
    opened(redis, near).put_many({("INBOX", 1, 5): b"mine"})
    assert opened(redis, near, "8").get_many([("INBOX", 1, 5)]) == [None]
