"""What is known of sending servers, for administrators: how they behaved, as far as the mail servers' logs tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, select

from app.blocklog.asking import asking
from app.blocklog.tables import HostRow

_HOSTS: Final[Any] = HostRow.__table__
ORDERS: Final = {
    "last": "cnxn_last",
    "connections": "cnxn_count",
    "lists": "dnsbl_block_count",
    "unknown": "bad_rcpt_count",
    "accepted": "ok_rcpt_count",
}


@dataclass(frozen=True, slots=True)
class Host:
    """A sending server. The counts are of connections, and of commands in them; `last_dnsbl` is the block list that
    named it last."""

    ip: str
    cnxn_count: int
    cnxn_first: datetime
    cnxn_last: datetime
    reverse_ok_count: int
    helo_ok_count: int
    quit_count: int
    bad_from_count: int
    bad_rcpt_count: int
    ok_rcpt_count: int
    dnsbl_block_count: int
    last_dnsbl_time: datetime | None
    last_dnsbl: str | None


def hosts(engine: Engine, since: datetime, *, ip: str = "", order: str = "last", limit: int = 200) -> tuple[Host, ...]:
    """Servers that were here since then, by one of ORDERS; `ip`: the beginning of their address. Raises LogBusy,
    LogAway."""
    columns = _HOSTS.c
    most = columns[ORDERS.get(order, "cnxn_last")].desc()
    where = [columns.cnxn_last >= since] + ([columns.ip.startswith(ip, autoescape=True)] if ip else [])
    with asking(engine) as connection:
        rows = connection.execute(select(_HOSTS).where(*where).order_by(most, columns.ip).limit(limit))
        return tuple(Host(**row._mapping) for row in rows)
