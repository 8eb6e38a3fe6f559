"""How an answer is read: bytes of the server in, whole responses with their literals out; no socket is known here.

The worker's blocking reader, the keeper's non-blocking one and the login dialogue all feed one of these. A NO of the
server becomes the fitting error of the tree (RFC 5530).
"""

from __future__ import annotations

import re
from typing import TypeAlias

from app.mail.errors import (
    ConnectionLost,
    MailboxGone,
    MailError,
    MessageGone,
    NotAuthorized,
    NotPermitted,
    OverQuota,
    PasswordExpired,
    Refused,
    SignInRefused,
    SignInUnavailable,
    TooManyConnections,
)  # fmt: skip
from app.mail.wire import Literal

Response: TypeAlias = tuple[bytes, ...]  # lines without CRLF, `{n}` kept, and Literals between them

LINE_LIMIT = 4_000_000  # bytes; a SEARCH of 500,000 hits
LITERAL_LIMIT = 64_000_000  # bytes; messages are read in slices of 1 MB, so this is a guard only
REST_LIMIT = 65_536  # bytes read ahead that travel with a hand-back

_BRACE = ord("}")
_SIZE = re.compile(rb"\{(\d{1,12})\+?\}\Z")
_STATUS = re.compile(rb"(?:\* |\S+ )(OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE)
_CODE = re.compile(rb"\[([A-Za-z0-9-]+)(?: ([^\]]*))?\]")


class Responses:
    """Cuts the stream of bytes into responses. `parts` is what is known of an unfinished one."""

    __slots__ = ("_scanned", "_wanted", "buffer", "done", "parts")

    def __init__(self, rest: bytes = b"") -> None:
        self.buffer = bytearray(rest)
        self.parts: list[bytes] = []
        self.done = False
        self._wanted: int | None = None
        self._scanned = 0

    def feed(self, data: bytes) -> None:
        """Takes in what came."""
        self.buffer += data

    def response(self) -> Response | None:
        """The next whole response, or None when more bytes are needed; ConnectionLost on nonsense."""
        if not self.parts and self._wanted is None:
            end = self.buffer.find(b"\r\n", self._scanned)
            if end > 0 and self.buffer[end - 1] != _BRACE:  # a line that no literal follows, as nearly all of a list
                return (self._taken(end),)
        while self.part() is not None:
            if self.done:
                return self.flush()
        return None

    def flush(self) -> Response:
        """The response whose last line has been read; the next one may begin."""
        whole = tuple(self.parts)
        self.parts.clear()
        self.done = False
        return whole

    def part(self) -> bytes | None:
        """The next line or Literal of the response being read; sets `done` after its last line."""
        part = self._line() if self._wanted is None else self._literal(self._wanted)
        if part is not None:
            self.parts.append(part)
        return part

    def _literal(self, size: int) -> Literal | None:
        if len(self.buffer) < size:
            return None
        literal = Literal(memoryview(self.buffer)[:size])
        del self.buffer[:size]
        self._wanted = None
        return literal

    def _line(self) -> bytes | None:
        end = self.buffer.find(b"\r\n", self._scanned)
        if end < 0:
            self._scanned = max(0, len(self.buffer) - 1)
            if len(self.buffer) > LINE_LIMIT:
                raise ConnectionLost("a line without end")
            return None
        line = self._taken(end)
        self._wanted = self._literal_after(line)
        self.done = self._wanted is None
        return line

    def _taken(self, end: int) -> bytes:
        line = bytes(memoryview(self.buffer)[:end])
        del self.buffer[: end + 2]
        self._scanned = 0
        return line

    def _literal_after(self, line: bytes) -> int | None:
        mark = _SIZE.search(line) if line.endswith(b"}") else None
        head = self.parts[0] if self.parts else line
        if mark is None or not head.startswith(b"* ") or _STATUS.match(head):
            return None
        size = int(mark[1])
        if size > LITERAL_LIMIT:
            raise ConnectionLost("a literal beyond all bounds")
        return size

    @property
    def between(self) -> bool:
        """True where no response is half read, so that `buffer` may be handed on as the rest."""
        return not self.parts and self._wanted is None


def status(line: bytes) -> bytes:
    """OK, NO, BAD, BYE or PREAUTH of a tagged or untagged status line; b"" for any other."""
    match = _STATUS.match(line)
    return match[1].upper() if match else b""


def code(line: bytes) -> tuple[bytes, bytes]:
    """Name in capitals and value of the response code of a status line; (b"", b"") without one (RFC 3501 §7.1)."""
    start = line.find(b"[")
    words = line[:start].split() if 0 < start < 40 else ()
    match = _CODE.match(line, start) if len(words) == 2 else None
    return (match[1].upper(), match[2] or b"") if match else (b"", b"")


def text_of(line: bytes) -> str:
    """The human words of a status line, for logs: at most 200 characters, printable."""
    text = line.split(b" ", 2)[-1][:200].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)


_AFTER_LOGIN: dict[bytes, type[MailError]] = {
    b"NONEXISTENT": MailboxGone, b"TRYCREATE": MailboxGone, b"OVERQUOTA": OverQuota, b"EXPUNGEISSUED": MessageGone,
    b"NOPERM": NotPermitted,
}  # fmt: skip
_AT_LOGIN: dict[bytes, type[MailError]] = {
    b"AUTHENTICATIONFAILED": SignInRefused, b"UNAVAILABLE": SignInUnavailable, b"EXPIRED": PasswordExpired,
    b"AUTHORIZATIONFAILED": NotAuthorized, b"AUTHZFAILED": NotAuthorized, b"LIMIT": TooManyConnections,
    b"CONTACTADMIN": SignInUnavailable, b"SERVERBUG": SignInUnavailable, b"INUSE": SignInUnavailable,
    b"PRIVACYREQUIRED": SignInUnavailable,
}  # fmt: skip


def refusal(line: bytes, *, login: bool = False) -> MailError:
    """The error for a tagged NO (or a BYE at login): by its code of RFC 5530, else Refused or SignInRefused."""
    name, _ = code(line)
    table, otherwise = (_AT_LOGIN, SignInRefused) if login else (_AFTER_LOGIN, Refused)
    return table.get(name, otherwise)(text_of(line), code=name.decode("ascii"))
