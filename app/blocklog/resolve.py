"""Writes into a row of the block log how its message came through after all, where a person saw to that."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, update

from app.blocklog.asking import translating
from app.blocklog.codes import Resolved
from app.blocklog.query import Place
from app.blocklog.tables import BlockRow

_BLOCKS: Final[Any] = BlockRow.__table__
_C: Final[Any] = _BLOCKS.c


def resolved(engine: Engine, account_id: str, place: Place, how: Resolved, at: datetime) -> bool:
    """Whether it was written: not where somebody else did so before. Raises LogBusy, LogAway."""
    theirs = (_C.account_id == account_id, _C.blocked_at == place[0], _C.id == place[1], _C.resolved_at.is_(None))
    with translating(), engine.begin() as connection:
        written = connection.execute(update(_BLOCKS).where(*theirs).values(resolved_at=at, resolved_how=int(how)))
        return bool(written.rowcount)
