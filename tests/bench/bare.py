"""The bare IMAP exchange behind a page, on a raw socket: what no webmail can go below.

Each function returns milliseconds; nothing is parsed beyond finding the tagged line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.mailboxes import PASSWORD
from tests.bench.wire import Wire

ENVELOPES = b"(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)"
KNOWN = b"(UID FLAGS RFC822.SIZE)"


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
    wire = Wire(port, login, PASSWORD)
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
    wire = Wire(port, login, PASSWORD)
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
