"""Clients that postscreen hangs up on (`postscreen_denylist_action = drop` and its like): it logs no refusal of them.

It logs a verdict and, as the very next line of its process, that the line was closed; in between stands something where
the verdict only counts (`enforce`, `ignore`) or where the client left. One verdict of each process is remembered.
"""

import re
from typing import Any, NamedTuple

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Line, Peer, Refused, Screened

CLOSED = "DISCONNECT"
_VERDICT = re.compile(
    r"(?P<said>DENYLISTED|BLACKLISTED|PREGREET|DNSBL rank|DISCONNECT)(?: \d+(?: after [\d.]+ from| for))? "
    r"\[(?P<ip>[^\]\s]+)\]:(?P<port>\d+)"
)


class _Told(NamedTuple):
    """What the client is told: postscreen's own words, which it does not log."""

    code: int
    dsn: str
    text: str
    policy: Policy


_SHUT = _Told(521, "5.3.2", "Service currently unavailable", Policy.client)
_VERDICTS = {
    "DENYLISTED": _SHUT,
    "BLACKLISTED": _SHUT,  # before Postfix 3.6
    "PREGREET": _Told(521, "5.5.1", "Protocol error", Policy.protocol),
    "DNSBL rank": _Told(521, "5.7.1", "Service unavailable", Policy.rbl),
}
Process = tuple[str, str, int]  # node, instance, pid


def screened(line: Line) -> Screened:
    """What a line of postscreen's is."""
    match = _VERDICT.match(line.text[:100])
    if match is None:
        return Screened(line.at, line.instance, line.pid)
    return Screened(line.at, line.instance, line.pid, match["said"], f"{match['ip']} {match['port']}")


class Screening:
    """The last verdict of each postscreen, if that was its last line."""

    def __init__(self, state: list[Any]) -> None:
        self._last: dict[Process, tuple[str, str]] = {(each[0], each[1], each[2]): (each[3], each[4]) for each in state}

    def state(self) -> list[Any]:
        """For the next run."""
        return [[*process, *verdict] for process, verdict in self._last.items()]

    def take(self, event: Screened, node: str) -> Refused | None:
        """One more line of a postscreen; the refusal that it turns out to be."""
        process = (node, event.instance, event.pid or 0)
        last = self._last.pop(process, None)
        if event.said in _VERDICTS:
            self._last[process] = (event.said, event.client)
        if last is None or event.said != CLOSED or last[1] != event.client:
            return None
        told, ip = _VERDICTS[last[0]], event.client.rpartition(" ")[0]
        return Refused(
            event.at, event.instance, None, Stage.connect, Outcome.refused, told.text, peer=Peer(ip),
            code=told.code, dsn=told.dsn, policy=told.policy, pid=event.pid,
        )  # fmt: skip
