"""poppassd (port 106; no RFC): USER, PASS, NEWPASS, each answered by a line that begins with a number.

It knows no TLS of its own: without a wrapper only on this machine, or where plain text is allowed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Protocol

from app.password.backend import SECONDS, Change
from app.password.errors import BackendAway, OldRefused, PasswordError, Rejected, Unsettled

_LONGEST = 1024  # bytes of an answer


class Stream(Protocol):
    """What of a socket's file is used."""

    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...
    def readline(self, size: int, /) -> bytes: ...


class Poppassd:
    """`login` is the template of the name that is sent. With `context` over TLS from the first byte."""

    without_old = False

    def __init__(
        self, host: str, port: int, *, context: ssl.SSLContext | None = None, login: str = "{login}",
        seconds: float = SECONDS,
    ) -> None:  # fmt: skip
        self.host, self.port, self.context, self.login, self.seconds = host, port, context, login, seconds

    def change(self, change: Change) -> None:
        """See Backend."""
        if change.old is None:
            raise BackendAway("poppassd needs the former password")
        user = change.filled(self.login)
        for each in (change.old, change.new):
            if not each.isprintable() or each != each.strip():  # a line's end would be the next command
                raise Rejected("It must neither begin nor end with a blank.")
        try:
            with self._opened() as line, line.makefile("rwb") as stream:
                _expect(stream, None, BackendAway("poppassd does not greet"))
                _expect(stream, f"user {user}", BackendAway("poppassd does not take the account's name"))
                _expect(stream, f"pass {change.old}", OldRefused("poppassd refuses the former password"))
                _new(stream, change.new)
        except (OSError, ValueError) as error:
            raise BackendAway(type(error).__name__) from error

    def look(self) -> str:
        """See Backend. It greets, and is left."""
        where = f"poppassd at {self.host}:{self.port}"
        try:
            with self._opened() as line, line.makefile("rwb") as stream:
                _expect(stream, None, BackendAway(f"{where} does not greet"))
                with contextlib.suppress(OSError, ValueError):
                    _asked(stream, "quit")
        except (OSError, ValueError) as error:
            raise BackendAway(f"{where}: {error or type(error).__name__}") from error
        return where

    def _opened(self) -> socket.socket:
        line = socket.create_connection((self.host, self.port), self.seconds)
        if self.context is None:
            return line
        try:
            return self.context.wrap_socket(line, server_hostname=self.host)
        except BaseException:
            line.close()
            raise


def _new(stream: Stream, new: str) -> None:
    """From here on a line that ends leaves open what became of it."""
    try:
        code, words = _asked(stream, f"newpass {new}")
    except (OSError, ValueError) as error:
        raise Unsettled(type(error).__name__) from error
    if code // 100 != 2:
        raise Rejected(words)
    with contextlib.suppress(OSError, ValueError):
        _asked(stream, "quit")


def _expect(stream: Stream, command: str | None, otherwise: PasswordError) -> None:
    if _asked(stream, command)[0] // 100 not in (2, 3):
        raise otherwise


def _asked(stream: Stream, command: str | None) -> tuple[int, str]:
    """The number and the words of an answer. OSError, ValueError where the line ends or says something else."""
    if command is not None:
        stream.write(f"{command}\r\n".encode())
        stream.flush()
    answer = stream.readline(_LONGEST)
    if not answer.endswith(b"\n"):
        raise ConnectionResetError("the line ended")
    number, _, words = answer.decode("utf-8", "replace").partition(" ")
    return int(number[:3]), words
