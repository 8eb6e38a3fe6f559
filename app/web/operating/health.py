"""For balancers and operators: alive, ready for new requests, and figures.

/healthz asks nothing of anybody: a node without Redis is alive, and killing it would help nobody. /readyz says no
while the drain file exists, after SIGTERM, and while Redis or SQL are away or SQL has no tables; trusted networks are
told what is missing.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from flask import Response, abort, jsonify, request
from redis import RedisError

from app.directory import resolve
from app.directory.errors import DirectoryError
from app.keeper.lease import Counters
from app.store.session import active
from app.store.throttle import is_exempt
from app.web.resources import Resources, resources
from app.web.serving import metrics
from app.web.serving.metrics import Growth

stopping = threading.Event()
ASK_SECONDS = 1.0

_growth = Growth()
_LEASES = tuple(item.name for item in fields(Counters))


def live() -> Response:
    """GET /healthz"""
    return jsonify(alive=True)


def ready() -> Response:
    """GET /readyz: 200 or 503."""
    failing = _failing(resources())
    body: dict[str, Any] = {"ready": not failing}
    if trusted():
        body["failing"] = failing
    response = jsonify(body)
    response.status_code = 503 if failing else 200
    return response


def figures() -> Response:
    """GET /metrics"""
    if not trusted():
        abort(404)
    held = resources()
    sessions = None
    with contextlib.suppress(RedisError):
        sessions = active(held.redis, now=int(time.time()))
    body = metrics.text(sessions, held.borrower.status())
    return Response(body, content_type="text/plain; version=0.0.4; charset=utf-8")


def trusted() -> bool:
    """Whether who asks is in POSTERN_METRICS_NETWORKS, directly: what came through a balancer is from outside."""
    peer = request.environ.get("postern.peer", "")
    return not request.environ.get("postern.relayed") and is_exempt(peer, resources().settings.metrics_networks)


def take_counts() -> None:
    """After each request: passes on what the keeper's client and the cache have counted in this process."""
    held = resources()
    leases = held.borrower.counters()
    _growth.take("borrower", {name: getattr(leases, name) for name in _LEASES})
    _growth.take("cache", vars(held.cache_counters))


def watch_sigterm() -> None:
    """From SIGTERM on the node is not ready; gunicorn's own handler then does its work."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before):
        return

    def note(number: int, frame: Any) -> None:
        stopping.set()
        before(number, frame)

    signal.signal(signal.SIGTERM, note)


def _failing(held: Resources) -> list[str]:
    """The names of the parts that are missing. Servers are asked once a second at most, by one caller at a time:
    whoever may ask /readyz must not be able to hold threads while SQL is silent."""
    failing = [name for name, check in OWN.items() if not check(held)]
    if _asking.acquire(blocking=False):
        try:
            if time.monotonic() - _answer.at >= ASK_SECONDS or _answer.of is not held:
                _answer.failing = [name for name, check in SERVERS.items() if not check(held)]
                _answer.at, _answer.of = time.monotonic(), held
        finally:
            _asking.release()
    return failing + _answer.failing


def _not_draining(held: Resources) -> bool:
    return not held.settings.drain_file.exists()


def _not_stopping(held: Resources) -> bool:
    return not stopping.is_set()


def _redis_answers(held: Resources) -> bool:
    try:
        return bool(held.redis.ping())
    except RedisError:
        return False


def _sql_answers(held: Resources) -> bool:
    try:
        resolve.ask(held.directory)
    except DirectoryError:
        return False
    return True


@dataclass
class _Answer:
    """What the servers said last; before that, a node is not ready."""

    at: float = 0.0
    of: Resources | None = None
    failing: list[str] = field(default_factory=lambda: ["unknown"])


_asking = threading.Lock()
_answer = _Answer()
Check = Callable[[Resources], bool]
OWN: dict[str, Check] = {"drain": _not_draining, "stopping": _not_stopping}
SERVERS: dict[str, Check] = {"redis": _redis_answers, "sql": _sql_answers}
