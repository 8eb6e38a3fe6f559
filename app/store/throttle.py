"""Counts failed sign-ins per account and per network in sliding windows, in Redis and in this process.

An attempt is counted when it begins and taken back when it succeeds, so that a thousand at once are counted too.
An account's owner is not locked out by others: a network from which they signed in before has a count of its own.
"""

import hashlib
import ipaddress
import os
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from app.store.clock import present

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
KNOWN_SECONDS = 30 * 86400
PACE_SECONDS = 900
LOCAL_KEYS = 20000


@dataclass(frozen=True, slots=True)
class Limits:
    """Failures allowed in `window` seconds: of one account, and of one network."""

    account: int
    network: int
    window: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """One counted attempt: the keys that count it, its own name in them, and what is known of the network.

    `pace` is how long (seconds) this network's last wrong password took on a mail server.
    """

    keys: tuple[str, ...]
    name: str
    known_key: str
    pace_key: str
    pace: float


class TooMany(Exception):
    """The limit is reached; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failed sign-ins, again in {retry_after} s")
        self.retry_after = retry_after


def network_of(address: str) -> str:
    """What counts as one network: an IPv4 address, an IPv6 /64 (RFC 4291 §2.5.4); anything else as one network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def is_exempt(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def admit(redis: Redis, account: str, network: str | None, limits: Limits) -> Ticket:
    """Counts one attempt on `account` (id or address) from `network` (None: exempt). Raises TooMany, RedisError."""
    who, where = _hash(account), _hash(network or "exempt")
    known_key, pace_key = f"t:known:{who}:{where}", f"t:pace:{where}"
    pipe = redis.pipeline(transaction=False)
    pipe.exists(known_key)
    pipe.get(pace_key)
    known, pace = pipe.execute()
    now = present(redis)
    counted = [(f"t:pair:{who}:{where}" if known else f"t:account:{who}", limits.account)]
    if network is not None:
        counted.append((f"t:network:{where}", limits.network))
    name = f"{now:.3f}:{os.urandom(6).hex()}"
    _count(redis, counted, name, limits.window, now)
    return Ticket(tuple(key for key, _ in counted), name, known_key, pace_key, _number(pace))


def _count(redis: Redis, counted: Sequence[tuple[str, int]], name: str, window: int, now: float) -> None:
    """Counts first and looks then, so that no two attempts share the last place; a refused one is not counted."""
    pipe = redis.pipeline(transaction=True)
    for key, _ in counted:
        pipe.zremrangebyscore(key, "-inf", now - window)
        pipe.zadd(key, {name: now})
        pipe.zcard(key)
        pipe.zrange(key, 0, 0, withscores=True)
        pipe.expire(key, window)
    answers: Any = pipe.execute()
    full = [answers[5 * at + 3][0][1] for at, (_, limit) in enumerate(counted) if answers[5 * at + 2] > limit]
    if full:
        _uncount(redis, [key for key, _ in counted], name)
        raise TooMany(max(1, int(max(full) + window - now) + 1))


def _uncount(redis: Redis, keys: Sequence[str], name: str) -> None:
    pipe = redis.pipeline(transaction=False)
    for key in keys:
        pipe.zrem(key, name)
    pipe.execute()


def forgive(redis: Redis, ticket: Ticket, *, known: bool) -> None:
    """Takes an attempt back that was no failure; `known`: it succeeded, so this network is the owner's from now on."""
    _uncount(redis, ticket.keys, ticket.name)
    if known:
        redis.set(ticket.known_key, b"1", ex=KNOWN_SECONDS)


def remember_pace(redis: Redis, ticket: Ticket, seconds: float) -> None:
    """How long a wrong password took, so that an address that does not exist takes as long from this network."""
    redis.set(ticket.pace_key, f"{seconds:.1f}", ex=PACE_SECONDS)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _number(value: bytes | None) -> float:
    try:
        return min(30.0, float(value or 0))
    except ValueError:
        return 0.0


class LocalThrottle:
    """The same counts in this process alone, bounded in memory: what is left of the limits without Redis."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, account: str, network: str | None) -> None:
        """Counts one attempt. Raises TooMany."""
        now = time.monotonic()
        pair = _hash(f"{account} {network}")
        counted = [(f"p{pair}", self._limits.account)]
        if network is not None:
            counted.append((f"n{_hash(network)}", self._limits.network))
        with self._lock:
            times = [(self._times(key, now), limit) for key, limit in counted]
            full = [each[0] for each, limit in times if len(each) >= limit]
            if full:
                raise TooMany(max(1, int(max(full) + self._limits.window - now) + 1))
            for each, _ in times:
                each.append(now)

    def forgive(self, account: str, network: str | None) -> None:
        """Takes the last attempt back: it succeeded."""
        keys = [f"p{_hash(f'{account} {network}')}"] + ([f"n{_hash(network)}"] if network is not None else [])
        with self._lock:
            for key in keys:
                if self._failures.get(key):
                    self._failures[key].pop()

    def _times(self, key: str, now: float) -> deque[float]:
        times = self._failures.setdefault(key, deque())
        self._failures.move_to_end(key)
        while times and times[0] <= now - self._limits.window:
            times.popleft()
        while len(self._failures) > LOCAL_KEYS:
            self._failures.popitem(last=False)
        return times


class Places:
    """How many sign-ins a process sees to at once. One network has at most half of the places: a mail server holds a
    wrong password for 17 s, and with all of them a single host kept everybody else out for as long (tried)."""

    def __init__(self, count: int) -> None:
        self._left, self._share = count, max(1, count // 2)
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, network: str | None) -> bool:
        """Whether there was a place for this network (None: exempt, of which no share is kept)."""
        with self._lock:
            if self._left == 0 or (network is not None and self._taken[network] >= self._share):
                return False
            self._left -= 1
            self._taken[network or ""] += 1
            return True

    def give_back(self, network: str | None) -> None:
        """The place that `take` gave."""
        with self._lock:
            self._left += 1
            self._taken[network or ""] -= 1
            self._taken += Counter()  # forgets who has none
