"""News of an account through Redis."""

import time

import pytest
from redis import Redis

from app.store import notices
from app.store.notices import Notice, parse_notice


def test_a_notice_that_makes_no_sense_is_none() -> None:
    assert parse_notice({}) is None
    assert parse_notice({b"exists": b"5"}) is None
    assert parse_notice({b"token": b"x"}) is None
    assert parse_notice({"token": "3", "exists": "-1", "other": "5"}) == Notice(3)
    assert parse_notice({b"token": b"3", b"exists": b"5", b"unseen": b"1"}) == Notice(3, 5, 1)


@pytest.mark.servers
def test_a_notice_is_written_and_read(redis: Redis) -> None:
    assert notices.read_notice(redis, "7") is None
    token = notices.publish_notice(redis, "7", exists=10, unseen=2, uidnext=11, uidvalidity=99)
    assert notices.read_notice(redis, "7") == Notice(token, 10, 2, 11, 99)
    assert notices.bump_notice(redis, "7") == token + 1
    assert notices.read_notice(redis, "7") == Notice(token + 1, 10, 2, 11, 99)
    assert 0 < redis.ttl("notice:7") <= notices.NOTICE_SECONDS


@pytest.mark.servers
def test_a_token_never_comes_twice(redis: Redis) -> None:
    before = notices.publish_notice(redis, "7", exists=1)
    redis.delete("notice:7")
    time.sleep(0.005)
    assert notices.publish_notice(redis, "7", exists=1) > before


@pytest.mark.servers
def test_epochs(redis: Redis) -> None:
    assert notices.epochs(redis, []) == {}
    assert notices.epochs(redis, ["7", "8"]) == {"7": "0", "8": "0"}
    redis.incr(notices.epoch_key("7"))
    assert notices.epochs(redis, ["8", "7"]) == {"8": "0", "7": "1"}


@pytest.mark.servers
def test_a_watcher_is_wanted_until_there_is_one(redis: Redis) -> None:
    assert notices.want_watch(redis, "7")
    redis.set(notices.watcher_key("7"), "node-1", ex=notices.WATCHER_SECONDS)
    assert not notices.want_watch(redis, "7")
    assert 0 < redis.ttl("watch:7") <= notices.WATCH_SECONDS
