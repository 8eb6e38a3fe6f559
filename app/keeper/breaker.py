"""The circuit breaker of one mail server: after some failures in a row nobody tries for a while, then one does.

Without it a dead server costs every request of its users the whole deadline of a connect, and all threads with it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Literal

from app.mail.errors import ServerAway

FAILURES = 5  # in a row until it opens
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0  # seconds
HANGING = 1.0  # seconds after which a login or a lent connection is one that the server leaves without an answer

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Counts failures to reach a server; a refused password is no failure. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._until = 0.0
        self._trial: float | None = None

    @property
    def state(self) -> State:
        if self._failures < FAILURES:
            return "closed"
        return "open" if self._clock() < self._until else "half-open"

    def check(self) -> None:
        """Lets a try through, or raises ServerAway at once. Half-open, one try at a time passes."""
        state = self.state
        if state == "closed":
            return
        trying = self._trial is not None and self._clock() - self._trial < LONGEST_PAUSE
        if state == "open" or trying:
            raise ServerAway("the server did not answer lately", retry_after=max(1.0, self._until - self._clock()))
        self._trial = self._clock()

    def succeeded(self) -> None:
        self._failures, self._pause, self._trial = 0, FIRST_PAUSE, None

    def failed(self) -> None:
        """One more failure. The pause doubles, with a jitter so that nodes do not come back together.

        Tries that began before it opened say nothing new: each of them would double the pause again.
        """
        if self.state == "open":
            return
        self._failures += 1
        self._trial = None
        if self._failures >= FAILURES:
            self._until = self._clock() + self._pause * random.uniform(0.8, 1.2)
            self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def gave_up(self) -> None:
        """The try ended without telling anything (cancelled, no slot): the next may try."""
        self._trial = None
