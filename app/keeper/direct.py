"""Logins of a worker's own, for the time without a keeper: bounded, and with a breaker like the keeper's."""

from __future__ import annotations

import threading
import time

from app.keeper.breaker import HANGING, Breaker
from app.keeper.protocol import Deadlines, Login
from app.mail.connection import Connection
from app.mail.direct import close_direct, open_direct
from app.mail.errors import MailError, ServerAway, TooManyConnections
from app.mail.login import Credentials

AT_ONCE = 2  # direct connections of one account in one worker
PATIENCE = 2.0  # seconds


class DirectLogins:
    """Opens and closes; knows how many each account has."""

    def __init__(self, deadlines: Deadlines, *, ca_file: str | None = None) -> None:
        self.deadlines, self.ca_file = deadlines, ca_file
        self._free = threading.Condition()
        self._open: dict[str, list[float]] = {}  # by account: when each was begun
        self._owners: dict[int, tuple[str, float]] = {}
        self._breakers: dict[str, Breaker] = {}

    def open(self, login: Login, *, seconds: float) -> Connection:
        """A fresh connection within so many seconds; end it with `close`. The tree of errors.

        After 2 s of waiting for a place TooManyConnections, or ServerAway where those who have the places wait for it.
        """
        end = time.monotonic() + seconds
        began = self._reserve(login.account_id, min(end, time.monotonic() + PATIENCE))
        try:
            connection = self._login(login, max(end - time.monotonic(), 0.1))
        except BaseException:
            self._release(login.account_id, began)
            raise
        with self._free:
            self._owners[id(connection)] = (login.account_id, began)
        return connection

    def close(self, connection: Connection) -> None:
        """Ends a connection of `open`, and gives its place back."""
        close_direct(connection)
        with self._free:
            owner = self._owners.pop(id(connection), None)
        if owner is not None:
            self._release(*owner)

    def _login(self, login: Login, seconds: float) -> Connection:
        breaker = self._breaker(login)
        credentials = Credentials(login.login, login.password, network=login.network, master=login.master)
        try:
            connection = open_direct(
                login.server.imap,
                credentials,
                connect=min(self.deadlines.connect, seconds),
                login=seconds,
                first_byte=self.deadlines.first_byte,
                silence=self.deadlines.silence,
                ca_file=self.ca_file,
            )
        except BaseException as error:
            self._judge(breaker, error)
            raise
        self._judge(breaker, None)
        return connection

    def _breaker(self, login: Login) -> Breaker:
        place = f"{login.server.id} {login.server.imap.host}:{login.server.imap.port}"
        with self._free:
            breaker = self._breakers.setdefault(place, Breaker())
            breaker.check()
        return breaker

    def _judge(self, breaker: Breaker, error: BaseException | None) -> None:
        with self._free:
            if isinstance(error, ServerAway):
                breaker.failed()
            elif error is None or isinstance(error, MailError):
                breaker.succeeded()
            else:
                breaker.gave_up()

    def _reserve(self, account: str, end: float) -> float:
        with self._free:
            while len(self._open.get(account, ())) >= AT_ONCE:
                if not self._free.wait(end - time.monotonic()):
                    raise self._full(account)
            began = time.monotonic()
            self._open.setdefault(account, []).append(began)
            return began

    def _full(self, account: str) -> MailError:
        if any(began < time.monotonic() - HANGING for began in self._open[account]):
            return ServerAway("those that have the places wait for its answer")
        return TooManyConnections("as many direct connections as an account may have")

    def _release(self, account: str, began: float) -> None:
        with self._free:
            self._open[account].remove(began)
            if not self._open[account]:
                del self._open[account]
            self._free.notify_all()
