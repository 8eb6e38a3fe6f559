"""The login dialogue, without a socket: a generator that says what to send, what it waits for, when TLS begins.

Driven blocking by direct.py and non-blocking by the keeper, so that both refuse the same things: PREAUTH,
plain text before STARTTLS, commands slipped in before TLS (CVE-2011-0411), a certificate of another name.
"""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from app.mail.errors import BadArgument, CannotDo, ConnectionLost, MailError, ServerAway, SignInUnavailable
from app.mail.note import Note
from app.mail.response import Response, code, refusal, status, text_of
from app.mail.wire import Argument, Literal, encode

LINE_LIMIT = 65_536  # bytes of one line of ours
_RESPONSES = 1000  # of one command; a server that goes on beyond is not talking to us


class Step(Enum):
    """What the driver does beside sending bytes."""

    HEAR = "return the next response"
    UPGRADE = "begin TLS, in an empty buffer; return nothing"


Dialogue: TypeAlias = Generator[bytes | Step, Response | None, Note]


@dataclass(frozen=True, slots=True)
class MasterUser:
    """A login that may open other people's mailboxes (Dovecot's master user)."""

    login: str
    password: str = field(repr=False)
    separator: str = "*"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs in. `network`: the client's address for the server's own throttle and log. `master` replaces the
    password.
    """

    login: str
    password: str = field(repr=False)
    network: str | None = None
    master: MasterUser | None = None


def tune(sock: socket.socket) -> None:
    """A peer that is gone is noticed; small commands are not held back."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)


def dialogue(credentials: Credentials, *, security: str) -> Dialogue:
    """From the greeting to the authenticated state. Returns the note; raises the tree of errors.

    `security` is the endpoint's: for "starttls" the dialogue asks the driver to upgrade; "tls" is under TLS already.
    """
    talk = _Talk(tag="S")
    yield from _introduced(talk, security)
    if credentials.network and talk.note.has("ID"):
        # Before the login: Dovecot's limits and penalties then count the client, not this node.
        yield from talk.ask(b"ID", ("x-originating-ip", credentials.network[:64]))
    yield from _authenticate(talk, credentials)
    yield from _after_login(talk)
    return talk.note


def introduction(*, security: str) -> Dialogue:
    """The dialogue as far as nobody signs in: greeting, TLS, capabilities. Returns the note; the tree of errors."""
    talk = _Talk(tag="S")
    yield from _introduced(talk, security)
    return talk.note


class _Talk:
    """One dialogue's state: the note, the tags, the last status line."""

    def __init__(self, *, tag: str) -> None:
        self.note = Note()
        self.prefix = tag.encode("ascii")
        self.count = 0

    def ask(self, *line: Argument) -> Generator[bytes | Step, Response | None, bytes]:
        """One command; returns the tagged line. Literals wait for their continuation."""
        self.count += 1
        tag = b"%b%d" % (self.prefix, self.count)
        note = self.note
        pieces = encode(tag, line, plus=note.has("LITERAL+"), minus=note.has("LITERAL-"))
        if any(len(piece) > LINE_LIMIT for piece in pieces):
            raise BadArgument("a login line beyond 64 KB")
        for piece in pieces[:-1]:
            yield piece
            early = yield from self.until(tag, continued=True)
            if early:
                return early
        yield pieces[-1]
        return (yield from self.until(tag))

    def until(self, tag: bytes, *, continued: bool = False) -> Generator[bytes | Step, Response | None, bytes]:
        """Hears responses until the tagged one, which is returned; or, if `continued`, until `+` (returns b"")."""
        for _ in range(_RESPONSES):
            response = yield Step.HEAR
            assert response is not None
            line = response[0]
            if line.startswith(tag + b" "):
                self.note.take_code(line)
                return line
            if line.startswith(b"+"):
                if continued:
                    return b""
                raise ConnectionLost("an unexpected continuation")
            self.untagged(response)
        raise ConnectionLost("a server that never comes to an end")

    def untagged(self, response: Response) -> None:
        line = response[0]
        if not line.startswith(b"* "):
            raise ConnectionLost("an answer to nothing that was asked")
        if status(line) == b"BYE":
            raise _farewell(line)
        self.note.apply(response)


def _farewell(line: bytes) -> MailError:
    if code(line)[0]:
        error = refusal(line, login=True)
        if error.code in ("LIMIT", "UNAVAILABLE"):
            return error
    return ServerAway(text_of(line), code=code(line)[0].decode("ascii"))


def _introduced(talk: _Talk, security: str) -> Generator[bytes | Step, Response | None, None]:
    yield from _greeting(talk)
    if security == "starttls":
        yield from _starttls(talk)
    if not talk.note.capabilities:
        yield from talk.ask(b"CAPABILITY")


def _greeting(talk: _Talk) -> Generator[bytes | Step, Response | None, None]:
    response = yield Step.HEAR
    assert response is not None
    word = status(response[0])
    if word == b"BYE":
        raise _farewell(response[0])
    if word != b"OK" or not response[0].startswith(b"* "):
        # PREAUTH would make us speak for whoever the server takes us for; and hides STARTTLS (RFC 3501 §6.2.1).
        raise ServerAway(f"the server greets with {word.decode() or 'nonsense'}")
    talk.note.take_code(response[0])


def _starttls(talk: _Talk) -> Generator[bytes | Step, Response | None, None]:
    line = yield from talk.ask(b"STARTTLS")
    if status(line) != b"OK":
        raise CannotDo(f"STARTTLS: {text_of(line)}")
    yield Step.UPGRADE
    talk.note = Note()  # what was said before TLS does not count (RFC 3501 §6.2.1)
    yield from talk.ask(b"CAPABILITY")


def _authenticate(talk: _Talk, credentials: Credentials) -> Generator[bytes | Step, Response | None, None]:
    before = talk.note.capabilities
    if talk.note.has("AUTH=PLAIN"):
        line = yield from _sasl_plain(talk, credentials)
    elif not talk.note.has("LOGINDISABLED"):
        line = yield from _plain_login(talk, credentials)
    else:
        raise CannotDo("the server offers no way to sign in with a password")
    if status(line) != b"OK":
        raise _sign_in_error(line)
    if talk.note.capabilities is before:  # they change with the login; where the server does not tell, it is asked
        talk.note.capabilities = ()


def _sign_in_error(line: bytes) -> MailError:
    if status(line) == b"BAD":
        return SignInUnavailable(text_of(line))
    return refusal(line, login=True)


def _sasl_plain(talk: _Talk, credentials: Credentials) -> Generator[bytes | Step, Response | None, bytes]:
    """AUTHENTICATE PLAIN (RFC 4616), in one line where SASL-IR (RFC 4959) is offered."""
    message = base64.b64encode(plain_message(credentials))
    if talk.note.has("SASL-IR"):
        return (yield from talk.ask(b"AUTHENTICATE PLAIN", message))
    talk.count += 1
    tag = b"%b%d" % (talk.prefix, talk.count)
    yield tag + b" AUTHENTICATE PLAIN\r\n"
    early = yield from talk.until(tag, continued=True)
    if early:
        return early
    yield message + b"\r\n"
    return (yield from talk.until(tag))


def plain_message(credentials: Credentials) -> bytes:
    """What SASL PLAIN says (RFC 4616), not yet in base64. A master user speaks for the login. BadArgument for NUL."""
    master = credentials.master
    if master is not None:
        words = (credentials.login, master.login, master.password)
    else:
        words = ("", credentials.login, credentials.password)
    if any("\0" in word for word in words):
        raise BadArgument("NUL in a login or password")
    return "\0".join(words).encode()


def _plain_login(talk: _Talk, credentials: Credentials) -> Generator[bytes | Step, Response | None, bytes]:
    """LOGIN with literals, for servers without SASL PLAIN."""
    master = credentials.master
    login, password = credentials.login, credentials.password
    if master is not None:
        login, password = f"{login}{master.separator}{master.login}", master.password
    if "\0" in login + password:
        raise BadArgument("NUL in a login or password")
    return (yield from talk.ask(b"LOGIN", Literal(login.encode()), Literal(password.encode())))


def _after_login(talk: _Talk) -> Generator[bytes | Step, Response | None, None]:
    if not talk.note.capabilities:
        yield from talk.ask(b"CAPABILITY")
    talk.note.authenticated_at = time.time()
