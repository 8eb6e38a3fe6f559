"""gunicorn's worker with threads, and what a slow client may cost it: seconds of a thread, not all threads for ever.

gunicorn 27 reads the header of a request and writes an answer without any limit of time: 64 requests whose header
never ended stopped a node of 2 × 32 threads for as long as they stayed (tried), `timeout` notwithstanding.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import Any

from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from config.refusal import refuse

LINGER = 0.002  # seconds a thread waits for the next request of a connection, where no other waits for a thread
GLANCE = 0.1  # seconds a thread waits for the first byte; then the connection waits without a thread
HEAD_SECONDS = 10.0  # for the header of a request, as in config/haproxy; waiting for a thread counts
HURRY = 1.0  # for who waited that long: the header came meanwhile, or is one that never ends
PATIENCE = 20.0  # seconds of waiting for a client to take an answer, and one more for each 8 KB that it took
LEAST_RATE = 8192  # bytes a second


class Client(socket.socket):
    """A client's socket whose `sendall` does not wait for ever."""

    waited = 0.0
    taken = 0

    def begin(self) -> None:
        """A new answer."""
        self.waited, self.taken = 0.0, 0

    def sendall(self, data: Any, flags: int = 0) -> None:
        """As socket.sendall. Raises ConnectionResetError where the client is too slow."""
        view = memoryview(data).cast("B")
        while view:
            try:
                sent = self.send(view, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait()
                continue
            self.taken += sent
            view = view[sent:]

    def _wait(self) -> None:
        began, poll = time.monotonic(), select.poll()
        poll.register(self, select.POLLOUT)
        left = PATIENCE + self.taken / LEAST_RATE - self.waited
        if left <= 0 or not poll.poll(left * 1000):
            raise ConnectionResetError(errno.ECONNRESET, "the client does not take its answer")
        self.waited += time.monotonic() - began


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's ThreadWorker with an end to each request's header and to each answer."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._heads: dict[TConn, float] = {}  # connections whose header is being read, and until when
        self._due: dict[TConn, float] = {}  # those that wait for a thread, and when the header should be here

    def enqueue_req(self, conn: TConn) -> None:
        """On the main thread, for new connections and for those that have become readable."""
        if type(conn.sock) is socket.socket:  # not a Client already, nor TLS of gunicorn's own
            conn.sock = Client(fileno=conn.sock.detach())
        self._due[conn] = time.monotonic() + HEAD_SECONDS
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Requests of one connection, in a thread of the pool, for as long as the next one follows at once.

        A balancer's connections are busy: the way by the main thread and back was a sixth of a poll.
        """
        answered = self._handle_one(conn)
        while answered is True and self.alive and not self._due and _readable(conn.sock, LINGER):
            self._due[conn] = time.monotonic() + HEAD_SECONDS
            answered = self._handle_one(conn)
        return answered

    def _handle_one(self, conn: TConn) -> Any:
        due = self._due.pop(conn, 0.0)
        if not conn.initialized and not conn.data_ready and not conn.wait_for_data(GLANCE):
            return _DEFER
        self._heads[conn] = max(due, time.monotonic() + HURRY)
        try:
            return super().handle(conn)
        finally:
            self._heads.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Its header is here."""
        self._heads.pop(conn, None)
        if isinstance(conn.sock, Client):
            conn.sock.begin()
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """A request that cannot be read, or one whose answer failed below every page."""
        refuse(client, addr, exc, self.log)

    def murder_pending(self) -> None:
        """Called every second: ends what has waited too long."""
        super().murder_pending()
        now = time.monotonic()
        for conn, until in list(self._heads.items()):
            if now > until and self._heads.pop(conn, None) is not None:
                _cut(conn.sock)


def _readable(sock: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _cut(sock: socket.socket) -> None:
    """Ends the reading side: the thread that waits there finds the end of the connection."""
    try:
        sock.shutdown(socket.SHUT_RD)
    except OSError:
        return
