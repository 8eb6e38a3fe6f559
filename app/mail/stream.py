"""One IMAP connection as a worker sees it: a borrowed socket, the answers that come in, the tags that are open.

Both ways of speaking, `Connection.ask` and imapclient's methods, send and read here, so that note, deadlines, counts
and the question "may this connection be used again?" have one place.
"""

from __future__ import annotations

import os
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.mail.errors import BadArgument, ConnectionLost, NobodyWaits, ServerSilent
from app.mail.note import Note
from app.mail.response import LITERAL_LIMIT, REST_LIMIT, Response, Responses, status
from app.mail.wire import Argument, Literal, Streamed, command_name, encode_streams

Cut = TypeVar("Cut")

READ_SIZE = 65_536
SILENT = "the server fell silent"
LEAST_RATE = 1024  # bytes a second of a response that has begun: a server that drips holds a thread as silence does
LONGEST = 60.0  # seconds for all of what a page asks: lines that say nothing may come one by one for ever
ANSWER_LIMIT = LITERAL_LIMIT + 4_000_000  # bytes of one answer
RENEW_AFTER = 20.0  # seconds; the keeper ends a lease after 60 s without hand-back or renewal

# Never on a kept connection: they change what later answers mean, or end it.
_FORBIDDEN = frozenset({b"CLOSE", b"IDLE", b"LOGOUT", b"COMPRESS", b"NOTIFY", b"STARTTLS", b"LOGIN", b"AUTHENTICATE"})


@dataclass(slots=True)
class Traffic:
    """What was spent on one lease: commands, bytes each way, and (count, seconds) by the command's name."""

    commands: int = 0
    sent: int = 0
    received: int = 0
    by_name: dict[str, tuple[int, float]] = field(default_factory=dict)

    def add(self, name: bytes, seconds: float) -> None:
        """Counts one command."""
        count, total = self.by_name.get(key := name.decode("ascii", "replace"), (0, 0.0))
        self.by_name[key] = (count + 1, total + seconds)
        self.commands += 1

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.by_name.values())

# Their first byte may take long, and giving up early would leave open what was done: a write is never repeated.
_WRITES = frozenset(
    {b"APPEND", b"COPY", b"MOVE", b"STORE", b"EXPUNGE", b"CREATE", b"DELETE", b"RENAME"}
    | {b"UID COPY", b"UID MOVE", b"UID STORE", b"UID EXPUNGE"}
)
_SAVES = re.compile(rb"RETURN \([^)]*\bSAVE\b", re.IGNORECASE)


def _plain(line: Sequence[Argument]) -> list[bytes]:
    return [word for word in line if isinstance(word, bytes) and not isinstance(word, Literal)]


def _hung_up(caller: socket.socket) -> bool:
    """Whether a socket that has become readable is at its end. HAProxy says so with `option abortonclose` only."""
    try:
        return not caller.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def sent_at_once(sock: socket.socket, data: bytes) -> int:
    """How many octets the system took without waiting, nearly always all; the rest is for `send`, which tells errors.

    A Python socket with a timeout asks before each of its own calls whether it may write; other threads of the worker
    run in between.
    """
    if isinstance(sock, ssl.SSLSocket):
        return 0
    try:
        return os.write(sock.fileno(), data[:READ_SIZE])
    except OSError:
        return 0


class Stream:
    """Sends commands on `sock` and reads whole responses. Seconds: `timeout` to the first byte of an answer and between
    bytes; `silence` for writes, and between bytes where it is `patient`. A person waits for a page, a browser for a
    download. `renew` is called about every 20 s while bytes move.
    """

    def __init__(self, sock: socket.socket, note: Note, *, tag_prefix: str, timeout: float, silence: float) -> None:
        self.sock = sock
        self.note = note
        self.prefix = tag_prefix.encode("ascii")
        self.timeout, self.silence, self.patient = timeout, silence, False
        self.responses = Responses(note.rest)
        note.rest = b""
        self.broken: str | None = None
        self.traffic = Traffic()
        self.renew: Callable[[], None] | None = None
        self._tags = 0
        self._open: dict[bytes, tuple[bytes, float]] = {}  # tag → command's name, when it was sent
        self._refused_literal: Response | None = None  # a tagged line that came where `+` was awaited
        self._awaited = self._between = timeout  # seconds: for the next byte, for those after it
        self._due = 0.0  # when the response that has begun should be whole, at the least rate; 0: none has
        self._end = self._most = float("inf")  # of the whole answer: when, and of `received`
        self._renewed = time.monotonic()
        self._caller: socket.socket | None = None
        self._stoppable = False

    def watch(self, caller: object) -> None:
        """Whose hanging up ends a search: the browser's socket. Anything else, TLS too, is not looked at."""
        plain = isinstance(caller, socket.socket) and not isinstance(caller, ssl.SSLSocket)
        self._caller = caller if plain and not isinstance(self.sock, ssl.SSLSocket) else None  # type: ignore[assignment]

    # -- out ---------------------------------------------------------------------------------------------------------

    def start(self, line: Sequence[Argument], *, timeout: float | None = None) -> bytes:
        """Sends one whole command, literals and all; returns its tag. A tagged answer in place of `+` stays unread.

        What a streamed literal raises comes through; the connection is lost then."""
        if self.broken:
            raise ConnectionLost(self.broken)
        name = command_name(line)
        self._permit(name, line)
        tag = b"%b%d" % (self.prefix, self._tags)
        pieces, streams = encode_streams(tag, line, plus=self.note.has("LITERAL+"), minus=self.note.has("LITERAL-"))
        self._tags += 1
        self._open[tag] = (name, time.monotonic())
        self.note.before(name)
        self._expect(name, timeout)
        self._stoppable = timeout is not None and name not in _WRITES
        self._write_pieces(pieces, streams)
        return tag

    def _expect(self, name: bytes, timeout: float | None) -> None:
        """How long the answer to this command may take. A long search says between times how far it is."""
        writes = name in _WRITES
        self._awaited = timeout or (self.silence if writes else self.timeout)
        self._between = self.silence if writes or self.patient else max(timeout or 0.0, self.timeout)
        self._end = float("inf") if writes or self.patient or timeout else time.monotonic() + LONGEST
        self._most = self.traffic.received + ANSWER_LIMIT

    def _permit(self, name: bytes, line: Sequence[Argument]) -> None:
        if name in _FORBIDDEN:
            raise BadArgument(f"{name.decode()} is not for a kept connection")
        if name == b"ENABLE" and any(isinstance(word, bytes) and word.upper() != b"CONDSTORE" for word in line[1:]):
            raise BadArgument("only CONDSTORE may be enabled on a kept connection")
        if name in (b"SEARCH", b"UID SEARCH", b"SORT", b"UID SORT") and _SAVES.search(b" ".join(_plain(line))):
            raise BadArgument("no saved search on a kept connection")

    def _write_pieces(self, pieces: list[bytes], streams: Mapping[int, Streamed]) -> None:
        for number, piece in enumerate(pieces):
            if number and not self._continued():
                return
            if number in streams:
                self._write_stream(streams[number])
            self._write(piece)

    def _write_stream(self, literal: Streamed) -> None:
        """Exactly as many octets as were promised: others would be read as the next command, or the next command as
        them."""
        left = literal.size
        try:
            for chunk in literal.chunks:
                left -= len(chunk)
                if left < 0:
                    break
                self._write(chunk)
        except BaseException:
            self.lose("a literal broke off")
            raise
        if left:
            raise self.lose("a literal of another size than was promised")

    def _continued(self) -> bool:
        """Waits for `+`; False when the server answered with a tagged line instead (it stays in the buffer)."""
        while True:
            response = self.response()
            if response[0].startswith(b"+"):
                return True
            if not response[0].startswith(b"* "):
                self._refused_literal = response
                return False

    def _write(self, data: bytes) -> None:
        self.traffic.sent += len(data)
        view = memoryview(data)[sent_at_once(self.sock, data) :]
        try:
            self._keep_lease()
            while view:
                self._wait(self.silence)
                view = view[self.sock.send(view[:READ_SIZE]) :]
                self._keep_lease()
        except OSError as error:
            raise self.lose(f"sending: {type(error).__name__}") from None

    # -- in ----------------------------------------------------------------------------------------------------------

    def response(self) -> Response:
        """The next whole response, already taken into the note."""
        if self._refused_literal is not None:
            early, self._refused_literal = self._refused_literal, None
            return early
        while (response := self._cut(self.responses.response)) is None:
            self._fill()
        self._take(response)
        return response

    def part(self) -> bytes:
        """The next line or literal, for imaplib, which puts responses together itself."""
        while (part := self._cut(self.responses.part)) is None:
            self._fill()
        if self.responses.done:
            self._take(self.responses.flush())
        return part

    def _cut(self, cut: Callable[[], Cut]) -> Cut:
        try:
            return cut()
        except ConnectionLost as error:
            raise self.lose(error.text) from None

    def _fill(self) -> None:
        if self.broken:
            raise ConnectionLost(self.broken)
        try:
            self._wait(self._left_of(self._awaited) if self._stoppable and self._caller else self._awaited)
            data = self.sock.recv(READ_SIZE)
        except TimeoutError:
            self.lose(SILENT)
            raise ServerSilent(SILENT) from None
        except OSError as error:
            raise self.lose(f"reading: {type(error).__name__}") from None
        if not data:
            raise self.lose("the server closed the connection")
        self._awaited = self._between
        self.traffic.received += len(data)
        self.responses.feed(data)
        self._hurry(len(data))
        self._keep_lease()

    def _hurry(self, size: int) -> None:
        now = time.monotonic()
        self._due = (self._due or now + self._between) + size / LEAST_RATE
        if now > min(self._due, self._end):
            self.lose(SILENT)
            raise ServerSilent(SILENT)
        if self.traffic.received > self._most:
            raise self.lose("more than was asked for")

    def _left_of(self, seconds: float) -> float:
        """Waits for the server to speak, and for the caller to hang up; what is left of the seconds. NobodyWaits."""
        end, poll = time.monotonic() + seconds, select.poll()
        poll.register(self.sock, select.POLLIN)
        if self._caller is not None and self._caller.fileno() >= 0:
            poll.register(self._caller, select.POLLIN)
        ready = poll.poll(seconds * 1000)
        if self._caller is not None and ready and all(each != self.sock.fileno() for each, _ in ready):
            if _hung_up(self._caller):
                raise NobodyWaits(self.lose("nobody waits for the answer").text)
            self._caller = None  # it sent the next request already: what comes after that is not seen
            return self._left_of(max(end - time.monotonic(), 0.0))
        return end - time.monotonic()

    def _take(self, response: Response) -> None:
        self._due = 0.0
        line = response[0]
        if line.startswith(b"* "):
            reason = self.note.apply(response)
            if reason and not self._is_of_list(line):
                self.broken = self.broken or reason
        elif not line.startswith(b"+"):
            self._settle(line)

    def _is_of_list(self, line: bytes) -> bool:
        """RFC 5819 §2: a mailbox that LIST has no STATUS of (one may see it, and not read it) is told by a NO."""
        return status(line) == b"NO" and {name for name, _ in self._open.values()} == {b"LIST"}

    def _settle(self, line: bytes) -> None:
        """A tagged line closes its tag; one that nobody waits for is left over from another lease."""
        tag, _, rest = line.partition(b" ")
        name, sent_at = self._open.pop(tag, (b"", 0.0))
        word = status(line)
        if not name or word not in (b"OK", b"NO", b"BAD"):
            raise self.lose("an answer to nothing that was asked")
        self.traffic.add(name, time.monotonic() - sent_at)
        if word == b"BAD":
            self.broken = self.broken or "BAD"
        elif word == b"OK":
            self.note.take_code(line)

    # -- whether it may be used again --------------------------------------------------------------------------------

    def lose(self, reason: str) -> ConnectionLost:
        """Marks the connection as not to be used again; returns the error to raise."""
        self.broken = self.broken or reason
        return ConnectionLost(self.broken)

    @property
    def reusable(self) -> bool:
        """Every tag has its answer, nothing is half read, nothing odd was seen."""
        return (
            self.broken is None
            and not self._open
            and self._refused_literal is None
            and self.responses.between
            and len(self.responses.buffer) <= REST_LIMIT
        )

    def release(self) -> Note:
        """Ends the use of the socket here; returns the note to hand back, with what was read ahead."""
        self.note.rest = bytes(self.responses.buffer)
        self.broken = self.broken or "handed back"
        return self.note

    def _wait(self, seconds: float) -> None:
        # Never setblocking(): O_NONBLOCK belongs to the open file, which the keeper shares.
        if self.sock.gettimeout() != seconds:
            self.sock.settimeout(max(seconds, 0.001))

    def _keep_lease(self) -> None:
        if self.renew is not None and time.monotonic() - self._renewed > RENEW_AFTER:
            self._renewed = time.monotonic()
            self.renew()
