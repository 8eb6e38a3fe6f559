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
AGAIN = 60.0  # seconds
MOST = 5000  # clients that are remembered so long
Process = tuple[str, str, int]  # node, instance, pid
Client = tuple[str, str, str]  # node, verdict, address


def screened(line: Line) -> Screened:
    """What a line of postscreen's is."""
    match = _VERDICT.match(line.text[:100])
    if match is None:
        return Screened(line.at, line.instance, line.pid)
    return Screened(line.at, line.instance, line.pid, match["said"], f"{match['ip']} {match['port']}")


class Screening:
    """The last verdict of each postscreen, if that was its last line, and whom a row told of."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._last: dict[Process, tuple[str, str]] = {
            (node, instance, pid): (said, client) for node, instance, pid, said, client in state.get("last", [])
        }
        self._rows: dict[Client, float] = {(node, said, ip): at for node, said, ip, at in state.get("rows", [])}

    def state(self) -> dict[str, Any]:
        """For the next run."""
        last = [[*process, *verdict] for process, verdict in self._last.items()]
        return {"last": last, "rows": [[*client, at] for client, at in self._rows.items()]}

    def take(self, event: Screened, node: str) -> Refused | None:
        """One more line of a postscreen; the refusal that it turns out to be."""
        process = (node, event.instance, event.pid or 0)
        last = self._last.pop(process, None)
        if event.said in _VERDICTS:
            self._last[process] = (event.said, event.client)
        if last is None or event.said != CLOSED or last[1] != event.client:
            return None
        told, ip = _VERDICTS[last[0]], event.client.rpartition(" ")[0]
        if not self._is_new((node, last[0], ip), event.at.timestamp()):
            return None
        return Refused(
            event.at, event.instance, None, Stage.connect, Outcome.refused, told.text, peer=Peer(ip),
            code=told.code, dsn=told.dsn, policy=told.policy, pid=event.pid,
        )  # fmt: skip

    def _is_new(self, client: Client, at: float) -> bool:
        if at - self._rows.get(client, 0.0) < AGAIN:
            return False
        self._rows.pop(client, None)
        self._rows[client] = at
        if len(self._rows) > MOST:
            del self._rows[next(iter(self._rows))]  # the oldest
        return True
