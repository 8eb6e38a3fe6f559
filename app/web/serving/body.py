"""WSGI: bodies of requests may be neither too slow nor too many at once, else a few of them hold all threads.

Tried: 16 slow uploads stop a node of 2 × 4 threads. A body slower than 8 KB/s gets 20 s in all and then 408; bodies
over 64 KB, or of unknown length, have a quarter of the threads; who finds no place gets 503 and asks again.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import request
from werkzeug.exceptions import RequestTimeout, ServiceUnavailable

PATIENCE = 20.0  # seconds
LEAST_RATE = 8192  # bytes a second
LARGE = 65536
PIECE = 16384


class Body:
    """wsgi.input with a deadline that moves as bytes arrive. `sock` is the browser's, where the server tells it.

    A timeout of the socket would begin anew with each byte, so at the deadline a timer ends the reading side: the
    server's reader then finds the end of the body, and the answer can still be written.
    """

    def __init__(self, source: Any, sock: Any, *, patience: float = PATIENCE, rate: float = LEAST_RATE) -> None:
        self._source, self._sock = source, sock if isinstance(sock, socket.socket) else None
        self._patience, self._rate = patience, rate
        self._began, self._read = time.monotonic(), 0
        self._timer: threading.Timer | None = None
        self._late = False

    def read(self, size: int = -1) -> bytes:
        """As a file's. Raises RequestTimeout."""
        parts: list[bytes] = []
        missing = size if size is not None and size >= 0 else 1 << 62
        while missing and (part := self._watched(self._source.read, min(missing, PIECE))):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def readline(self, size: int = -1) -> bytes:
        """As a file's, of at most 16 KB at once. Raises RequestTimeout."""
        return self._watched(self._source.readline, min(size, PIECE) if size is not None and size >= 0 else PIECE)

    def __iter__(self) -> Iterator[bytes]:
        """Line by line."""
        return iter(self.readline, b"")

    def close(self) -> None:
        """The request is over."""
        if self._timer is not None:
            self._timer.cancel()

    def _watched(self, read: Callable[[int], bytes], size: int) -> bytes:
        if self._timer is None and self._sock is not None:
            self._watch(self._left())
        data = read(size)
        self._read += len(data)
        if self._late or self._left() <= 0:
            raise RequestTimeout
        return data

    def _left(self) -> float:
        """Seconds until this body is too slow: 20, and one more for each 8 KB that came."""
        return self._began + self._patience + self._read / self._rate - time.monotonic()

    def _watch(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._check)
        self._timer.daemon = True
        self._timer.start()

    def _check(self) -> None:
        left = self._left()
        if left > 0:
            self._watch(left)
            return
        self._late = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)  # type: ignore[union-attr]


class Bodies:
    """Wraps a WSGI application; `places` is how many large bodies a worker takes at once."""

    def __init__(self, app: Any, places: int) -> None:
        self._app = app
        self._places = threading.BoundedSemaphore(places)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Marks a request that finds no place, so that it is answered by an error page like any other."""
        large = is_large(environ)
        environ["postern.crowded"] = crowded = large and not self._places.acquire(blocking=False)
        environ["wsgi.input"] = body = Body(environ["wsgi.input"], environ.get("gunicorn.socket"))
        try:
            return self._app(environ, start_response)
        finally:
            body.close()
            if large and not crowded:
                self._places.release()


def is_large(environ: dict[str, Any]) -> bool:
    """Whether a request's body is over 64 KB, or of a length that nobody told."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    length = environ.get("CONTENT_LENGTH") or "0"
    return not length.isdigit() or int(length) > LARGE


def refuse_crowd() -> None:
    """Before any page: 503 for a large body that found no place; its bytes stay unread."""
    if request.environ.get("postern.crowded"):
        raise ServiceUnavailable
