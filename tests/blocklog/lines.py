"""Lines as a follower hands them to the readers of formats."""

from __future__ import annotations

from datetime import UTC, datetime

from app.blocklog.event import Event, Line

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)


def line(text: str, program: str = "exim", *, instance: str = "", pid: int | None = None) -> Line:
    return Line(AT, "mx", program, instance or program, pid, text)


def recipients(events: list[Event]) -> set[str]:
    """Everybody whom any event names as somebody that mail went to, in lower case."""
    found: set[str] = set()
    for event in events:
        found |= set(getattr(event, "recipients", ()))
        found |= {each for name in ("recipient", "original") if (each := getattr(event, name, None))}
    return {each.lower() for each in found}
