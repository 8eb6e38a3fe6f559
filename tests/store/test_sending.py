"""Waking couriers and guarding a mail that is sent in the request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from app.store import sending

pytestmark = pytest.mark.servers


def test_of_fifty_requests_at_once_one_may_send(redis: Redis) -> None:
    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(lambda _: sending.guard(redis, "m1"), range(50))) == 1
    assert sending.guard(redis, "m2")
    sending.unguard(redis, "m1")
    assert sending.guard(redis, "m1") and 0 < redis.ttl("sending:m1") <= sending.GUARD_SECONDS


def test_a_wake_reaches_who_listens(redis: Redis) -> None:
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(sending.WAKE_CHANNEL)
        heard.get_message(timeout=10)
        sending.wake(redis, "m1")
        message = heard.get_message(timeout=10)
    assert message is not None and message["data"] == b"m1"


def test_no_courier_sends_what_a_request_may_still_send(redis: Redis):
    assert not sending.is_guarded(redis, "m1")
    sending.putting(redis, "m1")
    assert sending.is_guarded(redis, "m1") and 0 < redis.ttl("putting:m1") <= sending.PUTTING_SECONDS
    sending.hold(redis, "m1")
    assert not sending.is_guarded(redis, "m1") and not sending.guard(redis, "m1")
    sending.putting(redis, "m1")  # a second press, which cannot see the row
    assert not sending.guard(redis, "m1") and not sending.is_guarded(redis, "m1")
    assert sending.guard(redis, "m2")
    assert not sending.was_guarded(redis, "m1") and sending.was_guarded(redis, "m2")
    sending.hold(redis, "m2")  # a second press found the row of a request that sends by itself
    assert sending.is_guarded(redis, "m2")
    sending.sent(redis, "m2")
    assert not sending.is_guarded(redis, "m2") and sending.was_guarded(redis, "m2")
    sending.hold(redis, "m2")
    assert sending.was_guarded(redis, "m2") and not sending.guard(redis, "m2")
