"""A load client in a process of its own: so many keep-alive connections, each with its list of requests, for so long.

`python -m tests.bench.load` reads a plan as JSON from standard input and writes what it measured to standard output.
One thread and an epoll: it costs the machine it shares with the servers as little as it can (about 0.05 ms a request).
"""

from __future__ import annotations

import base64
import json
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_TIMING = re.compile(rb"\r\nserver-timing:([^\r]*)", re.I)
_PART = re.compile(rb"(\w+);dur=([0-9.]+)")


@dataclass(frozen=True)
class Result:
    """What a run measured: milliseconds by request, the server's own (Server-Timing: all, IMAP), statuses, bytes."""

    seconds: float
    latencies: list[float]
    server: list[float]
    imap: list[float]
    statuses: dict[str, int]
    received: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    @property
    def middle(self) -> float:
        """Median latency in milliseconds."""
        return median(self.latencies) if self.latencies else float("nan")

    @property
    def slow(self) -> float:
        """95th percentile of the latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * 0.95)] if ordered else float("nan")

    @property
    def server_middle(self) -> float | None:
        """Median of the server's own time in milliseconds; None where it tells none."""
        return median(self.server) if self.server else None

    @property
    def imap_middle(self) -> float | None:
        """The part of it that was spent waiting for IMAP."""
        return median(self.imap) if self.imap else None

    @property
    def failures(self) -> int:
        """Answers that were no 2xx."""
        return sum(count for status, count in self.statuses.items() if not status.startswith("2"))


def run(port: int, requests: Sequence[Sequence[bytes]], *, seconds: float, most: int = 10**9) -> Result:
    """Send each client's `requests` in a circle, as many clients as lists, from another process."""
    plan = {
        "port": port,
        "seconds": seconds,
        "most": most,
        "clients": [[base64.b64encode(one).decode() for one in mine] for mine in requests],
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"], input=json.dumps(plan), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Result(**json.loads(done.stdout))


@dataclass
class _Client:
    requests: list[bytes]
    sock: socket.socket
    turn: int = 0
    sent: float = 0.0
    buffer: bytearray = field(default_factory=bytearray)
    total: int = -1  # bytes of the answer that is being read, once its head is known

    def send(self) -> None:
        self.buffer.clear()
        self.total = -1
        self.sent = time.perf_counter()
        self.sock.sendall(self.requests[self.turn % len(self.requests)])
        self.turn += 1

    def receive(self) -> bool:
        """Read what is there; True when the answer is whole."""
        chunk = self.sock.recv(262144)
        if not chunk:
            raise ConnectionError(f"closed by the server: {bytes(self.buffer[:200])!r}")
        self.buffer += chunk
        if self.total < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = _LENGTH.search(self.buffer, 0, end + 2)
            bare = self.buffer[9:12] in (b"204", b"304")
            if not length and not bare:
                raise ValueError(f"an answer without Content-Length: {bytes(self.buffer[:300])!r}")
            self.total = end + 4 + (int(length[1]) if length else 0)
        return len(self.buffer) >= self.total


def _measure(plan: dict[str, Any]) -> dict[str, Any]:
    poll = selectors.EpollSelector()
    for mine in plan["clients"]:
        sock = socket.create_connection(("127.0.0.1", plan["port"]))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(sock, selectors.EVENT_READ, _Client([base64.b64decode(one) for one in mine], sock))
    clients = [key.data for key in poll.get_map().values()]
    latencies: list[float] = []
    server: list[float] = []
    imap: list[float] = []
    statuses: dict[str, int] = {}
    received = 0
    start = time.perf_counter()
    end = start + plan["seconds"]
    for client in clients:
        client.send()
    busy = len(clients)
    while busy:
        for key, _ in poll.select():
            client = key.data
            if not client.receive():
                continue
            now = time.perf_counter()
            latencies.append((now - client.sent) * 1000)
            status = bytes(client.buffer[9:12]).decode()
            statuses[status] = statuses.get(status, 0) + 1
            received += len(client.buffer)
            timing = _TIMING.search(client.buffer, 0, 4096)
            if timing:
                parts = {name: float(spent) for name, spent in _PART.findall(timing[1])}
                server.append(sum(parts.values()))
                imap.append(parts.get(b"imap", 0.0))
            if now < end and len(latencies) + busy <= plan["most"]:
                client.send()
            else:
                busy -= 1
    seconds = time.perf_counter() - start
    times = {"latencies": latencies, "server": server, "imap": imap}
    return {"seconds": seconds, **times, "statuses": statuses, "received": received}


if __name__ == "__main__":
    json.dump(_measure(json.load(sys.stdin)), sys.stdout)
