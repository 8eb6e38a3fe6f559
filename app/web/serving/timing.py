"""Where the time of a request went, for Server-Timing and /metrics: imap, sql, redis, and the rest."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import g, has_request_context


def start() -> None:
    """The request begins."""
    g.began = time.perf_counter()
    g.spent = {}


def spend(kind: str, seconds: float) -> None:
    """Adds seconds to a kind."""
    if has_request_context():
        spent = g.setdefault("spent", {})
        spent[kind] = spent.get(kind, 0.0) + seconds


@contextmanager
def timed(kind: str) -> Iterator[None]:
    """Adds the time of the block to a kind."""
    began = time.perf_counter()
    try:
        yield
    finally:
        spend(kind, time.perf_counter() - began)


def elapsed() -> float:
    """Seconds since the request began."""
    return time.perf_counter() - g.get("began", time.perf_counter())


def server_timing() -> str:
    """The header's value (Server Timing §2.1), in milliseconds; `app` is what is left."""
    spent, total = g.get("spent", {}), elapsed()
    parts = {**{kind: spent.get(kind, 0.0) for kind in ("imap", "sql", "redis")}, "app": total - sum(spent.values())}
    return ", ".join(f"{kind};dur={seconds * 1000:.1f}" for kind, seconds in parts.items())
