"""What a Postfix asks beside DNS, each in a few lines: a policy service, a milter, a content filter.

Each serves connections of a listening socket by threads that end with it.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from tests.mta.namespace import Namespace


class Server:
    """Accepts until it is left."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._safely, args=(connection,), daemon=True).start()

    def _safely(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, EOFError):
            self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


class PolicyService(Server):
    """Postfix' policy delegation. `answers`: by protocol state and sender, such as ("RCPT", "a@b.example")."""

    def __init__(self, listener: socket.socket, answers: Mapping[tuple[str, str], str]) -> None:
        super().__init__(listener)
        self.answers = answers

    def serve(self, connection: socket.socket) -> None:
        """Requests of `name=value` lines up to an empty one."""
        with connection.makefile("rb") as lines:
            asked: dict[str, str] = {}
            for line in lines:
                name, _, value = line.decode(errors="replace").rstrip("\n").partition("=")
                if name:
                    asked[name] = value
                    continue
                action = self.answers.get((asked.get("protocol_state", ""), asked.get("sender", "")), "DUNNO")
                connection.sendall(f"action={action}\n\n".encode())
                asked = {}


class Milter(Server):
    """The milter protocol, version 6. `answers`: by command letter (C, H, M, R, T, E) and sender, the packet to send.
    RCPT is looked up by sender and recipient, a command before MAIL by the HELO's or the client's name."""

    CONTINUE = b"c"
    DISCARD = b"d"
    TEMPORARY = b"t"

    @staticmethod
    def reply(text: str) -> bytes:
        return b"y" + text.encode() + b"\0"

    def __init__(self, listener: socket.socket, answers: Mapping[tuple[str, str], bytes]) -> None:
        super().__init__(listener)
        self.answers = answers

    def serve(self, connection: socket.socket) -> None:
        """Packets: four bytes of length, a letter, data."""
        sender = ""
        with connection.makefile("rb") as stream:
            while head := stream.read(4):
                packet = stream.read(int.from_bytes(head, "big"))
                letter, data = packet[:1].decode(), packet[1:]
                if letter == "O":
                    self._send(connection, b"O" + struct.pack("!III", 6, 0x20, 0))
                    continue
                if letter in "DA":  # macros, abort: unanswered
                    continue
                if letter == "Q":
                    return
                name = data.split(b"\0")[0].decode(errors="replace").strip("<>")
                sender = name if letter in "CHM" else sender
                for answer in self._answers(letter, f"{sender} {name}" if letter == "R" else sender):
                    self._send(connection, answer)

    def _answers(self, letter: str, asked: str) -> list[bytes]:
        answer = self.answers.get((letter, asked), self.CONTINUE)
        return [answer, self.CONTINUE] if answer.startswith(b"q") else [answer]

    @staticmethod
    def _send(connection: socket.socket, packet: bytes) -> None:
        connection.sendall(len(packet).to_bytes(4, "big") + packet)


class ContentFilter(Server):
    """Hands each connection on to another port, byte for byte: a filter that likes everything."""

    def __init__(self, network: Namespace, port: int, to: int) -> None:
        super().__init__(network.listen(port))
        self.network, self.to = network, to

    def serve(self, connection: socket.socket) -> None:
        """Both ways at once."""
        with self.network.connect(self.to) as other:
            back = threading.Thread(target=_pump, args=(other, connection), daemon=True)
            back.start()
            _pump(connection, other)
            back.join(10)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
