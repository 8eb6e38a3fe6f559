"""The block log as JSON lines, for other programs: the fields of a row, codes by their names, times in UTC.

Rows come in the order of their times, some at a time: an export of millions holds no more than these.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

from sqlalchemy import Engine, select

from app.blocklog.asking import translating
from app.blocklog.codes import Known, Outcome, Policy, Stage, word
from app.blocklog.tables import BlockRow, SourceRow

PAGE: Final = 2000
_BLOCK: Final[Any] = BlockRow.__table__
_SOURCE: Final[Any] = SourceRow.__table__


def exported(engine: Engine, *, since: datetime | None = None) -> Iterator[str]:
    """One JSON object a row, from a time on. Raises LogBusy, LogAway."""
    names, columns = _sources(engine), _BLOCK.c
    asked = select(_BLOCK).order_by(columns.blocked_at, columns.id, columns.account_id)
    if since is not None:
        asked = asked.where(columns.blocked_at >= since)
    with translating(), engine.connect() as connection:
        for row in connection.execution_options(stream_results=True, yield_per=PAGE).execute(asked):
            yield json.dumps(_told(row, names), ensure_ascii=False, separators=(",", ":"))


def _sources(engine: Engine) -> dict[int, str]:
    with translating(), engine.connect() as connection:
        rows = connection.execute(select(_SOURCE.c.source_id, _SOURCE.c.node, _SOURCE.c.path)).all()
    return {row.source_id: f"{row.node}:{row.path}" for row in rows}


def _told(row: Any, sources: dict[int, str]) -> dict[str, Any]:
    return {
        "time": row.blocked_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "policy": _word(Policy, row.policy),
        "outcome": _word(Outcome, row.outcome),
        "stage": _word(Stage, row.stage),
        "recipient": row.rcpt,
        "sender": _address(row.sender_local, row.sender_domain),
        "client": row.client_ip,
        "helo": row.helo,
        "reason": row.reason,
        "code": row.smtp_code,
        "dsn": row.dsn,
        "queue_id": row.queue_id,
        "rcpts_known": _word(Known, row.rcpts_known),
        "source": sources.get(row.source_id, str(row.source_id)),
    }


def _word(kind: type[IntEnum], number: int) -> str:
    """A code's name; the number itself where a newer version wrote it."""
    try:
        return word(kind(number))
    except ValueError:
        return str(number)


def _address(local: str, domain: str) -> str:
    return f"{local}@{domain}" if domain else local
