"""The lines of SMTP (RFC 5321): commands out, replies in, bodies with their dots stuffed. No meaning is known here.

smtplib is not used: its `data()` sends body and final dot in one, so that nothing can be written down between them;
and it sends bare CR and LF as they are.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.mail.errors import ConnectionLost, ServerAway

DOT = b".\r\n"
_LINE_LIMIT = 8192  # RFC 5321 §4.5.3.1.5 allows 512; there are servers that write novels
_LINES = 200  # of one reply
_TEXT_LIMIT = 1000  # characters of a reply that are kept
_REPLY = re.compile(rb"([2-5][0-9]{2})([ -]|\Z)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |\Z)")  # RFC 2034
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SEND_SIZE = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said: `code`, the enhanced code of RFC 3463 or "", and the text of all lines in one."""

    code: int
    enhanced: str
    text: str
    lines: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All of it in one line, for people."""
        return " ".join(word for word in (str(self.code), self.enhanced, self.text) if word)

    @property
    def good(self) -> bool:
        return self.code < 400

    @property
    def permanent(self) -> bool:
        """Whether another try would be answered alike; else a later one may succeed."""
        return self.code >= 500


class Line:
    """One connection, plain or TLS; times are seconds of silence. Any fault is ConnectionLost."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""

    @property
    def quiet(self) -> bool:
        """Whether nothing lies here unread."""
        return not self._buffer

    def say(self, data: bytes, seconds: float) -> None:
        """Sends all of it. ConnectionLost means that the last byte was not handed to the system."""
        view = memoryview(data)
        try:
            self.sock.settimeout(seconds)
            while view:
                view = view[self.sock.send(view[:_SEND_SIZE]) :]
        except OSError as error:
            raise ConnectionLost(f"sending: {error.strerror or 'timed out'}") from None

    def reply(self, seconds: float) -> Reply:
        """The next whole reply."""
        code = b""
        lines: list[str] = []
        while len(lines) < _LINES:
            found = _REPLY.fullmatch(self._line(seconds))
            if found is None or (code and found[1] != code):
                raise ConnectionLost("the server's answer is no reply of SMTP")
            code = found[1]
            lines.append(_plain(found[3]))
            if found[2] != b"-":
                return _reply(int(code), lines)
        raise ConnectionLost("a reply that never comes to an end")

    def unasked(self) -> Reply | None:
        """A reply that came by itself, such as 421; None where there is none. ConnectionLost where the line ended."""
        try:
            self.sock.settimeout(0)
            self._feed(self.sock.recv(_LINE_LIMIT))
        except (BlockingIOError, TimeoutError):
            pass
        except OSError as error:
            if type(error).__name__ != "SSLWantReadError":  # by name: ssl is loaded only where it is used
                raise ConnectionLost(f"reading: {error.strerror}") from None
        return self.reply(1.0) if self._buffer else None

    def _line(self, seconds: float) -> bytes:
        while b"\n" not in self._buffer:
            try:
                self.sock.settimeout(seconds)
                self._feed(self.sock.recv(_LINE_LIMIT))
            except OSError as error:
                raise ConnectionLost(f"reading: {error.strerror or 'timed out'}") from None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def _feed(self, data: bytes) -> None:
        if not data:
            raise ConnectionLost("the server closed the connection")
        self._buffer += data
        if len(self._buffer) > 2 * _LINE_LIMIT and b"\n" not in self._buffer:
            raise ConnectionLost("a line beyond all bounds")


def _plain(text: bytes) -> str:
    return _CONTROLS.sub(" ", text.decode("utf-8", "replace")).strip()


def _reply(code: int, lines: list[str]) -> Reply:
    """Each line of a reply may repeat the enhanced code (RFC 2034 §4); it is told once."""
    enhanced = _ENHANCED.match(lines[0])
    bare = [_ENHANCED.sub("", line, count=1) if enhanced else line for line in lines]
    return Reply(code, enhanced[1] if enhanced else "", " ".join(bare).strip()[:_TEXT_LIMIT], tuple(lines))


def away(reply: Reply) -> ServerAway:
    """The error of a reply 421, which ends the connection wherever it comes."""
    return ServerAway(reply.words, code="421", retry_after=60.0)


def stuffed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A message as it travels after DATA, without the final dot: lines end with CRLF, the last one too, and a dot that
    begins a line is doubled (RFC 5321 §4.5.2). A bare CR or LF becomes CRLF: what servers take it for differs, and a
    message could smuggle a second one.
    """
    held, fresh = b"", True
    for chunk in chunks:
        data = held + chunk
        held = b"\r" if data.endswith(b"\r") else b""
        piece, fresh = _stuffed(data[: len(data) - len(held)], fresh)
        if piece:
            yield piece
    if held or not fresh:
        yield b"\r\n"


def _stuffed(data: bytes, fresh: bool) -> tuple[bytes, bool]:
    """One piece, which does not end within CRLF, and whether the next one begins a line."""
    if not data:
        return data, fresh
    if not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
        data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    begins = b"." if fresh and data.startswith(b".") else b""
    return begins + data.replace(b"\r\n.", b"\r\n.."), data.endswith(b"\r\n")
