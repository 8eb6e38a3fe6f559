"""What /metrics tells (Prometheus). Labels are few and fixed: no name of a person or mailbox is one.

With several workers, prometheus_client adds up their files in PROMETHEUS_MULTIPROC_DIR, which the gunicorn
configuration names before anything is imported; without it the figures are this process's own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.web.serving import shared_metrics

_KINDS = frozenset(
    {"NOOP", "SELECT", "EXAMINE", "LIST", "STATUS", "FETCH", "UID FETCH", "SEARCH", "UID SEARCH", "SORT", "UID SORT",
     "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "EXPUNGE", "CREATE", "APPEND", "CAPABILITY", "ID", "IDLE",
     "LOGIN", "AUTHENTICATE", "UNSELECT", "ENABLE", "GETQUOTAROOT", "NAMESPACE", "THREAD", "UID THREAD"})  # fmt: skip
_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)

shared_metrics.share()
own = CollectorRegistry()
_requests = Histogram(
    "postern_request_seconds", "Requests by endpoint", ["endpoint", "status"], buckets=_BUCKETS, registry=own
)
_commands = Counter("postern_imap_commands", "IMAP commands by kind", ["kind"], registry=own)
_command_seconds = Counter(
    "postern_imap_command_seconds", "Seconds waited for IMAP by kind of command", ["kind"], registry=own
)
_leases = Histogram("postern_lease_seconds", "Time until a connection was lent", buckets=_BUCKETS, registry=own)
_borrower = Counter(
    "postern_borrower", "What the keeper's client counts: kept, fresh and direct connections, …", ["what"], registry=own
)
_cache = Counter("postern_cache", "Lookups in the cache of summaries", ["result"], registry=own)
_sign_ins = Counter("postern_sign_ins", "Sign-ins by outcome", ["outcome"], registry=own)
_faults = Counter("postern_faults", "Error pages by the error behind them", ["error"], registry=own)


def request_done(endpoint: str | None, status: int, seconds: float) -> None:
    """One answered request."""
    _requests.labels(endpoint or "none", str(status)).observe(seconds)


def leased(seconds: float) -> None:
    """A connection was lent after so many seconds."""
    _leases.observe(seconds)


def commands(by_name: Mapping[str, tuple[int, float]]) -> None:
    """The commands of one lease: (count, seconds) by name."""
    for name, (count, seconds) in by_name.items():
        kind = name if name in _KINDS else "other"
        _commands.labels(kind).inc(count)
        _command_seconds.labels(kind).inc(seconds)


def sign_in(outcome: str) -> None:
    """One sign-in: signed_in, refused, throttled, busy, or the error's name."""
    _sign_ins.labels(outcome).inc()


def fault(error: str) -> None:
    """One error page."""
    _faults.labels(error).inc()


class Growth:
    """Turns counts that others keep in this process into Prometheus counters: only what was added is passed on."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str], float] = {}

    def take(self, family: str, counts: Mapping[str, Any]) -> None:
        """`family` is "borrower" or "cache"; numbers only are taken."""
        counter = _borrower if family == "borrower" else _cache
        for name, count in counts.items():
            if isinstance(count, int | float):
                grown = count - self._before.get((family, name), 0)
                self._before[family, name] = count
                if grown > 0:
                    counter.labels(name).inc(grown)


class State(Collector):
    """What is asked at the moment of the scrape: active sessions, and the keeper's own state."""

    def __init__(self, sessions: int | None, keeper: Mapping[str, Any] | None) -> None:
        self._sessions = sessions
        self._keeper = keeper

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        if self._sessions is not None:
            text = "Sessions used in the last five to ten minutes, on all nodes"
            yield GaugeMetricFamily("postern_sessions_active", text, self._sessions)
        yield GaugeMetricFamily("postern_keeper_up", "1 while the keeper answers", int(self._keeper is not None))
        yield from _of_servers((self._keeper or {}).get("servers", {}))
        yield from _of_keeper(self._keeper or {})


def _of_servers(servers: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    breakers = GaugeMetricFamily("postern_breaker_open", "1 while a mail server is not tried", labels=["server"])
    connections = GaugeMetricFamily(
        "postern_keeper_connections", "IMAP connections of the keeper by state", labels=["server", "state"]
    )
    for name, state in servers.items():
        breakers.add_metric([name], 0 if state.get("breaker") == "closed" else 1)
        for kind, count in state.items():
            if isinstance(count, int):
                connections.add_metric([name, kind], count)
    yield breakers
    yield connections


def _of_keeper(keeper: Mapping[str, Any]) -> Iterator[Metric]:
    for name in ("accounts", "waiting", "watchers"):
        if isinstance(keeper.get(name), int):
            yield GaugeMetricFamily(f"postern_keeper_{name}", f"The keeper's {name} now", keeper[name])
    tally = CounterMetricFamily("postern_keeper", "What the keeper counted since its start", labels=["what"])
    for what, count in keeper.get("tally", {}).items():
        if isinstance(count, int | float):
            tally.add_metric([what], count)
    yield tally


def text(sessions: int | None, keeper: Mapping[str, Any] | None) -> bytes:
    """Everything in the text format of Prometheus, of all workers where they share a folder.

    `sessions`: those used lately, None if unknown. `keeper`: its status, None where there is none.
    """
    registry = CollectorRegistry()
    registry.register(State(sessions, keeper))
    shared = shared_metrics.folder() is not None
    if shared:
        multiprocess.MultiProcessCollector(registry)
    return bytes(generate_latest(registry)) + (b"" if shared else bytes(generate_latest(own)))
