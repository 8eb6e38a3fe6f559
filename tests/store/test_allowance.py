"""What an account may send in an hour, counted in Redis and in the process."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from redis import Redis

from app.store import allowance
from app.store.allowance import WINDOW_SECONDS, Allowance, LocalAllowance, Spent, give_back, take

MOST = Allowance(messages=3, recipients=10)
Take = Callable[[str, int], None]


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.servers), "local"])
def counted(request: pytest.FixtureRequest) -> tuple[Take, Take]:
    """A function that counts a message, and one that gives it back."""
    if request.param == "local":
        local = LocalAllowance()
        return (lambda name, count: local.take("7", name, count, MOST)), (lambda name, _: local.give_back("7", name))
    client = request.getfixturevalue("redis")
    return (
        lambda name, count: take(client, "7", name, count, MOST),
        lambda name, count: give_back(client, "7", name, count),
    )


def test_messages_are_counted_and_the_answer_says_how_many_of_how_many_and_until_when(counted: tuple[Take, Take]):
    for name in "abc":
        counted[0](name, 1)
    with pytest.raises(Spent) as refused:
        counted[0]("d", 1)
    error = refused.value
    assert (error.what, error.used, error.most, error.asked) == ("messages", 3, 3, 1)
    assert error.retry_after and WINDOW_SECONDS - 10 < error.retry_after <= WINDOW_SECONDS + 1


def test_recipients_are_counted_over_all_messages(counted: tuple[Take, Take]):
    counted[0]("a", 6)
    with pytest.raises(Spent) as refused:
        counted[0]("b", 5)
    assert (refused.value.what, refused.value.used, refused.value.asked) == ("recipients", 6, 5)
    counted[0]("b", 4)


def test_more_than_any_hour_holds_is_never_possible(counted: tuple[Take, Take]):
    with pytest.raises(Spent) as refused:
        counted[0]("a", 11)
    assert refused.value.retry_after is None


def test_what_is_undone_or_sent_twice_under_its_name_is_not_counted_twice(counted: tuple[Take, Take]):
    for _ in range(5):
        counted[0]("a", 9)
    counted[1]("a", 9)
    counted[0]("b", 10)


@pytest.mark.servers
def test_no_more_messages_can_be_undone_than_sent_and_one_that_is_sent_again_counts_once(redis: Redis):
    for name in "abc" * 2 + "def":
        take(redis, "7", name, 1, MOST)
        give_back(redis, "7", name, 1)
    with pytest.raises(Spent):
        take(redis, "7", "g", 1, MOST)
    take(redis, "7", "f", 10, MOST)


def test_what_was_refused_is_not_counted(counted: tuple[Take, Take]):
    counted[0]("a", 6)
    for _ in range(3):
        with pytest.raises(Spent):
            counted[0]("b", 5)
    counted[0]("c", 1)
    counted[0]("d", 1)


@pytest.mark.servers
def test_the_hour_slides(redis: Redis):
    key = allowance._key("7")
    now = time.time()
    redis.zadd(key, {"old 9": now - WINDOW_SECONDS - 1, "half 4": now - WINDOW_SECONDS / 2, "new 5": now})
    with pytest.raises(Spent) as refused:
        take(redis, "7", "x", 3, MOST)
    assert refused.value.used == 9 and abs((refused.value.retry_after or 0) - WINDOW_SECONDS / 2) < 10
    take(redis, "7", "x", 1, MOST)
    assert redis.ttl(key) > WINDOW_SECONDS - 10


@pytest.mark.servers
def test_of_many_at_once_no_more_than_allowed_pass(redis: Redis):
    def one(number: int) -> int:
        with suppress(Spent):
            take(redis, "7", str(number), 1, MOST)
            return 1
        return 0

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(one, range(24))) <= MOST.messages


def test_accounts_are_apart_and_the_local_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(allowance, "LOCAL_ACCOUNTS", 2)
    local = LocalAllowance()
    for account in "789":
        for name in "abc":
            local.take(account, name, 1, MOST)
    assert len(local._accounts) == 2
    with pytest.raises(Spent):
        local.take("9", "d", 1, MOST)
    local.take("7", "d", 1, MOST)
