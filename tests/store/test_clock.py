"""One clock for all nodes: whatever a node's own says, before, between and without answers of Redis."""

import time

import pytest
from redis import Redis

from app.store.clock import Clock, present
from app.store.connect import connect

pytestmark = pytest.mark.servers


@pytest.fixture(params=[90, -3600])
def off(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """This host's clock differs by so many seconds."""
    right, off = time.time, int(request.param)
    monkeypatch.setattr(time, "time", lambda: right() + off)
    return off


def test_a_host_whose_clock_is_wrong_goes_by_redis(redis: Redis, off: int) -> None:
    clock, right = Clock(redis), time.time() - off
    for seconds in (present(redis), clock(), clock.milliseconds() / 1000, clock.unasked() / 1000):
        assert abs(seconds - right) < 1


def test_it_is_asked_seldom(redis: Redis) -> None:
    redis.config_resetstat()
    clock = Clock(redis)
    assert sorted(times := [clock() for _ in range(200)]) == times
    assert redis.info("commandstats")["cmdstat_time"]["calls"] == 1  # type: ignore[index]


def test_without_redis_it_goes_on_however_the_hosts_clock_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    began, right = time.time(), time.time
    clock = Clock(connect("unix:///nonexistent/redis.sock"))
    monkeypatch.setattr(time, "time", lambda: right() + 3600)
    assert began <= clock() < began + 5
