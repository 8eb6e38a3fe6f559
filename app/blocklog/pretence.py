"""Sending servers that name themselves in HELO as one of ours, which none but ours has a reason to do.

Only public addresses and full names of POSTERN_OWN_NAMES are such names: a private address, and "mail", are anybody's.
Without a public address among them it is not known where ours come from, and nobody is said to pretend. A verified
name of ours, and addresses inside, are ours whatever they say. The address is the connection's, or nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from app.blocklog import columns
from app.blocklog.event import Peer

MOST: Final = 1000  # servers between two writes: a stranger has many IPv6 addresses
LOCAL: Final = ("localhost", "localdomain", "local", "lan", "home", "internal", "invalid")  # last labels of anybody
# Written out: Python calls the addresses of documentation (RFC 5737, RFC 3849) private, too.
_INSIDE: Final = tuple(
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10"),
    )
)


@dataclass(frozen=True, slots=True)
class Pretence:
    """How often a server did it, when last, and as whom."""

    name: str
    at: datetime
    times: int = 1


class Ours:
    """Names and addresses of our servers, as POSTERN_OWN_NAMES has them."""

    def __init__(self, own: Iterable[str]) -> None:
        bare = {each.lower().strip("[]") for each in own}
        self.addresses = frozenset(ip for each in bare if (ip := columns.ip(each)))
        public = {each for each in self.addresses if not _inside(ip_address(each))}
        self._below = tuple(each for each in bare if each.startswith("."))
        self._names = bare - self.addresses
        full = {each for each in self._names if "." in each.strip(".") and each.rpartition(".")[2] not in LOCAL}
        self._telling = frozenset(public | (full - set(self._below))) if public else frozenset()

    def pretended(self, peer: Peer) -> str | None:
        """The name of ours that a stranger's server gave as its own; None: it did not, or is no stranger."""
        if not (self._telling and peer.proven and peer.helo):
            return None
        said = _bare(peer.helo)
        if said not in self._telling or not (ip := columns.ip(peer.ip)):
            return None
        return None if ip in self.addresses or _inside(ip_address(ip)) or self._named(peer.name) else said

    def _named(self, name: str) -> bool:
        known = name.lower().rstrip(".")
        return known in self._names or known.endswith(self._below)


def noted(seen: dict[str, Pretence], ip: str, name: str, at: datetime) -> None:
    """One more time."""
    known = seen.get(ip)
    if known is not None:
        seen[ip] = Pretence(name, max(known.at, at), known.times + 1)
    elif len(seen) < MOST:
        seen[ip] = Pretence(name, at)


def _bare(helo: str) -> str:
    """A HELO without the brackets of an address (RFC 5321 §4.1.3)."""
    bare = helo.lower().strip("[]").removeprefix("ipv6:").rstrip(".")
    return columns.ip(bare) or bare


def _inside(address: IPv4Address | IPv6Address) -> bool:
    return any(address.version == each.version and address in each for each in _INSIDE)
