"""SMTP servers for tests: a sink that remembers every message it answered for, and a peer that follows a script."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CAPABILITIES = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN")
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)


@dataclass
class Taken:
    """One message that a server took upon itself."""

    sender: str
    recipients: list[str]
    content: bytes
    login: str | None = None

    @property
    def message_id(self) -> str:
        found = _MESSAGE_ID.search(self.content)
        return found[1].decode() if found else ""


class Sink:
    """aiosmtpd on a loopback port. `logins`: passwords by login (none: no AUTH); `refuse`: replies by recipient."""

    def __init__(self, logins: Mapping[str, str], *, tls: Any = None, options: Mapping[str, Any] | None = None) -> None:
        self.logins = dict(logins)
        self.refuse: dict[str, str] = {}
        self.verdict: str | None = None  # instead of 250 after the dot
        self.deferred = 0  # how many messages are to come again later
        self.hold: threading.Event | None = None  # what the answer after the dot waits for
        self.taken: list[Taken] = []
        warnings.filterwarnings("ignore", message="Requiring AUTH", module="aiosmtpd")
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=0,
            ready_timeout=30.0,  # 5 s are too few on a busy machine
            authenticator=self._authenticate,
            auth_required=bool(logins),
            auth_require_tls=False,
            decode_data=False,
            enable_SMTPUTF8=True,
            tls_context=tls,
            require_starttls=tls is not None,
            **{"data_size_limit": 50_000_000, **(options or {})},
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._controller.port = free.getsockname()[1]

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def count(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(each.message_id for each in self.taken)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._controller.stop()

    def _authenticate(
        self, _server: SMTP, session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and self.logins.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=good, handled=False, auth_data=data if good else None)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        while self.hold and not self.hold.is_set():
            await asyncio.sleep(0.01)
        if self.verdict:
            return self.verdict
        if self.deferred:
            self.deferred -= 1
            return "451 4.3.0 Later"
        content = envelope.content
        assert isinstance(content, bytes)
        data = session.auth_data
        login = data.login.decode() if isinstance(data, LoginPassword) else None
        self.taken.append(Taken(envelope.mail_from or "", list(envelope.rcpt_tos), content, login))
        return "250 2.0.0 Ok: taken"


Answer = bytes | Callable[["Peer"], None] | None


@dataclass
class Peer:
    """One connection of the scripted server."""

    sock: socket.socket
    buffer: bytes = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line


@dataclass
class Script:
    """An SMTP server that answers as the test wants it.

    `answers`: by the command's first words in capitals ("RCPT TO:<A@EXAMPLE.ORG>"), the longest fitting one; "." is the
    reply to the final dot. Bytes, a function of the peer, or None: the connection is closed.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    capabilities: tuple[str, ...] = CAPABILITIES
    greeting: bytes = b"220 ready\r\n"
    lines: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)  # whose final dot came

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_error: object) -> None:
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    def ended(self) -> None:
        """Wait for the end of every conversation that its clients have closed: then all that they said was read."""
        for thread in self._threads[1:]:  # the first one accepts
            thread.join(20)
            assert not thread.is_alive(), "a client goes on"

    def _spawn(self, function: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._open.append(sock)
                self._spawn(self._serve, Peer(sock))

    def _serve(self, peer: Peer) -> None:
        with suppress(OSError, EOFError), peer.sock:
            peer.send(self.greeting)
            while True:
                line = peer.line()
                self.lines.append(line)
                if not self._answer(peer, line):
                    return

    def _answer(self, peer: Peer, line: bytes) -> bool:
        command = line.upper().decode()
        fitting = [name for name in self.answers if command.startswith(name)]
        answer = self.answers[max(fitting, key=len)] if fitting else self._usual(command)
        if answer is None:
            return False
        if callable(answer):
            answer(peer)
            return True
        peer.send(answer)
        if command == "DATA" and answer.startswith(b"354"):
            return self._body(peer)
        return True

    def _body(self, peer: Peer) -> bool:
        lines = []
        while (line := peer.line()) != b".":
            self.lines.append(line)
            lines.append(line.removeprefix(b"."))
            if len(lines) == 1 and "BODY" in self.answers:
                return False
        self.messages.append(b"".join(line + b"\r\n" for line in lines))
        answer = self.answers.get(".", b"250 2.0.0 queued as 1\r\n")
        if answer is None:
            return False
        if callable(answer):
            answer(peer)
        else:
            peer.send(answer)
        return True

    def _usual(self, command: str) -> bytes:
        if command.startswith("EHLO"):
            *first, last = ("script", *self.capabilities)
            return "".join(f"250-{each}\r\n" for each in first).encode() + f"250 {last}\r\n".encode()
        if command.startswith("AUTH"):
            return b"235 2.7.0 in\r\n"
        if command == "DATA":
            return b"354 go\r\n"
        return b"221 bye\r\n" if command == "QUIT" else b"250 2.1.0 ok\r\n"
