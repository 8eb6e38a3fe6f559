"""Logins of the keeper's: each within its own deadline, however long its borrower can wait.

A page waits 3 s, a login may take 5 (a slow directory of passwords behind the mail server). So a login goes on without
its borrower, and the next one finds the connection. What hangs is remembered: who finds no place is told the reason.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

from app.keeper.breaker import Breaker
from app.keeper.protocol import Deadlines, Wanted
from app.keeper.slots import Tally
from app.keeper.upstream import Upstream, open_upstream
from app.mail.errors import MailError, ServerAway
from app.mail.login import Credentials

log = logging.getLogger("postern.keeper")


class Logins:
    """Those on their way, and the breaker of each mail server."""

    def __init__(self, deadlines: Deadlines, tally: Tally, *, ca_file: str | None = None) -> None:
        self.deadlines, self.tally, self.ca_file = deadlines, tally, ca_file
        self.breakers: dict[str, Breaker] = {}
        self._begun: set[tuple[float, Wanted]] = set()
        self._tasks: set[asyncio.Task[Upstream]] = set()

    def breaker(self, wanted: Wanted) -> Breaker:
        """The breaker of the borrower's mail server."""
        return self.breakers.setdefault(wanted.place, Breaker())

    async def open(self, wanted: Wanted, credentials: Credentials, seconds: float) -> Upstream:
        """One login, judged by the breaker. Raises the tree of errors."""
        breaker, entry = self.breaker(wanted), (time.monotonic(), wanted)
        self._begun.add(entry)
        try:
            upstream = await open_upstream(
                wanted, credentials, connect=self.deadlines.connect, login=seconds, ca_file=self.ca_file
            )
        except BaseException as error:
            self._judge(breaker, error, wanted)
            raise
        finally:
            self._begun.discard(entry)
        breaker.succeeded()
        self.tally.logins += 1
        return upstream

    def _judge(self, breaker: Breaker, error: BaseException, wanted: Wanted) -> None:
        if isinstance(error, ServerAway):
            log.warning("mail server %s: %s: %s", wanted.place, type(error).__name__, error.text)
            self.tally.away += 1
            breaker.failed()
        elif isinstance(error, MailError):
            self.tally.refused += 1
            breaker.succeeded()  # it answered
        else:
            breaker.gave_up()

    async def wait_for(
        self, login: Coroutine[Any, Any, Upstream], until: float, late: Callable[[Upstream], None]
    ) -> Upstream:
        """The connection that `login` brings. ServerAway at the time `until`: then `late` gets what comes later."""
        task = asyncio.create_task(login)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        ended: set[asyncio.Task[Upstream]] = set()
        try:
            left = None if until == math.inf else max(0.0, until - time.monotonic())
            ended, _ = await asyncio.wait([task], timeout=left)
        finally:
            if not ended:  # too late, or its borrower went away
                task.add_done_callback(lambda task: _hand_on(task, late))
        if not ended:
            raise ServerAway("no login within the time of a page")
        return task.result()

    def hang(self, wanted: Wanted, *, since: float) -> bool:
        """Whether a login of the borrower's account that began before this time has no answer yet."""
        return any(began < since and other.account == wanted.account for began, other in self._begun)

    def close(self) -> None:
        """Ends those on their way."""
        for task in self._tasks:
            task.cancel()


def _hand_on(task: asyncio.Task[Upstream], late: Callable[[Upstream], None]) -> None:
    if not task.cancelled() and task.exception() is None:
        late(task.result())
