"""A TCP proxy before an IMAP server: counts connections, logins, commands and bytes, and does harm when asked.

Commands are read in plain text only (not under TLS). Each fault counts bytes of one direction, per connection, from the
moment it was set; "down" is from the server, "up" to it.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, Self

Direction = Literal["up", "down"]
Kind = Literal["cut", "stall", "reset", "drop"]

_MARK = re.compile(rb"\{(\d+)\+?\}\Z")


@dataclass
class Fault:
    """What happens in one direction after `after` bytes of each connection."""

    kind: Kind
    direction: Direction
    after: int = 0
    once: bool = False


@dataclass
class Counts:
    """What went through: command names in order, bytes to the server and from it, connections, logins."""

    commands: list[str] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    connections: int = 0

    @property
    def logins(self) -> int:
        return sum(name in ("LOGIN", "AUTHENTICATE") for name in self.commands)

    @property
    def by_name(self) -> Counter[str]:
        return Counter(self.commands)


class CommandReader:
    """Finds the names of commands in what a client sends; `UID FETCH` keeps its UID."""

    def __init__(self) -> None:
        self.buffer = b""
        self.skip = 0
        self.inside = False  # behind a literal the line goes on

    def feed(self, data: bytes) -> Iterator[str]:
        self.buffer += data
        while self.buffer:
            if self.skip:
                taken = min(self.skip, len(self.buffer))
                self.buffer, self.skip = self.buffer[taken:], self.skip - taken
                continue
            line, end, rest = self.buffer.partition(b"\r\n")
            if not end:
                return
            self.buffer = rest
            yield from self._line(line)

    def _line(self, line: bytes) -> Iterator[str]:
        words = line.upper().split(b" ", 3)
        if not self.inside and len(words) > 1:
            yield b" ".join(words[1:3] if words[1] == b"UID" else words[1:2]).decode("ascii", "replace")
        mark = _MARK.search(line)
        self.inside = mark is not None
        self.skip = int(mark[1]) if mark else 0


class Proxy:
    """Listens on `port` of the loopback and leads to `target` (a port, or a pair of host and port)."""

    def __init__(self, target: int | tuple[str, int]) -> None:
        self.target = ("127.0.0.1", target) if isinstance(target, int) else target
        self.counts = Counts()
        self.greeting: bytes | None = None  # sent instead of the server's first line
        self.hidden = b""  # a capability that clients do not get to see
        self.delay = 0.0  # seconds before anything from the server is passed on
        self.refusing = False
        self.harmed = threading.Event()  # the fault has met bytes that may not pass
        self._fault: Fault | None = None
        self._fault_number = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._resetting: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stopped = threading.Event()

    def start(self) -> Self:
        self._spawn(self._accept)
        return self

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in list(self._threads):
            thread.join(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # -- counting ----------------------------------------------------------------------------------------------------

    @contextmanager
    def counting(self) -> Iterator[Counts]:
        """Count what happens inside the block only; the result is complete after the block."""
        with self._lock:
            before = (len(self.counts.commands), self.counts.sent, self.counts.received, self.counts.connections)
        inside = Counts()
        yield inside
        with self._lock:
            now = self.counts
            inside.commands = now.commands[before[0] :]
            inside.sent, inside.received = now.sent - before[1], now.received - before[2]
            inside.connections = now.connections - before[3]

    # -- harm --------------------------------------------------------------------------------------------------------

    def fault(self, kind: Kind, direction: Direction = "down", after: int = 0, *, once: bool = False) -> None:
        """Set the fault; the last byte that passes is number `after`. `once`: for the first connection it meets.

        cut: both sides see the end. reset: both sides see RST. stall: this direction stops, and the sender is not read
        any more. drop: this direction is swallowed.
        """
        with self._lock:
            self.harmed.clear()
            self._fault = Fault(kind, direction, after, once)
            self._fault_number += 1

    def clear(self) -> None:
        """No fault any more; what was stalled goes on."""
        with self._lock:
            self._fault = None
            self._fault_number += 1

    def cut(self) -> None:
        """Close all open connections now."""
        with self._lock:
            for sock in list(self._open):
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    # -- passing on --------------------------------------------------------------------------------------------------

    def _spawn(self, function: object, *args: object) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise OSError
                server = self._reach()
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for sock in (client, server):
                if sock.family != socket.AF_UNIX:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.counts.connections += 1
                self._open |= {client, server}
            self._spawn(self._carry, client, server)

    def _reach(self) -> socket.socket:
        """A connection to the target. Raises OSError."""
        return socket.create_connection(self.target, timeout=5)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        up = threading.Thread(target=self._pass, args=(client, server, "up"), daemon=True)
        up.start()
        self._pass(server, client, "down")
        up.join()
        with self._lock:
            self._open -= {client, server}
            self._resetting -= {client, server}
        client.close()
        server.close()

    def _pass(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        reader = CommandReader()
        seen, number, first = 0, self._fault_number, True
        with suppress(OSError):
            while data := source.recv(65536):
                if direction == "down":
                    time.sleep(self.delay)
                    if first and self.greeting is not None:
                        data = self.greeting + data.partition(b"\r\n")[2]
                if direction == "down" and self.hidden:
                    data = data.replace(self.hidden, b"X" * len(self.hidden))
                first = False
                if number != self._fault_number:
                    seen, number = 0, self._fault_number
                whole = self._count(direction, data, reader, seen)
                seen += len(data)
                sink.sendall(data[:whole])
                if whole < len(data) and not self._harm(source, sink, data[whole:], number):
                    break
        ends = [(source, socket.SHUT_RD)] + ([] if sink in self._resetting else [(sink, socket.SHUT_WR)])
        for sock, how in ends:
            with suppress(OSError):
                sock.shutdown(how)

    def _count(self, direction: Direction, data: bytes, reader: CommandReader, seen: int) -> int:
        """Count one piece; return how many of its bytes may pass."""
        with self._lock:
            fault = self._fault
            if direction == "up":
                self.counts.commands += reader.feed(data)
                self.counts.sent += len(data)
            else:
                self.counts.received += len(data)
        if fault is None or fault.direction != direction:
            return len(data)
        return max(0, min(len(data), fault.after - seen))

    def _harm(self, source: socket.socket, sink: socket.socket, held: bytes, number: int) -> bool:
        """Do what the fault says with the bytes that may not pass; False ends the connection."""
        self.harmed.set()
        fault = self._fault
        kind = fault.kind if fault else "stall"
        if fault and fault.once:
            self._fault = None
        if kind == "drop":
            return True
        if kind == "stall":
            while self._fault_number == number and not self._stopped.is_set() and self._alive(sink):
                time.sleep(0.01)
            if self._stopped.is_set():
                return False
            sink.sendall(held)
            return True
        for sock in (source, sink):
            if kind == "reset":  # close() then sends RST; a shutdown for writing would send FIN first
                self._resetting.add(sock)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RD if kind == "reset" else socket.SHUT_RDWR)
        return False

    def _alive(self, sock: socket.socket) -> bool:
        try:
            return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
