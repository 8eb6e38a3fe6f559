"""Opens a connection by itself: connect, TLS, login, all blocking. For who has no keeper to borrow from."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.mail.connection import Connection
from app.mail.errors import ServerAway
from app.mail.login import Credentials, Dialogue, Step, dialogue, introduction, tune
from app.mail.note import Note
from app.mail.response import Response, Responses
from app.mail.stream import READ_SIZE
from app.mail.tls import Endpoint, check_pin, context_for, server_name, untrusted

Clock = Callable[[], float]  # seconds left


def open_direct(
    endpoint: Endpoint,
    credentials: Credentials,
    *,
    connect: float = 2.0,
    login: float = 5.0,
    first_byte: float = 3.0,
    silence: float = 30.0,
    ca_file: str | None = None,
    tag_prefix: str = "D",
) -> Connection:
    """A fresh authenticated connection; end it with `close_direct`. Times in seconds, as in config/default.py; `login`
    is that of connecting too.

    Raises ServerAway, Untrusted, SignInRefused and their neighbours.
    """
    left = _deadline(login)
    line = _Line(connected(endpoint, connect), endpoint, ca_file)
    try:
        note = line.drive(dialogue(credentials, security=endpoint.security), left())
        return Connection.adopt(line.sock, note, tag_prefix=tag_prefix, timeout=first_byte, silence=silence)
    except BaseException:
        line.sock.close()
        raise


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a mail server says before anybody signs in; `expires`: the end of its certificate, seconds since 1970."""

    capabilities: tuple[str, ...]
    expires: float | None


def introduce(endpoint: Endpoint, *, seconds: float, ca_file: str | None = None) -> Introduction:
    """Meets a mail server and leaves again, within so many seconds, without a login. Raises the tree of errors."""
    left = _deadline(seconds)
    line = _Line(connected(endpoint, seconds), endpoint, ca_file)
    try:
        note = line.drive(introduction(security=endpoint.security), left())
        return Introduction(note.capabilities, line.expires())
    finally:
        line.sock.close()


def close_direct(connection: Connection) -> None:
    """Ends a connection of `open_direct`; says LOGOUT, but waits for nothing."""
    sock = connection.io.sock
    try:
        if connection.io.reusable:
            sock.settimeout(0.1)
            sock.sendall(b"Z LOGOUT\r\n")
    except OSError:
        pass
    finally:
        connection.io.release()
        sock.close()


def connected(endpoint: Endpoint, seconds: float) -> socket.socket:
    """A connected socket; every address of the host is tried, within `seconds` in all. ServerAway."""
    left = _deadline(seconds)
    try:
        addresses = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ServerAway(f"no address: {error.strerror}") from None
    reason = "timed out"
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # no IPv6 here, or no descriptor left
            reason = error.strerror or reason
            continue
        try:
            sock.settimeout(max(left() / (len(addresses) - tried), 0.01))
            sock.connect(address)
        except OSError as error:
            sock.close()
            reason = error.strerror or "timed out"
            continue
        tune(sock)
        return sock
    raise ServerAway(f"cannot connect: {reason}")


def _deadline(seconds: float) -> Clock:
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


class _Line:
    """A socket during login. TLS replaces `sock`; whoever closes it at the end finds the right one here."""

    def __init__(self, sock: socket.socket, endpoint: Endpoint, ca_file: str | None) -> None:
        self.sock = sock
        self.endpoint, self.ca_file = endpoint, ca_file
        self.responses = Responses()
        self.left: Clock = _deadline(0)

    def drive(self, talk: Dialogue, seconds: float) -> Note:
        """Runs a dialogue to its end, within `seconds`; returns the note."""
        self.left = _deadline(seconds)
        if self.endpoint.security == "tls":
            self._secure()
        answer: Response | None = None
        while True:
            try:
                step = talk.send(answer)
            except StopIteration as end:
                note: Note = end.value
                note.rest = bytes(self.responses.buffer)
                return note
            answer = self._hear() if step is Step.HEAR else None
            if step is Step.UPGRADE:
                self._secure()
            elif isinstance(step, bytes):
                self._say(step)

    def expires(self) -> float | None:
        """The end of the server's certificate; None without TLS, and where the certificate is only compared (a pin)."""
        certificate = self.sock.getpeercert() if isinstance(self.sock, ssl.SSLSocket) else None
        return ssl.cert_time_to_seconds(str(certificate["notAfter"])) if certificate else None

    def _wait(self) -> None:
        self.sock.settimeout(max(self.left(), 0.01))

    def _secure(self) -> None:
        if self.responses.buffer or not self.responses.between:
            raise ServerAway("something came in plain text where TLS was to begin")
        context = context_for(self.endpoint, ca_file=self.ca_file)
        self._wait()
        try:
            self.sock = secured = context.wrap_socket(
                self.sock, server_hostname=server_name(self.endpoint), do_handshake_on_connect=False
            )
            secured.do_handshake()
        except ssl.SSLError as error:
            raise untrusted(error) from None
        except OSError as error:
            raise ServerAway(f"TLS: {error.strerror or 'timed out'}") from None
        check_pin(self.endpoint, secured.getpeercert(binary_form=True))

    def _hear(self) -> Response:
        while (response := self.responses.response()) is None:
            if self.left() <= 0:  # bytes that keep coming are no sign of an end
                raise ServerAway("timed out during login")
            try:
                self._wait()
                data = self.sock.recv(READ_SIZE)
            except OSError as error:
                raise ServerAway(f"during login: {error.strerror or 'timed out'}") from None
            if not data:
                raise ServerAway("the server closed the connection during login")
            self.responses.feed(data)
        return response

    def _say(self, data: bytes) -> None:
        try:
            self._wait()
            self.sock.sendall(data)
        except OSError as error:
            raise ServerAway(f"during login: {error.strerror or 'timed out'}") from None
