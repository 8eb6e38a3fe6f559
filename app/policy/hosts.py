"""Sending servers that nobody takes mail from for a time: put in by a policy service or an administrator.

An expired one blocks nothing from that second on, whoever removes its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from app.policy.actions import By, record
from app.policy.asking import changed, reading
from app.policy.errors import BadValue, Gone
from app.policy.tables import HostBlockRow

MOST: Final = 1000  # of them on a page
REASON: Final = 120  # characters
_BLOCKS: Final[Any] = HostBlockRow.__table__
_C: Final[Any] = _BLOCKS.c


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


def canonical_ip(typed: str) -> str:
    """The one spelling of an address of a server. Raises BadValue."""
    try:
        found = ip_address(typed.strip())
    except ValueError:
        raise BadValue("it is no address of a server, as 192.0.2.7 or 2001:db8::7") from None
    mapped = getattr(found, "ipv4_mapped", None)
    if (mapped or found).is_loopback or (mapped or found).is_unspecified or getattr(found, "scope_id", None):
        raise BadValue("it is an address of the mail servers' own")
    return str(mapped or found)
