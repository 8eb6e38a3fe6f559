"""How many files of one account are on their way to its mail server at once: three, over all nodes.

Each holds a thread and one of the account's connections for as long as its browser takes. A place is counted in Redis
until its time is over, and renewed while bytes come, so that a node that died gives its places back within a minute.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from redis import Redis, RedisError

from app.store.clock import present

PLACES = 3
SECONDS = 60
RETRY_AFTER = 5


class TooManyUploads(Exception):
    """The account has as many uploads under way as it may have; `retry_after` in seconds."""

    retry_after = RETRY_AFTER


class Uploads:
    """The uploads of a process. While Redis is away, its own are counted all the same."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._here: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, account_id: str) -> Iterator[Callable[[], None]]:
        """One of the account's places, for this block; yields what is to be called while the upload goes on, which
        costs nothing most of the time. Raises TooManyUploads."""
        with self._lock:
            if self._here[account_id] >= PLACES:
                raise TooManyUploads
            self._here[account_id] += 1
        key, name = f"uploads:{account_id}", os.urandom(9).hex()
        try:
            self._take(key, name)
            yield _Renewal(self._redis, key, name)
        finally:
            with suppress(RedisError):
                self._redis.zrem(key, name)
            with self._lock:
                self._here[account_id] -= 1
                self._here += Counter()  # drops accounts at nought

    def _take(self, key: str, name: str) -> None:
        """Counts first and looks then, so that no two uploads share the last place."""
        with suppress(RedisError):
            now = present(self._redis)
            pipe = self._redis.pipeline(transaction=True)
            pipe.zremrangebyscore(key, "-inf", now)
            pipe.zadd(key, {name: now + SECONDS})
            pipe.zcard(key)
            pipe.expire(key, 2 * SECONDS)
            if pipe.execute()[2] > PLACES:
                raise TooManyUploads


class _Renewal:
    """Says in Redis, a few times a minute, that the upload still goes on."""

    def __init__(self, redis: Redis, key: str, name: str) -> None:
        self._redis, self._key, self._name = redis, key, name
        self._next = time.monotonic() + SECONDS / 4

    def __call__(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SECONDS / 4
        with suppress(RedisError):
            pipe = self._redis.pipeline(transaction=False)
            pipe.zadd(self._key, {self._name: present(self._redis) + SECONDS})
            pipe.expire(self._key, 2 * SECONDS)
            pipe.execute()
