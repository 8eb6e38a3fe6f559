"""How far a message that one of our users sent has come, for each recipient, as the mail servers' logs have it.

The message is found by its Message-ID, which Postern gives it and the servers log: no more than one look-up.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, select

from app.blocklog.asking import asking
from app.blocklog.codes import Fate, code
from app.blocklog.tables import FateRow

MOST: Final = 1000  # recipients of one message that are told
_FATE: Final[Any] = FateRow.__table__


@dataclass(frozen=True, slots=True)
class Way:
    """One recipient, in lower case. `server`: which took it last; `reply`: its words."""

    rcpt: str
    fate: Fate
    server: str
    reply: str
    dsn: str | None
    changed_at: datetime


def message_mark(message_id: str) -> str:
    """Under what a message's rows lie: a digest of its Message-ID, with or without its brackets."""
    return hashlib.sha256(message_id.strip().strip("<>").encode(errors="replace")).hexdigest()[:32]


def ways(engine: Engine, account_id: str, *message_ids: str) -> tuple[Way, ...]:
    """Those of a message that the account sent, by any of its ids; of a recipient the furthest last. Raises LogBusy,
    LogAway."""
    columns = [_FATE.c[name] for name in ("rcpt", "fate", "server", "reply", "dsn", "changed_at")]
    mine = (_FATE.c.account_id == account_id, _FATE.c.mark.in_(sorted(map(message_mark, message_ids))))
    with asking(engine) as connection:
        rows = connection.execute(select(*columns).where(*mine).order_by(_FATE.c.rcpt, _FATE.c.fate).limit(MOST)).all()
    return tuple(Way(row.rcpt, code(Fate, row.fate, Fate.queued), *row[2:]) for row in rows)
