"""Hands a message to the account's submission server (RFC 6409), step by step, so that each step can be written down.

`envelope` names sender and recipients, `body` streams the message, `finish` sends the final dot and learns what became
of it. Up to the dot every failure is certain: nothing was sent. After it the answer may be Unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from app.mail.direct import connected
from app.mail.errors import BadArgument, ConnectionLost, Declined, ServerAway
from app.mail.login import Credentials
from app.mail.smtp import DOT, Line, Reply, away, stuffed
from app.mail.smtplogin import Opening
from app.mail.tls import Endpoint

_LOCAL = r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])+"|[^\s<>@",;:\\\x00-\x1f\x7f]+)'
_ADDRESS = re.compile(_LOCAL + r"@[^\s<>@\x00-\x20\x7f]+")
_AT_ONCE = 50  # RCPT commands before their replies are read; more would fill both sides' buffers


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a submission server may take: connect, the way to the signed-in state, each reply, silence while the
    body moves, and the reply to the final dot, for which RFC 5321 §4.5.3.2.6 asks for ten minutes.
    """

    connect: float = 5.0
    login: float = 30.0
    reply: float = 60.0
    silence: float = 30.0
    verdict: float = 600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient whom the server refused, and its words."""

    address: str
    code: int
    enhanced: str
    text: str

    @property
    def permanent(self) -> bool:
        return self.code >= 500


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has taken the message upon itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server did not take the message: certain, whatever the code."""

    code: int
    enhanced: str
    text: str

    @property
    def permanent(self) -> bool:
        return self.code >= 500


@dataclass(frozen=True, slots=True)
class Unknown:
    """The line died or fell silent after the final dot: nobody here can tell."""

    text: str


class Submission:
    """A signed-in connection to a submission server; made by `open_submission`, ended by `close` or `with`."""

    def __init__(self, line: Line, capabilities: dict[str, str], patience: Patience) -> None:
        self._line, self._capabilities, self._patience = line, capabilities, patience
        self._inside = False  # a message without its final dot

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def has(self, capability: str) -> bool:
        """Whether the server offers an extension, by its keyword."""
        return capability.upper() in self._capabilities

    @property
    def limit(self) -> int | None:
        """The largest message that the server takes, in octets (RFC 1870); None where it names none."""
        return _limit(self._capabilities)

    def envelope(
        self, sender: str, recipients: Sequence[str], *, size: int = 0, utf8: bool = False, notify: bool = False
    ) -> tuple[Refusal, ...]:
        """Names sender and recipients; returns those who were refused, in their order.

        `utf8`: the header is in UTF-8 (RFC 6531); `notify`: ask for a report of delivery, where offered (RFC 3461).
        Raises Declined where the sender or the size is refused, ServerAway after 421, ConnectionLost, BadArgument for
        an address that must not reach the wire. Nothing is sent yet: `close` leaves no trace.
        """
        if self.limit and size > self.limit:
            raise Declined(f"{size} octets of at most {self.limit}", code="552 5.3.4", permanent=True)
        paths = {each: self._path(each) for each in recipients}
        refused = {each: Refusal(each, 553, "5.6.7", "the server has no SMTPUTF8") for each in paths if not paths[each]}
        ending = b">" + (b" NOTIFY=SUCCESS,DELAY,FAILURE" if notify and self.has("DSN") else b"")
        told = [(each, b"RCPT TO:<" + path.encode() + ending) for each, path in paths.items() if path]
        start = self._mail(sender, size, utf8 or not all(path.isascii() for path in paths.values() if path))
        for first in range(0, max(len(told), 1), _AT_ONCE):
            part = told[first : first + _AT_ONCE]
            replies = self._group([*([start] if not first else []), *(line for _, line in part)])
            if not first:
                _accepted(replies.pop(0))
            answered = zip(part, replies, strict=True)
            refused |= {each: _refusal(each, reply) for (each, _), reply in answered if not reply.good}
        return tuple(refused[each] for each in paths if each in refused)

    def body(self, chunks: Iterable[bytes]) -> None:
        """Streams the message; afterwards only the final dot is missing.

        Raises Declined, ServerAway, ConnectionLost, and whatever `chunks` raises: then the connection is closed, as the
        server would take what comes next for the message.
        """
        try:
            self._line.say(b"DATA\r\n", self._patience.reply)
            _accepted(self._reply(), wanted=354)
            self._inside = True
            for piece in stuffed(chunks):
                try:
                    self._line.say(piece, self._patience.silence)
                except ConnectionLost:
                    self._told_by_itself()  # why it closed the line, where it said so
                    raise
                self._told_by_itself()
        except BaseException:
            self._line.sock.close()
            raise

    def finish(self) -> Accepted | Refused | Unknown:
        """Sends the final dot. ConnectionLost, Declined and ServerAway mean that it was not sent."""
        self._told_by_itself()
        self._line.say(DOT, self._patience.silence)
        self._inside = False
        try:
            reply = self._line.reply(self._patience.verdict)
        except ConnectionLost as error:
            return Unknown(error.text)
        if 200 <= reply.code < 300:
            return Accepted(reply.words)
        if reply.code >= 400:
            return Refused(reply.code, reply.enhanced, reply.text)
        return Unknown(reply.words)

    def close(self) -> None:
        """Ends the connection, wherever it stands; waits for nothing."""
        try:
            if not self._inside:
                self._line.say(b"QUIT\r\n", 0.1)
        except (ConnectionLost, ValueError):
            pass
        finally:
            self._line.sock.close()

    # -- single lines ------------------------------------------------------------------------------------------------

    def _path(self, address: str) -> str | None:
        """An address as it travels: its domain in ASCII. None where only SMTPUTF8 could carry it and is missing."""
        if not _ADDRESS.fullmatch(address) or len(address.encode()) > 900:
            raise BadArgument("not an address that may reach the wire")
        local, _, domain = address.rpartition("@")
        path = f"{local}@{_ascii(domain)}"
        return path if path.isascii() or self.has("SMTPUTF8") else None

    def _mail(self, sender: str, size: int, utf8: bool) -> bytes:
        path = self._path(sender) if sender else ""
        utf8 = utf8 or not (path or "").isascii()
        if path is None or (utf8 and not self.has("SMTPUTF8")):
            raise Declined("the server has no SMTPUTF8", code="550 5.6.7", permanent=True)
        words = [f"MAIL FROM:<{path}>"]
        words += [f"SIZE={size}"] if size and self.has("SIZE") else []
        words += ["BODY=8BITMIME"] if self.has("8BITMIME") else []
        words += ["SMTPUTF8"] if utf8 else []
        return " ".join(words).encode()

    def _group(self, lines: Sequence[bytes]) -> list[Reply]:
        """Replies to commands, sent in one go where PIPELINING is offered (RFC 2920)."""
        if self.has("PIPELINING"):
            self._line.say(b"\r\n".join([*lines, b""]), self._patience.reply)
            return [self._reply() for _ in lines]
        replies = []
        for line in lines:
            self._line.say(line + b"\r\n", self._patience.reply)
            replies.append(self._reply())
        return replies

    def _reply(self) -> Reply:
        reply = self._line.reply(self._patience.reply)
        if reply.code == 421:
            raise away(reply)
        return reply

    def _told_by_itself(self) -> None:
        reply = self._line.unasked()
        if reply is None:
            return
        if reply.code == 421:
            raise away(reply)
        _accepted(reply, wanted=0)


def open_submission(
    endpoint: Endpoint, credentials: Credentials | None, *, patience: Patience | None = None, ca_file: str | None = None
) -> Submission:
    """A signed-in connection; end it with `close`, or use it in a `with`. Without `credentials` nobody signs in.

    Raises ServerAway, Untrusted, SignInRefused, SignInUnavailable, CannotDo.
    """
    patience = patience or Patience()
    opening = Opening(Line(connected(endpoint, patience.connect)), endpoint, patience.login, ca_file)
    try:
        offered = opening.offered() if credentials is None else opening.capabilities(credentials)
        return Submission(opening.line, offered, patience)
    except ConnectionLost as error:
        opening.line.sock.close()
        raise ServerAway(error.text) from None
    except BaseException:
        opening.line.sock.close()
        raise


def largest(endpoint: Endpoint, *, patience: Patience | None = None, ca_file: str | None = None) -> int | None:
    """The largest message that the server takes, asked without signing in; None where it names none. Raises as
    `open_submission`."""
    patience = patience or Patience(login=10.0)
    opening = Opening(Line(connected(endpoint, patience.connect)), endpoint, patience.login, ca_file)
    try:
        found = _limit(opening.offered())
        opening.line.say(b"QUIT\r\n", patience.connect)
        return found
    except ConnectionLost as error:
        raise ServerAway(error.text) from None
    finally:
        opening.line.sock.close()


def _limit(capabilities: Mapping[str, str]) -> int | None:
    size = capabilities.get("SIZE", "")
    return int(size) if size.isdecimal() and 0 < len(size) < 16 and int(size) else None


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna  # as rare as it is large

    try:
        return idna.encode(domain[:255], uts46=True).decode("ascii")
    except (idna.IDNAError, ValueError, IndexError):
        raise BadArgument("not a domain") from None


def _accepted(reply: Reply, *, wanted: int = 250) -> None:
    if not (reply.code == wanted or (wanted == 250 and 200 <= reply.code < 300)):
        code = f"{reply.code} {reply.enhanced}".strip()
        raise Declined(reply.text, code=code, permanent=reply.permanent)


def _refusal(address: str, reply: Reply) -> Refusal:
    return Refusal(address, reply.code, reply.enhanced, reply.text)
