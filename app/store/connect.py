"""Opens Redis as the node uses it: short timeouts, one retry at once, and a gate that keeps a silent Redis cheap.

A Redis that does not answer costs one request a second, two tries of half a one; the gate then answers for it, so
that a thousand requests do not each wait. Redis commands stay within 6.2.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT = 0.5
REST_SECONDS = 1.0


def connect(url: str, *, timeout: float = TIMEOUT) -> Redis:
    """A client for `url`; nothing is opened yet. One retry: a connection kept over a restart of Redis is dead.

    RESP2, because HELLO and its successors would cost a round trip more for each new connection.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 1),
        protocol=2,
        health_check_interval=0,
    )


class Gate:
    """Remembers that a server was silent a moment ago; one caller per rest is let through to try. `trial`: seconds that
    others wait for what becomes of that, where a try may take longer than a rest."""

    def __init__(
        self,
        rest: float = REST_SECONDS,
        *,
        trial: float = 0.0,
        is_answer: Callable[[BaseException], bool] = lambda error: False,
    ) -> None:
        self._rest, self._trial = rest, max(rest, trial)
        self._is_answer = is_answer
        self._shut_until = 0.0
        self._lock = threading.Lock()

    def shut(self) -> bool:
        """Whether to do without the server now."""
        if not self._shut_until:
            return False
        with self._lock:
            now = time.monotonic()
            if now < self._shut_until:
                return True
            self._shut_until = now + self._trial
            return False

    def resting(self) -> bool:
        """Whether it was silent a moment ago. Unlike `shut` it lets nobody through to try, who then must tell."""
        return time.monotonic() < self._shut_until

    @contextmanager
    def asking(self, *away: type[Exception]) -> Iterator[None]:
        """Around the question of who was let through: `away` tells of silence, unless `is_answer` says otherwise; every
        other end is an answer."""
        try:
            yield
        except away as error:
            (self.answered if self._is_answer(error) else self.failed)()
            raise
        except BaseException:
            self.answered()
            raise
        self.answered()

    def failed(self) -> None:
        """The server did not answer."""
        with self._lock:
            self._shut_until = time.monotonic() + self._rest

    def answered(self) -> None:
        """The server answered."""
        self._shut_until = 0.0
