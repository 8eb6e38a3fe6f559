"""The one clock of all nodes: Redis's. Of what a node writes for others to read as "until" or "since", its own clock
would decide over theirs: 90 s ahead, it sent at once what another had promised could be undone for 10 s (tried).
"""

import time

from redis import Redis, RedisError

LOOK_SECONDS = 10.0


def present(redis: Redis) -> float:
    """Seconds of the epoch by Redis's clock. Raises redis.RedisError."""
    seconds, millionths = redis.time()
    return float(seconds) + float(millionths) / 1_000_000


class Clock:
    """The same for who asks often, and goes on while Redis is away: between two looks the time since the machine's
    start is counted on, which nobody sets. Before Redis has answered once it is this host's own clock."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ahead = time.time() - _running()
        self._next = 0.0

    def __call__(self) -> float:
        """Seconds of the epoch."""
        began = _running()
        if began >= self._next:
            self._next = began + LOOK_SECONDS  # one thread looks
            self._look(began)
        return _running() + self._ahead

    def milliseconds(self) -> int:
        """The same in milliseconds, as the outbox counts."""
        return int(self() * 1000)

    def unasked(self) -> int:
        """The same, for where nothing may wait for Redis: it is not asked."""
        return int((_running() + self._ahead) * 1000)

    def _look(self, began: float) -> None:
        try:
            told = present(self._redis)
        except RedisError:
            return
        self._ahead = told - (began + _running()) / 2


def _running() -> float:
    """Seconds since the machine's start, also those that it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
