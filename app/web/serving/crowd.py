"""WSGI: how many requests of one account a worker answers at once, so that nobody takes all its threads.

Tried: one person who asks for a file 70 times and reads none of them stopped a node of 2 × 32 threads. A request counts
until the last byte of its answer is taken.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from flask import request
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wsgi import ClosingIterator

PLACE = "postern.place"


class Crowd:
    """Wraps a WSGI application; `places` is how many requests an account may have at once."""

    def __init__(self, app: Any, places: int) -> None:
        self._app, self._places = app, places
        self._lock = threading.Lock()
        self._present: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Gives the request a way to take a place, and frees that place when the answer is written."""
        environ[PLACE] = place = Place(self)
        try:
            return ClosingIterator(self._app(environ, start_response), place.leave)
        except BaseException:
            place.leave()
            raise

    def enter(self, account: str) -> bool:
        """Counts a request; False where the account has as many as it may have."""
        with self._lock:
            if self._present[account] >= self._places:
                return False
            self._present[account] += 1
            return True

    def leave(self, account: str) -> None:
        """The request is over."""
        with self._lock:
            self._present[account] -= 1
            if not self._present[account]:
                del self._present[account]


class Place:
    """One request's place, taken once it is known whose request it is."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._free: Callable[[], None] | None = None

    def take(self, account: str) -> None:
        """Raises ServiceUnavailable where the account has too many requests already."""
        if not self._crowd.enter(account):
            raise ServiceUnavailable
        self._free = lambda: self._crowd.leave(account)

    def leave(self) -> None:
        """Frees it; more than once does no harm."""
        free, self._free = self._free, None
        if free is not None:
            free()


def take_place(account: str) -> None:
    """Counts this request as the account's. Raises ServiceUnavailable."""
    place: Place | None = request.environ.get(PLACE)
    if place is not None:
        place.take(account)
