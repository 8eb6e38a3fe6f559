"""The workers' side of the keeper: borrow a connection, use it, state its hand-back.

The keeper is an optimisation, never a dependency: where its socket is absent or silent the worker logs in by itself,
two at a time for an account. An answer, also "busy", is not silence.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.keeper.direct import DirectLogins
from app.keeper.protocol import Control, Deadlines, Limits, Login, Message, error_from, own_user, status
from app.mail.connection import Connection, translate
from app.mail.errors import ConnectionLost, MailError
from app.mail.note import Note

__all__ = ["Borrower", "Counters", "Login", "status"]

SILENCE = 0.25  # seconds without any answer: then the worker logs in by itself
LEAST = 1.0  # seconds that each step has, however long the borrower has waited already
SILENCE_LATER = 1.0  # once the keeper has said `wait`, which it repeats every 0.1 s


class NoKeeper(Exception):
    """The keeper is absent, silent, or speaks another protocol."""


@dataclass(slots=True)
class Counters:
    """What this worker's leases came to, for /metrics."""

    kept: int = 0  # a kept connection
    fresh: int = 0  # the keeper logged in for it
    direct: int = 0  # this worker logged in by itself
    repeated: int = 0  # a kept connection had died
    handed_back: int = 0
    dropped: int = 0


class _Loan:
    """One borrowed connection and what ends its lease."""

    def __init__(self, connection: Connection, control: Control | None, *, fresh: bool, young: bool = False) -> None:
        self.connection, self.control, self.fresh, self.young = connection, control, fresh, young
        self._capabilities = connection.note.capabilities

    def hand_back(self) -> None:
        """The stated end. The socket is closed first, so that nobody here can use it any more."""
        note = self.connection.io.release()
        self.connection.io.sock.close()
        record = note.to_record()
        if note.capabilities is self._capabilities:
            record["capabilities"] = None  # as they were: most of the line, and of the time to read it
        if self.control is not None:
            with contextlib.suppress(OSError):
                self.control.send({"back": record})
            self.control.close()

    def drop(self) -> None:
        """The other end: the keeper sees the control connection close and ends the IMAP connection."""
        self.connection.io.lose("dropped")
        if self.control is not None:
            self.control.close()
        self.connection.io.sock.close()


class Borrower:
    """One per worker process. `socket_path` None: no keeper, every lease is a login. `silence`: as SILENCE."""

    def __init__(
        self,
        socket_path: str | None,
        secret_key: bytes,
        limits: Limits,
        deadlines: Deadlines,
        *,
        ca_file: str | None = None,
        silence: float = SILENCE,
    ) -> None:
        self.path, self.secret_key, self.limits, self.deadlines = socket_path, secret_key, limits, deadlines
        self.ca_file, self.silence = ca_file, silence
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._counters = Counters()
        self._direct = DirectLogins(self.deadlines, ca_file=self.ca_file)

    def _check_process(self) -> None:
        if os.getpid() != self._process:  # after a fork: locks and counts are the parent's
            self._begin()

    def counters(self) -> Counters:
        """A copy of the counts so far."""
        return replace(self._counters)

    def _count(self, name: str) -> None:
        with self._lock:
            setattr(self._counters, name, getattr(self._counters, name) + 1)

    # -- lease -------------------------------------------------------------------------------------------------------

    @contextmanager
    def lease(self, login: Login, *, seconds: float | None = None, patient: bool = False) -> Iterator[Connection]:
        """A connection, for the length of the `with`. NOOP was sent, where the login is not fresh or seconds old.

        A silent mail server is waited for `seconds` at most, the deadline of the first byte where they are not given;
        `patient`: that long for a connection and a first byte, longer for the bytes after it. Raises the tree of
        errors. Whatever is raised inside ends the connection; otherwise it is handed back where it is fit to be used
        again.
        """
        self._check_process()
        loan = self._checked(login, seconds or self.deadlines.first_byte)
        loan.connection.io.patient = patient
        try:
            yield loan.connection
        except BaseException as error:
            self._drop(loan)
            ours = translate(error)
            if ours is not None and ours is not error:
                raise ours from error
            raise
        if loan.connection.io.reusable:
            self._give_back(loan)
        else:
            self._drop(loan)

    def _checked(self, login: Login, seconds: float) -> _Loan:
        """A loan that has answered NOOP. A kept connection may have died unnoticed: once, a fresh one is taken.

        All of it, the first byte of the next answer too, in about so many seconds where the mail server is silent:
        half of them for NOOP, the others for a login.
        """
        end = time.monotonic() + seconds
        loan = self._borrow(login, fresh=False, seconds=seconds)
        if not (loan.fresh or loan.young):
            loan = self._answering(login, loan, end)
        io = loan.connection.io
        io.timeout = max(min(io.timeout, end - time.monotonic()), LEAST)
        return loan

    def _answering(self, login: Login, loan: _Loan, end: float) -> _Loan:
        """The kept connection where it answers, else a fresh one."""
        try:
            loan.connection.ask(b"NOOP", timeout=(end - time.monotonic()) / 2)
            return loan
        except MailError:
            self._drop(loan)
            self._count("repeated")
        except BaseException:
            self._drop(loan)
            raise
        return self._borrow(login, fresh=True, seconds=max(end - time.monotonic(), LEAST))

    def _give_back(self, loan: _Loan) -> None:
        self._count("handed_back")
        if loan.control is None:
            self._direct.close(loan.connection)
        else:
            loan.hand_back()

    def _drop(self, loan: _Loan) -> None:
        self._count("dropped")
        if loan.control is None:
            self._direct.close(loan.connection)
        else:
            loan.drop()

    def _borrow(self, login: Login, *, fresh: bool, seconds: float) -> _Loan:
        """`seconds`: within which there is an answer, if only that the mail server has none."""
        message = {**login.message("lease", self.secret_key), "fresh": fresh, "seconds": seconds}
        try:
            control, reply, descriptor = self._ask(message, login)
        except NoKeeper:
            self._count("direct")
            return _Loan(self._direct.open(login, seconds=seconds), None, fresh=True)
        try:
            loan = self._adopt(control, reply, descriptor)
        except (KeyError, TypeError, ValueError, OSError):
            control.close()
            raise ConnectionLost("the keeper's answer makes no sense") from None
        except BaseException:
            control.close()
            raise
        self._count("fresh" if loan.fresh else "kept")
        return loan

    def _adopt(self, control: Control, reply: Message, descriptor: int) -> _Loan:
        sock = socket.socket(fileno=descriptor)
        try:
            connection = Connection.adopt(
                sock,
                Note.from_record(reply["note"]),
                tag_prefix=str(reply["tag"]),
                timeout=self.deadlines.first_byte,
                silence=self.deadlines.silence,
            )
        except BaseException:
            sock.close()
            raise
        connection.io.renew = lambda: _renew(control)
        return _Loan(connection, control, fresh=bool(reply["fresh"]), young=bool(reply.get("young")))

    # -- sign-in, watching, status -----------------------------------------------------------------------------------

    def sign_in(self, login: Login) -> None:
        """Proves the user's own password by a fresh login, which the keeper then keeps. Raises the tree of errors."""
        self._check_process()
        try:
            control, _, _ = self._ask(login.message("sign_in", self.secret_key), login, sign_in=True)
            control.close()
        except NoKeeper:
            self._count("direct")
            seconds = self.deadlines.sign_in
            self._direct.close(self._direct.open(replace(login, master=None), seconds=seconds))

    def watch(self, login: Login) -> None:
        """Asks the keeper to watch this account's INBOX, where nobody does. Without a keeper nothing happens."""
        self._check_process()
        with contextlib.suppress(NoKeeper, MailError):
            control, _, _ = self._ask(login.message("watch", self.secret_key), login)
            control.close()

    def status(self) -> Message | None:
        """The keeper's state as `app.keeper.lend` tells it; None without a keeper."""
        return status(self.path)

    def answers(self) -> bool:
        """Whether there is a keeper, and it is not standing still."""
        return status(self.path, seconds=self.silence) is not None

    # -- the conversation --------------------------------------------------------------------------------------------

    def _ask(self, message: Message, login: Login, *, sign_in: bool = False) -> tuple[Control, Message, int]:
        """One question up to its answer; descriptor -1 where none belongs to it. NoKeeper, or the error answered."""
        if self.path is None:
            raise NoKeeper
        control: Control | None = None
        try:
            control = Control(self.path, timeout=self.silence)
            if not own_user(control.sock):  # whoever made the folder first would be told passwords
                raise NoKeeper
            control.send(message)
            reply, descriptor = self._reply(control, login, sign_in)
        except (OSError, ValueError):
            _close(control)
            raise NoKeeper from None
        except BaseException:
            _close(control)
            raise
        return control, reply, descriptor

    def _reply(self, control: Control, login: Login, sign_in: bool) -> tuple[Message, int]:
        reply, descriptor = control.receive(self.silence)
        while reply.get("wait"):
            if reply.get("need") == "password":
                control.send(login.secret(sign_in=sign_in))
            reply, descriptor = control.receive(max(SILENCE_LATER, self.silence))
        if reply.get("error") == "protocol":
            raise ValueError("another protocol")
        if "error" in reply:
            raise error_from(reply)
        if reply.get("granted") and descriptor is None:
            raise ValueError("no descriptor came: this process has too many open")
        return reply, -1 if descriptor is None else descriptor


def _renew(control: Control) -> None:
    with contextlib.suppress(OSError):
        control.send({"renew": True})


def _close(control: Control | None) -> None:
    if control is not None:
        control.close()
