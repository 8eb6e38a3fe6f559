"""Logins of a worker's own, for the time without a keeper: bounded, and with a breaker like the keeper's."""

from __future__ import annotations

import threading
import time

from app.keeper.breaker import Breaker
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
        self._open: dict[str, int] = {}
        self._owners: dict[int, str] = {}
        self._breakers: dict[str, Breaker] = {}

    def open(self, login: Login, *, seconds: float | None = None) -> Connection:
        """A fresh connection; end it with `close`. The tree of errors; TooManyConnections after 2 s of waiting.

        `seconds` is the login's deadline where it is not the usual one.
        """
        self._reserve(login.account_id)
        try:
            connection = self._login(login, seconds or self.deadlines.login)
        except BaseException:
            self._release(login.account_id)
            raise
        with self._free:
            self._owners[id(connection)] = login.account_id
        return connection

    def close(self, connection: Connection) -> None:
        close_direct(connection)
        with self._free:
            account = self._owners.pop(id(connection), None)
        if account is not None:
            self._release(account)

    def _login(self, login: Login, seconds: float) -> Connection:
        breaker = self._breaker(login)
        credentials = Credentials(login.login, login.password, network=login.network, master=login.master)
        try:
            connection = open_direct(
                login.server.imap,
                credentials,
                connect=self.deadlines.connect,
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

    def _reserve(self, account: str) -> None:
        end = time.monotonic() + PATIENCE
        with self._free:
            while self._open.get(account, 0) >= AT_ONCE:
                if not self._free.wait(end - time.monotonic()):
                    raise TooManyConnections("as many direct connections as an account may have")
            self._open[account] = self._open.get(account, 0) + 1

    def _release(self, account: str) -> None:
        with self._free:
            self._open[account] -= 1
            if not self._open[account]:
                del self._open[account]
            self._free.notify_all()
