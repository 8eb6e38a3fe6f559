"""Greylisting: mail that is the first of its sender to somebody from its network is asked to come again later.

A triplet is the client's network (/24, IPv6 /64), the sender and the recipient; what changes in a sender from mail to
mail is folded. It waits from its first attempt on, passes when it comes again within the window, and has passed for as
long as it is used. Exim does the same in SQL, so that `mark` is MD5 in hexadecimal over `sender recipient`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import md5
from ipaddress import ip_network
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, bindparam, delete, or_, select, tuple_, update

from app.policy.asking import changed
from app.policy.tables import TripletRow
from app.policy.value import server
from app.table.insert import ignoring

BATCH: Final = 1000  # triplets that are forgotten at once
FRESH: Final = timedelta(hours=1)  # in which it is not written again that one was used
_LONGEST: Final = 320
_PREFIX: Final = {4: 24, 6: 64}
_MOST_TRIES: Final = 32_000  # a column holds 32,767
_REWRITTEN: Final = re.compile(r"(srs[01])[=+-].*")  # https://www.libsrs2.net/srs/srs.pdf
# Each begins where what it is about begins: tried from every letter of a long one, 2,000 of them took 38 ms.
_DETAIL: Final = re.compile(r"(?<![^+])([^+]+)\+.*")
_TOKEN: Final = re.compile(r"(?<![a-z0-9])[a-z]*[0-9][a-z0-9]*")
_TRIPLETS: Final[Any] = TripletRow.__table__
_C: Final[Any] = _TRIPLETS.c


@dataclass(frozen=True, slots=True)
class Times:
    """How long a triplet waits, until when it has to come again, and how long it has passed without being used."""

    wait: timedelta = timedelta(minutes=5)
    window: timedelta = timedelta(days=1)
    keep: timedelta = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Triplet:
    """A key of the table, with the words that its mark is made of."""

    net: str
    mark: str
    sender: str
    rcpt: str


def triplet(ip: str, sender: str, recipient: str) -> Triplet | None:
    """That of an attempt; None where there is no address to tell by."""
    net = network(ip)
    if not net:
        return None
    known, rcpt = folded(sender), recipient.lower()
    mark = md5(f"{known} {rcpt}".encode(errors="replace"), usedforsecurity=False).hexdigest()
    return Triplet(net, mark, known[:_LONGEST], rcpt[:_LONGEST])


def folded(sender: str) -> str:
    """A sender without what changes from mail to mail: +detail, numbers and whatever has a digit in it (VERP, BATV,
    queue ids), and all that a forwarder wrote into it (SRS)."""
    local, at, domain = sender.lower().rpartition("@")
    if rewritten := _REWRITTEN.fullmatch(local):
        return f"{rewritten[1]}{at}{domain}"
    plain = _DETAIL.sub(r"\1", local)
    return f"{_TOKEN.sub('#', plain)}{at}{domain}"


@lru_cache(maxsize=4096)
def network(ip: str) -> str:
    """The network of a client, as the table has it; "" for what is no address."""
    try:
        address = server(ip)
    except ValueError:
        return ""
    return str(ip_network((address, _PREFIX[address.version]), strict=False))


def waiting(engine: Engine, triplets: Sequence[Triplet], now: datetime, times: Times) -> set[Triplet]:
    """Those of some triplets that are to come again later; writes down that they came. Raises PolicyAway."""
    wanted = {(each.net, each.mark): each for each in triplets}
    if not wanted:
        return set()

    def work(connection: Connection) -> set[Triplet]:
        known = {(row.net, row.mark): row for row in connection.execute(_these(list(wanted)))}
        late, new, changes = set[Triplet](), [], []
        for key, each in sorted(wanted.items()):  # in one order, so that two servers do not wait for each other
            row = known.get(key)
            if row is None:
                begun = {"first_seen": now, "last_seen": now, "tries": 1}
                new.append({"net": each.net, "mark": each.mark, "sender": each.sender, "rcpt": each.rcpt, **begun})
                late.add(each)
                continue
            passes, change = _again(row, now, times)
            late |= set() if passes else {each}
            changes += [{"key_net": each.net, "key_mark": each.mark, **change}] if change else []
        if new:
            connection.execute(ignoring(connection, _TRIPLETS), new)
        if changes:
            connection.execute(_CHANGE, changes)
        return late

    return changed(engine, work)


def _again(row: Any, now: datetime, times: Times) -> tuple[bool, dict[str, Any] | None]:
    """Whether a triplet that is known passes, and what of it is new."""
    kept = {"new_first": row.first_seen, "new_last": now, "new_tries": min(row.tries + 1, _MOST_TRIES)}
    if row.passed_at is not None and now - row.last_seen <= times.keep:
        fresh = now - row.last_seen < FRESH
        return True, None if fresh else {**kept, "new_passed": row.passed_at}
    if row.passed_at is None and times.wait <= now - row.first_seen <= times.window:
        return True, {**kept, "new_passed": now}
    if row.passed_at is None and now - row.first_seen < times.wait:
        return False, {**kept, "new_passed": None}
    return False, {"new_first": now, "new_last": now, "new_tries": 1, "new_passed": None}


def forget(engine: Engine, now: datetime, times: Times) -> int:
    """Removes triplets that nobody waits for any more, at most a thousand; how many. Raises PolicyAway."""
    idle = and_(_C.passed_at.is_(None), _C.last_seen < now - times.window)
    old = select(_C.net, _C.mark).where(_C.last_seen < now - min(times.window, times.keep))
    old = old.where(or_(idle, _C.last_seen < now - times.keep)).order_by(_C.last_seen).limit(BATCH)

    def work(connection: Connection) -> int:
        keys = [tuple(row) for row in connection.execute(old)]
        for net, mark in keys:
            connection.execute(_REMOVE, {"key_net": net, "key_mark": mark})
        return len(keys)

    return changed(engine, work)


def _these(keys: list[tuple[str, str]]) -> Any:
    return select(_TRIPLETS).where(tuple_(_C.net, _C.mark).in_(keys))


_HERE: Final = and_(_C.net == bindparam("key_net"), _C.mark == bindparam("key_mark"))
_REMOVE: Final = delete(_TRIPLETS).where(_HERE)
_CHANGE: Final = (
    update(_TRIPLETS)
    .where(_HERE)
    .values(
        first_seen=bindparam("new_first"),
        last_seen=bindparam("new_last"),
        tries=bindparam("new_tries"),
        passed_at=bindparam("new_passed"),
    )
)
