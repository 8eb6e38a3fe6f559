"""What the filter learnt of mail that somebody marked: their latest messages, those that went alike together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.blocklog.codes import Lesson
from app.blocklog.errors import LogError
from app.blocklog.learnt import Taught, lately
from app.web.blocklog import blocklog
from app.web.format import Zone, in_zone
from app.web.lists.whose import Whose

LATEST = 20
WORDS = {
    Lesson.learnt: "learnt as {kind}",
    Lesson.known: "known as {kind} already",
    Lesson.refused: "not learnt as {kind}, with too little text or nothing that the filter learns from",
    Lesson.failed: "not learnt as {kind}, as the filter did not answer",
}


@dataclass(frozen=True)
class Lot:
    """Messages of one day and sender that went alike. `sender`: "" where it is not known."""

    at: datetime
    count: int
    sender: str
    spam: bool
    lesson: Lesson

    @property
    def words(self) -> str:
        """How it went."""
        return WORDS[self.lesson].format(kind="spam" if self.spam else "good mail")


def mine(its: Whose) -> list[Lot] | None:
    """The signed-in person's own; None while the log cannot be asked. Never raises."""
    try:
        with blocklog() as engine:
            return lots(lately(engine, its.me.account.id, LATEST), its.me.zone)
    except LogError:
        return None


def lots(rows: Iterable[Taught], zone: Zone) -> list[Lot]:
    """Newest first; each as late as its newest message."""
    found: dict[Any, Lot] = {}
    for row in rows:
        key = (in_zone(row.at, zone).date(), row.sender, row.spam, row.lesson)
        before = found.get(key)
        count = before.count + 1 if before else 1
        found[key] = Lot(before.at if before else row.at, count, row.sender, row.spam, row.lesson)
    return list(found.values())
