"""How the logs are read, for administrators: how far behind, what could not be read, what was lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, select

from app.blocklog.asking import asking
from app.blocklog.tables import DONE, OddRow, SourceRow

_SOURCES: Final[Any] = SourceRow.__table__.c
_ODD: Final[Any] = OddRow.__table__.c


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One log. `seen_at`: when its follower last looked, `last_at`: the time of the last line that it read. `gaps`: how
    often a part of the log was not found any more."""

    source_id: int
    node: str
    path: str
    format: str
    owner: str
    seen_at: datetime | None
    last_at: datetime | None
    lines: int
    rows: int
    odd_lines: int
    gaps: int

    def silent(self, since: datetime) -> bool:
        """Nobody has looked since then who should have: a file that was read once is done with."""
        return self.owner != DONE and (self.seen_at is None or self.seen_at < since)


@dataclass(frozen=True, slots=True)
class OddLine:
    """The newest of a kind of lines that say nothing to us though they look like a refusal, or whose reply no pattern
    classes."""

    source_id: int
    why: str
    example: str
    times: int
    last_at: datetime


def sources(engine: Engine) -> tuple[SourceHealth, ...]:
    """All logs, by node and path. Raises LogBusy, LogAway."""
    columns = [_SOURCES[name] for name in SourceHealth.__dataclass_fields__]
    with asking(engine) as connection:
        rows = connection.execute(select(*columns).order_by(_SOURCES.node, _SOURCES.path))
        return tuple(SourceHealth(*row) for row in rows)


def odd_lines(engine: Engine, *, limit: int = 100) -> tuple[OddLine, ...]:
    """The newest kinds of odd lines. Raises LogBusy, LogAway."""
    columns = [_ODD[name] for name in OddLine.__dataclass_fields__]
    with asking(engine) as connection:
        rows = connection.execute(select(*columns).order_by(_ODD.last_at.desc(), _ODD.mark).limit(limit))
        return tuple(OddLine(*row) for row in rows)
