"""policyd-spf: its own lines name no recipient, and Postfix logs each of its refusals with the same words. Nothing is
taken from them, or each would stand in the block log twice."""

from collections.abc import Iterable

from app.blocklog.event import Event, Line

PROGRAMS = frozenset({"policyd-spf", "python-policyd-spf"})


class Reader:
    """Passes over all lines."""

    def read(self, line: Line) -> Iterable[Event]:
        """Nothing."""
        return ()
