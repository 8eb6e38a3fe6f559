"""IMAP on a raw socket, by bytes: what the benchmark compares with, and how its newest mail comes into mailboxes."""

from __future__ import annotations

import re
import socket

_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class Wire:
    """A connection signed in by LOGIN; `ask` sends one command and returns all bytes up to its tagged line."""

    def __init__(self, port: int, login: str, password: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.file.readline()
        self.ask(b'LOGIN "%s" "%s"' % (login.encode(), password.encode()))

    def ask(self, command: bytes) -> bytes:
        """Send a command without literals; raise ValueError unless it is answered OK."""
        self.sock.sendall(b"a " + command + b"\r\n")
        lines = []
        while True:
            line = self.file.readline()
            lines.append(line)
            literal = _LITERAL.search(line)
            if literal:
                lines.append(self.file.read(int(literal[1])))
            elif line.startswith(b"a "):
                break
            elif not line:
                raise ConnectionError("closed by the server")
        if not line.startswith(b"a OK"):
            raise ValueError(f"{command!r}: {line!r}")
        return b"".join(lines)

    def close(self) -> None:
        """Sign out."""
        self.ask(b"LOGOUT")
        self.file.close()
        self.sock.close()
