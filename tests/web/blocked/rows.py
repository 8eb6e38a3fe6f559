"""Rows of the block log for the tests of its pages."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from app.blocklog.codes import Accepted, Outcome, Policy, Stage
from app.blocklog.tables import Base, BlockRow, RecentRow

_numbers = itertools.count(1 << 48)


def now() -> datetime:
    """As rows have it. Asked anew for each: a test may run long after it was collected."""
    return datetime.now(UTC).replace(microsecond=0)


def tables(engine: Engine) -> None:
    """The log's tables."""
    Base.metadata.create_all(engine)


def block(engine: Engine, *, account: str = "1", ago: timedelta = timedelta(minutes=5), **fields: Any) -> str:
    """One stopped message; returns its place as an address has it."""
    values: dict[str, Any] = {
        "account_id": account,
        "blocked_at": now() - ago,
        "id": next(_numbers),
        "site": "1",
        "policy": Policy.rbl,
        "outcome": Outcome.refused,
        "stage": Stage.rcpt,
        "smtp_code": 554,
        "dsn": "5.7.1",
        "detail": "zen.spamhaus.org",
        "client_ip": "203.0.113.7",
        "client_name": "mail.bank.example",
        "helo": "mail.bank.example",
        "sender_local": "info",
        "sender_domain": "bank.example",
        "rcpt": "forward@one.example",
        "reason": "Service unavailable; Client host [203.0.113.7] blocked using zen.spamhaus.org",
        "source_id": 1,
    }
    with engine.begin() as rows:
        rows.execute(insert(BlockRow).values(**values | fields))
    row = values | fields
    return f"{int(row['blocked_at'].timestamp())}-{row['id']}"


def recent(engine: Engine, *, account: str = "1", ago: timedelta = timedelta(minutes=5), **fields: Any) -> None:
    """One accepted message."""
    values: dict[str, Any] = {
        "account_id": account,
        "received_at": now() - ago,
        "id": next(_numbers),
        "site": "1",
        "outcome": Accepted.inbox,
        "size": 12_345,
        "client_ip": "203.0.113.8",
        "client_name": "mail.friend.example",
        "sender_local": "ann",
        "sender_domain": "friend.example",
        "rcpt": "forward@one.example",
        "final_rcpt": "forward@one.example",
        "reply": "250 2.0.0 Saved",
        "source_id": 1,
    }
    with engine.begin() as rows:
        rows.execute(insert(RecentRow).values(**values | fields))
