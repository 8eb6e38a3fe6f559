"""clamsmtpd: one line a message, with the virus. Postfix says only that the filter took the message."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Line, Refused

PROGRAMS = frozenset({"clamsmtpd"})

_ADDRESS = r'(?:"(?:[^"\\]|\\.)*"|[^,"\s])*'
_VIRUS = re.compile(
    rf"[0-9A-Fa-f]{{1,12}}: from=(?P<sender>{_ADDRESS})(?P<to>(?:, to={_ADDRESS})+), status=VIRUS:(?P<virus>\S+)"
)
_TO = re.compile(rf", to=(?P<address>{_ADDRESS})")


class Reader:
    """Keeps nothing between two lines."""

    def read(self, line: Line) -> Iterable[Event]:
        """`100007: from=…, to=…, status=VIRUS:…`; other results stop nothing."""
        match = _VIRUS.match(line.text[:16_384]) if ", status=VIRUS:" in line.text else None
        if match is None:
            return ()
        refused = Refused(
            line.at,
            line.instance,
            None,
            Stage.after_acceptance,
            Outcome.dropped,
            f"Virus: {match['virus']}",
            recipients=tuple(found["address"] for found in _TO.finditer(match["to"])),
            whole=True,
            sender=match["sender"],
            policy=Policy.virus,
            detail=match["virus"][:80],
            pid=line.pid,
        )
        return (refused,)
