"""What the pool counts by: slots in use, what is lent, who waits, and what happened since the start."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from app.keeper.protocol import Key, Wanted
from app.keeper.upstream import Upstream


@dataclass(slots=True)
class Tally:
    """What happened since the start, for /metrics."""

    leases: int = 0
    kept: int = 0  # leases served by a kept connection
    logins: int = 0
    refused: int = 0  # logins that the server refused
    away: int = 0
    busy: int = 0
    taken_back: int = 0
    ended: int = 0


@dataclass(slots=True)
class Waiter:
    """A borrower in the queue. Its future brings a kept connection, or None: a slot reserved in its name."""

    wanted: Wanted
    future: asyncio.Future[Upstream | None]
    kept: bool = True  # a kept connection would do
    slot: bool = True  # a slot would do


@dataclass(slots=True)
class Books:
    """Slots by account and by mail server, and what is lent."""

    accounts: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    lent: dict[Key, set[Upstream]] = field(default_factory=dict)
