"""The courier's ear at Redis: a mail was put in that may be due at once. Without Redis it only sleeps."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from redis import RedisError

from app.store.connect import connect
from app.store.sending import WAKE_CHANNEL


class Ear:
    """Listens while it waits. A subscription that broke is made anew with the next waiting."""

    def __init__(self, redis_url: str) -> None:
        self._redis = connect(redis_url)
        self._channel: Any = None

    def wait(self, seconds: float) -> bool:
        """Waits so long at most; True at once when a mail was put in."""
        end = time.monotonic() + seconds
        try:
            if self._channel is None:
                self._channel = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                self._channel.subscribe(WAKE_CHANNEL)
                return True  # what was told before is looked for
            while (left := end - time.monotonic()) > 0:
                if self._channel.get_message(timeout=left) is not None:
                    return True
        except (RedisError, OSError):
            self._drop()
            time.sleep(max(0.0, end - time.monotonic()))
        return False

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()
        self._redis.close()
