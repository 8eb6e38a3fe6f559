"""A scripted IMAP peer for servers that are odd: each answer is as the test wants it.

    with Scripted({"NOOP": b"* 3 EXISTS\\r\\n%t OK\\r\\n"}) as server: … server.port, server.lines

An answer is bytes, in which `%t` is the command's tag, or a function of the peer and the tag, or None: the connection
is closed. What is not in the table is answered `%t OK done`. A function can script a whole conversation instead.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

Answer = bytes | Callable[["Peer", bytes], None] | None

_MARK = re.compile(rb"\{(\d+)(\+?)\}\Z")
CAPABILITIES = b"IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+ UIDPLUS"
SELECTED = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 9]\r\n* OK [UIDNEXT 3]\r\n%t OK [READ-WRITE] selected\r\n"


class Peer:
    """One connection of the scripted server."""

    def __init__(self, sock: socket.socket, lines: list[bytes]) -> None:
        self.sock, self.lines = sock, lines
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def _fill(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def line(self) -> bytes:
        """One command with its literals in place, without CRLF; literals that wait are waved through."""
        whole = b""
        while True:
            while b"\r\n" not in self._buffer:
                self._fill()
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            whole += line
            mark = _MARK.search(line)
            if mark is None:
                self.lines.append(whole)
                return whole
            if not mark[2]:
                self.send(b"+ go\r\n")
            size = int(mark[1])
            while len(self._buffer) < size:
                self._fill()
            whole += b"\r\n" + self._buffer[:size]
            self._buffer = self._buffer[size:]


class Scripted:
    """Listens on a free loopback port. `lines` is everything it was sent, by command."""

    def __init__(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        greeting: bytes = b"* OK [CAPABILITY " + CAPABILITIES + b"] ready\r\n",
        capabilities: bytes = CAPABILITIES,
        conversation: Callable[[Peer], None] | None = None,
    ) -> None:
        usual: dict[str, Answer] = {
            "CAPABILITY": b"* CAPABILITY " + capabilities + b"\r\n%t OK\r\n",
            "AUTHENTICATE": b"%t OK [CAPABILITY " + capabilities + b"] in\r\n",
            "LOGIN": b"%t OK [CAPABILITY " + capabilities + b"] in\r\n",
            "SELECT": SELECTED,
            "EXAMINE": SELECTED,
            "IDLE": lambda peer, tag: _idle(peer, tag),
        }
        self.answers = usual | dict(answers or {})
        self.greeting, self.conversation = greeting, conversation
        self.lines: list[bytes] = []
        self.connections = 0
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

    def names(self) -> list[str]:
        """The names of the commands that came."""
        return [line.split(b" ")[1].decode().upper() for line in self.lines if b" " in line]

    def _spawn(self, function: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                self._spawn(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        peer = Peer(sock, self.lines)
        with suppress(OSError, EOFError), sock:
            peer.send(self.greeting)
            if self.conversation is not None:
                self.conversation(peer)
                return
            while True:
                tag, _, rest = peer.line().partition(b" ")
                words = rest.upper().split(b" ")
                name = b" ".join(words[:2] if words[0] == b"UID" else words[:1]).decode()
                answer = self.answers.get(name, b"%t OK done\r\n")
                if answer is None:
                    return
                if callable(answer):
                    answer(peer, tag)
                else:
                    peer.send(answer.replace(b"%t", tag))


def _idle(peer: Peer, tag: bytes) -> None:
    peer.send(b"+ idling\r\n")
    if peer.line() == b"DONE":
        peer.send(tag + b" OK idled\r\n")
