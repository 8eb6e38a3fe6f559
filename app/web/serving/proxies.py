"""WSGI: believes X-Forwarded-For, -Proto and -Host from the listed balancers only, and removes them otherwise.

Without it a browser could name its own address, which the limits of sign-ins count, or call http https.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from app.web.serving.log import logger
from config.values import Network

MOST_WARNINGS = 20

FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
)


class Proxies:
    """Wraps a WSGI application; `networks` are the balancers. `local`: gunicorn listens on a Unix socket, which only
    a balancer on this host can reach."""

    def __init__(self, app: Any, networks: Sequence[Network], *, local: bool = False) -> None:
        self._app = app
        self._networks = networks
        self._local = local
        self._warned: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Rewrites REMOTE_ADDR, wsgi.url_scheme and HTTP_HOST."""
        told = {name: environ.pop(name, "") for name in FORWARDED}
        environ["postern.peer"] = environ.get("REMOTE_ADDR", "")
        environ["postern.relayed"] = any(told.values())
        if not self._listed(environ["postern.peer"]):
            if environ["postern.relayed"]:
                self._warn(environ["postern.peer"])
        else:
            environ["REMOTE_ADDR"] = self._client(told["HTTP_X_FORWARDED_FOR"]) or environ["postern.peer"]
            scheme = _last(told["HTTP_X_FORWARDED_PROTO"]).lower()
            if scheme in {"http", "https"}:
                environ["wsgi.url_scheme"] = scheme
            if host := _last(told["HTTP_X_FORWARDED_HOST"]):
                environ["HTTP_HOST"] = host
        return self._app(environ, start_response)

    def _warn(self, peer: str) -> None:
        """A forgotten balancer makes all its users one network, which a few failed sign-ins then shut out."""
        if peer not in self._warned and len(self._warned) < MOST_WARNINGS:
            self._warned.add(peer)
            logger.warning("X-Forwarded-* from an address that POSTERN_PROXIES does not list", extra={"network": peer})

    def _client(self, chain: str) -> str | None:
        """The last address in the chain that is no balancer of ours: all before it is the client's own word."""
        for part in reversed([each.strip() for each in chain.split(",")]):
            address = _address(part)
            if address is None:
                return None
            if not self._listed(address):
                return address
        return None

    def _listed(self, peer: str) -> bool:
        if not peer:
            return self._local
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _address(part: str) -> str | None:
    """An address without port and brackets."""
    bare = part[1:].partition("]")[0] if part.startswith("[") else part
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _last(value: str) -> str:
    return value.rpartition(",")[2].strip()
