"""The bare IMAP exchange behind a page, on a raw socket: what no webmail can go below.

Each function returns milliseconds; nothing is parsed beyond finding the tagged line.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.mailboxes import PASSWORD

ENVELOPES = b"(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)"
KNOWN = b"(UID FLAGS RFC822.SIZE)"
_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class Wire:
    """A connection signed in by LOGIN; `ask` sends one command and returns all bytes up to its tagged line."""

    def __init__(self, port: int, login: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.file.readline()
        self.ask(b'LOGIN "%s" "%s"' % (login.encode(), PASSWORD.encode()))

    def ask(self, command: bytes) -> bytes:
        """Send a command without literals; raise ValueError unless it is answered OK."""
        self.sock.sendall(b"a " + command + b"\r\n")
        lines = []
        while True:
            line = self.file.readline()
            lines.append(line)
            literal = _LITERAL.search(line)
            if literal:
                lines.append(self.file.read(int(literal[1])))
            elif line.startswith(b"a "):
                break
            elif not line:
                raise ConnectionError("closed by the server")
        if not line.startswith(b"a OK"):
            raise ValueError(f"{command!r}: {line!r}")
        return b"".join(lines)

    def close(self) -> None:
        """Sign out."""
        self.ask(b"LOGOUT")
        self.file.close()
        self.sock.close()


@dataclass(frozen=True)
class Times:
    """Milliseconds: the list's rows known or new and a message on a kept connection; list and message with a login."""

    known: float
    envelopes: float
    message: float
    reconnect_list: float
    reconnect_message: float


def measure(port: int, login: str, size: int, uids: Sequence[int], *, repeat: int = 30) -> Times:
    """Measure all of them, medians of `repeat`."""
    wire = Wire(port, login)
    wire.ask(b"SELECT INBOX")
    window = b"%d:%d" % (size - 49, size)
    turns = iter(uids * repeat)

    def rows(items: bytes) -> None:
        wire.ask(b"NOOP")
        wire.ask(b"FETCH " + window + b" " + items)

    def message() -> None:
        wire.ask(b"NOOP")
        _message(wire, next(turns))

    times = [_median(lambda: rows(KNOWN), repeat), _median(lambda: rows(ENVELOPES), repeat), _median(message, repeat)]
    wire.close()
    few = max(5, repeat // 3)
    times.append(_median(lambda: _again(port, login, b"FETCH " + window + b" " + ENVELOPES), few))
    times.append(_median(lambda: _again(port, login, None, next(turns)), few))
    return Times(*times)


def _message(wire: Wire, uid: int) -> None:
    answer = wire.ask(b"UID FETCH %d (UID FLAGS RFC822.SIZE INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER])" % uid)
    section = b"1" if b"multipart/" in answer.lower() or b'boundary"' in answer.lower() else b"TEXT"
    wire.ask(b"UID FETCH %d (BODY.PEEK[%s])" % (uid, section))


def _again(port: int, login: str, command: bytes | None, uid: int = 0) -> None:
    wire = Wire(port, login)
    wire.ask(b"SELECT INBOX")
    if command:
        wire.ask(command)
    else:
        _message(wire, uid)
    wire.close()


def _median(work: Callable[[], None], repeat: int) -> float:
    spent = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        spent.append((time.perf_counter() - start) * 1000)
    return sorted(spent)[repeat // 2]
