"""Sending servers that nobody takes mail from for a time: put in by an administrator, or by the follower of the logs.

An expired one blocks nothing from that second on, whoever removes its row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from app.policy.actions import By, record
from app.policy.asking import changed, reading
from app.policy.errors import BadValue, Gone
from app.policy.tables import ActionRow, HostBlockRow
from app.policy.value import server

MOST: Final = 1000  # of them on a page
REASON: Final = 120  # characters
_BLOCKS: Final[Any] = HostBlockRow.__table__
_C: Final[Any] = _BLOCKS.c
_DONE: Final[Any] = ActionRow.__table__.c
PEACE: Final = timedelta(days=1)  # in which a server that an administrator let in is not shut out by itself
_CHUNK: Final = 200
MOST_BY_ITSELF: Final = 10_000  # shut out: a stranger has many IPv6 addresses (Exim: POSTERN_SHUT_OUT)


@dataclass(frozen=True, slots=True)
class HostBlock:
    """A server that is shut out until then, and how often it came meanwhile."""

    ip: str
    reason: str
    added_at: datetime
    expires_at: datetime
    hits: int


def blocks(engine: Engine, now: datetime) -> tuple[HostBlock, ...]:
    """Those in force, the newest first. Raises PolicyAway."""
    alive = select(_BLOCKS).where(_C.expires_at > now).order_by(_C.added_at.desc(), _C.ip).limit(MOST)
    with reading(engine) as connection:
        return tuple(HostBlock(**row._mapping) for row in connection.execute(alive))


def block(engine: Engine, by: By, ip: str, reason: str, now: datetime, until: datetime) -> str:
    """Shuts a server out and writes that down; one that is shut out has a new reason and end. Returns its address as it
    is kept. Raises BadValue, PolicyAway."""
    known = canonical_ip(ip)
    values = {"reason": reason.strip()[:REASON], "added_at": now, "expires_at": until}

    def work(connection: Connection) -> None:
        if not connection.execute(update(_BLOCKS).where(_C.ip == known).values(values)).rowcount:
            connection.execute(insert(_BLOCKS).values(ip=known, hits=0, **values))
        record(connection, by, "host-block", known, now, {"reason": values["reason"], "until": until.isoformat()})

    changed(engine, work)
    return known


def extend(engine: Engine, by: By, ip: str, now: datetime, until: datetime) -> None:
    """Keeps it out for longer and writes that down. Raises Gone, PolicyAway."""

    def work(connection: Connection) -> None:
        here = (_C.ip == ip, _C.expires_at > now)
        if not connection.execute(update(_BLOCKS).where(*here).values(expires_at=until)).rowcount:
            raise Gone(ip)
        record(connection, by, "host-extend", ip, now, {"until": until.isoformat()})

    changed(engine, work)


def remove(engine: Engine, by: By, ip: str, now: datetime) -> None:
    """Lets it send again and writes that down. Raises Gone, PolicyAway."""

    def work(connection: Connection) -> None:
        if not connection.execute(delete(_BLOCKS).where(_C.ip == ip)).rowcount:
            raise Gone(ip)
        record(connection, by, "host-remove", ip, now)

    changed(engine, work)


@dataclass(frozen=True, slots=True)
class Found:
    """A server that the logs show at something that shuts it out: why, how often, when last."""

    ip: str
    reason: str
    at: datetime
    times: int = 1


def shut_out(engine: Engine, found: Iterable[Found], now: datetime, lasting: timedelta) -> int:
    """Shuts servers out from what they did on, if that is not over by now; how many are new. One that is shut out
    already stays so no longer than it was to; its visits are counted. One that was let in since, or in the day before,
    is left alone, and so is who comes when there are too many. Raises PolicyAway."""
    some = sorted((each for each in found if each.at + lasting > now), key=lambda each: each.ip)

    def work(connection: Connection) -> int:
        connection.execute(delete(_BLOCKS).where(_C.expires_at <= now))
        new = 0
        for start in range(0, len(some), _CHUNK):
            new += _shut_out(connection, some[start : start + _CHUNK], now, lasting)
        return new

    return changed(engine, work)


def _shut_out(connection: Connection, some: list[Found], now: datetime, lasting: timedelta) -> int:
    ips, since = [each.ip for each in some], min(each.at for each in some) - PEACE
    about = (_DONE.account_id == "", _DONE.at >= since, _DONE.verb == "host-remove", _DONE.target.in_(ips))
    pardoned = select(_DONE.target, func.max(_DONE.at).label("at")).where(*about).group_by(_DONE.target)
    let_in = {row.target: row.at for row in connection.execute(pardoned)}
    known = set(connection.scalars(select(_C.ip).where(_C.ip.in_(ips))))
    room = MOST_BY_ITSELF - (connection.scalar(select(func.count()).select_from(_BLOCKS)) or 0)
    new: list[dict[str, Any]] = []
    for each in some:
        if each.ip in known:
            connection.execute(update(_BLOCKS).where(_C.ip == each.ip).values(hits=_C.hits + each.times))
        elif len(new) < room and (each.ip not in let_in or let_in[each.ip] <= each.at - PEACE):
            at = min(each.at, now)
            until = {"added_at": at, "expires_at": at + lasting}
            new.append({"ip": each.ip, "reason": each.reason[:REASON], "hits": each.times - 1, **until})
    if new:
        connection.execute(insert(_BLOCKS), new)
    return len(new)


def canonical_ip(typed: str) -> str:
    """The one spelling of an address of a server. Raises BadValue."""
    try:
        found = server(typed.strip())
    except ValueError:
        raise BadValue("it is no address of a server, as 192.0.2.7 or 2001:db8::7") from None
    if found.is_loopback or found.is_unspecified or getattr(found, "scope_id", None):
        raise BadValue("it is an address of the mail servers' own")
    return str(found)
