"""What mail servers wrote and nobody waits for any more: greylisted attempts, servers that are shut out no longer, and
whom they answered long ago.

Whoever runs once a day removes it: a mail server that works by SQL alone may not delete.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, delete

from app.policy import away, greylist
from app.policy.asking import changed
from app.policy.tables import HostBlockRow

_BLOCKS: Final[Any] = HostBlockRow.__table__


def forget(engine: Engine, now: datetime, times: greylist.Times) -> int:
    """Removes all of it; how many rows. Raises PolicyAway."""
    ended = delete(_BLOCKS).where(_BLOCKS.c.expires_at <= now)
    total = changed(engine, lambda connection: int(connection.execute(ended).rowcount))
    total += away.forget(engine, now)
    while gone := greylist.forget(engine, now, times):
        total += gone
    return total
