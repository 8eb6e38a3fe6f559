"""What lines tell beside messages: visits of sending servers, uses of services, greylisted mail that was let through,
what filters learnt, lines that nobody could read. It is counted here until it is written, and bounded: strangers write
much of it.
"""

import re
from collections import Counter
from dataclasses import dataclass, field, fields
from hashlib import sha256

from app.blocklog import columns
from app.blocklog.event import GreylistPassed, Learnt, SignedIn, Visit
from app.blocklog.pretence import Pretence

COUNTS = tuple(each.name for each in fields(Visit) if each.name not in ("at", "ip"))
MOST_KINDS = 50  # of odd lines between two writes
_DIGITS = re.compile(r"[0-9a-fA-F]*\d[0-9a-fA-F]*")
_QUOTED = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\"[^\"]*\"")


@dataclass(slots=True)
class Host:
    """Visits of one sending server: how often what, from when to when; the list that it was found on last."""

    first: float
    last: float
    counts: dict[str, int] = field(default_factory=dict)
    listed: int = 0
    list_at: float = 0.0
    list_name: str | None = None


@dataclass(slots=True)
class OddLines:
    """Lines of one kind that nobody could read."""

    why: str
    example: str
    last: float
    times: int = 1


class Tally:
    """What was counted since it was last written."""

    def __init__(self) -> None:
        self.passed: list[GreylistPassed] = []
        self.lessons: list[tuple[str, int, Learnt]] = []  # by node and source
        self.hosts: dict[str, Host] = {}
        self.uses: dict[tuple[str, str, str], float] = {}
        self.odd: dict[tuple[int, str], OddLines] = {}
        self.odd_times: dict[int, int] = {}
        self.pretences: dict[str, Pretence] = {}  # by address
        self.rules = Counter[int]()  # that let mail in

    def visit(self, event: Visit) -> None:
        """One connection."""
        host = self._host(columns.server(event.ip), event.at.timestamp())
        for name in COUNTS:
            if count := getattr(event, name):
                host.counts[name] = host.counts.get(name, 0) + count

    def listed(self, ip: str, at: float, name: str | None) -> None:
        """A refusal because of a block list."""
        host = self._host(columns.server(ip), at)
        host.listed, host.list_at, host.list_name = host.listed + 1, at, name

    def _host(self, ip: str, at: float) -> Host:
        host = self.hosts.get(ip)
        if host is None:
            host = self.hosts[ip] = Host(at, at)
        elif at > host.last:
            host.last = at
        elif at < host.first:
            host.first = at
        return host

    def signed_in(self, event: SignedIn, node: str) -> None:
        """One use of a service."""
        key = (node, event.service, event.login)
        self.uses[key] = max(self.uses.get(key, 0.0), event.at.timestamp())

    def unread(self, source: int, why: str, example: str, at: float, times: int = 1) -> None:
        """Some lines that nobody could read, of one kind."""
        self.odd_times[source] = self.odd_times.get(source, 0) + times
        key = (source, mark(why, example))
        known = self.odd.get(key)
        if known is not None:
            known.times, known.last = known.times + times, at
        elif len(self.odd) < MOST_KINDS:
            self.odd[key] = OddLines(why, example, at, times)


def mark(why: str, example: str) -> str:
    """A digest of a line's shape: lines that differ in numbers, addresses and names are of one kind."""
    shape = _DIGITS.sub("#", _QUOTED.sub("<>", example[:200]))
    return sha256(f"{why}\n{shape}".encode(errors="replace")).hexdigest()[:32]
