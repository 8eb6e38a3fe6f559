"""A line on which something is struck at a chosen byte: who speaks there is killed or frozen, or the line breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from tests.proxy import Proxy


class Line(Proxy):
    """A proxy that strikes once, at a byte of its n-th connection. Whatever else happens then is `blow`'s."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.met = 0
        self.whole = False  # the line itself stays as it is
        self.plan: tuple[int, str, str, int] | None = None
        self.blow: Callable[[], None] = lambda: None
        self.struck = threading.Event()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        self.met += 1
        if self.plan is not None and self.plan[0] == self.met:
            _, kind, direction, after = self.plan
            self.fault(kind, direction, after, once=True)  # type: ignore[arg-type]
        super()._carry(client, server)

    def _harm(self, source: socket.socket, sink: socket.socket, held: bytes, number: int) -> bool:
        if not self.struck.is_set():
            self.struck.set()
            self.blow()
        if self.whole:
            self.clear()
            sink.sendall(held)
            return True
        return super()._harm(source, sink, held, number)
