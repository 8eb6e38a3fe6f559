"""Counts of failed sign-ins, in Redis and in the process."""

import ipaddress
import time
from dataclasses import replace

import pytest
from redis import Redis

from app.store import throttle
from app.store.throttle import Limits, LocalThrottle, Places, TooMany, admit, forgive, network_of

LIMITS = Limits(account=3, network=5, window=900)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_network_counts_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


def test_exempt_networks() -> None:
    campus = [ipaddress.ip_network("198.51.100.0/24")]
    assert throttle.is_exempt("198.51.100.7", campus)
    assert not throttle.is_exempt("198.51.101.7", campus)
    assert not throttle.is_exempt("nonsense", campus)


def test_the_local_limit_holds_per_pair_and_per_network() -> None:
    local = LocalThrottle(LIMITS)
    for _ in range(3):
        local.admit("alice", "n1")
    with pytest.raises(TooMany) as refused:
        local.admit("alice", "n1")
    assert 890 <= refused.value.retry_after <= 902
    local.admit("alice", "n2")
    local.admit("bob", "n1")
    local.admit("carol", "n1")
    with pytest.raises(TooMany):
        local.admit("dave", "n1")
    local.admit("dave", None)


def test_a_success_is_taken_back() -> None:
    local = LocalThrottle(LIMITS)
    for _ in range(20):
        local.admit("alice", "n1")
        local.forgive("alice", "n1")


def test_the_local_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "LOCAL_KEYS", 50)
    local = LocalThrottle(Limits(3, 10**6, 900))
    for number in range(200):
        local.admit(f"user{number}", "n1")
    assert len(local._failures) <= 50


@pytest.mark.servers
def test_the_window_slides(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.time()]
    monkeypatch.setattr(throttle, "present", lambda _redis: now[0])
    limits = Limits(account=2, network=5, window=60)
    for _ in range(2):
        admit(redis, "alice", "n1", limits)
        now[0] += 31
    with pytest.raises(TooMany):
        admit(redis, "alice", "n1", replace(limits, window=70))
    admit(redis, "alice", "n1", limits)
    with pytest.raises(TooMany):
        admit(redis, "alice", "n1", limits)


@pytest.mark.servers
def test_a_refused_attempt_does_not_prolong_the_wait(redis: Redis) -> None:
    for _ in range(3):
        admit(redis, "alice", "n1", LIMITS)
    for _ in range(10):
        with pytest.raises(TooMany):
            admit(redis, "alice", "n1", LIMITS)
    assert redis.zcard(redis.keys("t:account:*")[0]) == 3


@pytest.mark.servers
def test_a_known_network_has_its_own_count(redis: Redis) -> None:
    forgive(redis, admit(redis, "alice", "home", LIMITS), known=True)
    for _ in range(3):
        admit(redis, "alice", "elsewhere", LIMITS)
    with pytest.raises(TooMany):
        admit(redis, "alice", "elsewhere", LIMITS)
    for _ in range(3):
        admit(redis, "alice", "home", LIMITS)
    with pytest.raises(TooMany):
        admit(redis, "alice", "home", LIMITS)


@pytest.mark.servers
def test_the_pace_of_a_network_is_remembered(redis: Redis) -> None:
    throttle.remember_pace(redis, admit(redis, "alice", "n1", LIMITS), 16.5)
    assert admit(redis, "nobody", "n1", LIMITS).pace == 16.5
    assert admit(redis, "nobody", "n2", LIMITS).pace == 0.0


@pytest.mark.servers
def test_redis_holds_hashes_that_end(redis: Redis) -> None:
    forgive(redis, admit(redis, "alice@one.example\r\nSET x y", "192.0.2.7", LIMITS), known=True)
    admit(redis, "alice@one.example", "192.0.2.7", LIMITS)
    for key in redis.keys("*"):
        assert b"alice" not in key and b"192" not in key
        assert redis.ttl(key) > 0


def test_one_network_has_at_most_half_of_the_places() -> None:
    places = Places(5)
    assert [places.take("a") for _ in range(3)] == [True, True, False]
    assert [places.take(None) for _ in range(4)] == [True, True, True, False]  # exempt: all that there is
    places.give_back(None)
    assert not places.take("a")
    places.give_back("a")
    assert places.take("a") and places.take("b") and not places.take("c")


def test_a_single_place_is_anybody_s() -> None:
    places = Places(1)
    for network in ("a", "b"):
        assert places.take(network) and not places.take("c")
        places.give_back(network)


@pytest.mark.servers
def test_failures_seen_by_a_node_whose_clock_is_ahead_count_no_longer(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3600)
    for _ in range(LIMITS.account):
        ticket = admit(redis, "7", "192.0.2.7", LIMITS)
    monkeypatch.undo()
    with pytest.raises(TooMany) as refused:
        admit(redis, "7", "192.0.2.7", LIMITS)
    assert refused.value.retry_after <= LIMITS.window + 1
    assert all(redis.zscore(key, ticket.name) < time.time() + 1 for key in ticket.keys)
