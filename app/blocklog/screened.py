"""Clients that postscreen hangs up on (`postscreen_denylist_action = drop` and its like): it logs no refusal of them.

It logs a verdict and, at once and as the next line of its process, that the line was closed. In between stands more
where the verdict only counts (`enforce`, `ignore`) or the client left, but for one that says QUIT at once. One verdict
of each process is remembered. Who is hung up on comes again, a hundred times a second: a client is a row a minute.
"""

import re
from typing import Any, NamedTuple

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Line, Peer, Refused, Screened

CLOSED = "DISCONNECT"
_VERDICT = re.compile(
    r"(?P<said>DENYLISTED|BLACKLISTED|PREGREET|DNSBL rank|NON-SMTP COMMAND|BARE NEWLINE|COMMAND PIPELINING|DISCONNECT)"
    r"(?: \d+(?: after [\d.]+)?)?(?: from| for)? \[(?P<ip>[^\]\s]+)\]:(?P<port>\d+)"
)


class _Told(NamedTuple):
    """What the client is told: postscreen's own words, which it does not log."""

    code: int
    dsn: str
    text: str
    policy: Policy


_SHUT = _Told(521, "5.3.2", "Service currently unavailable", Policy.client)
_HASTY = _Told(521, "5.5.1", "Protocol error", Policy.protocol)
_VERDICTS = {
    "DENYLISTED": _SHUT,
    "BLACKLISTED": _SHUT,  # before Postfix 3.6
    **dict.fromkeys(("PREGREET", "BARE NEWLINE", "COMMAND PIPELINING"), _HASTY),
    "NON-SMTP COMMAND": _Told(521, "5.7.0", "Error: I can break rules, too. Goodbye.", Policy.protocol),
    "DNSBL rank": _Told(521, "5.7.1", "Service unavailable", Policy.rbl),
}
AT_ONCE = 1.0  # a log's times may have no parts of a second
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
        self._last: dict[Process, tuple[str, str, float]] = {
            (node, instance, pid): (said, client, at) for node, instance, pid, said, client, at in state.get("last", [])
        }
        self._rows: dict[Client, float] = {(node, said, ip): at for node, said, ip, at in state.get("rows", [])}

    def state(self) -> dict[str, Any]:
        """For the next run."""
        last = [[*process, *verdict] for process, verdict in self._last.items()]
        return {"last": last, "rows": [[*client, at] for client, at in self._rows.items()]}

    def take(self, event: Screened, node: str) -> Refused | None:
        """One more line of a postscreen; the refusal that it turns out to be."""
        process, at = (node, event.instance, event.pid or 0), event.at.timestamp()
        last = self._last.pop(process, None)
        if event.said in _VERDICTS:
            self._last[process] = (event.said, event.client, at)
        if last is None or (event.said, event.client) != (CLOSED, last[1]) or at - last[2] > AT_ONCE:
            return None
        told, ip = _VERDICTS[last[0]], event.client.rpartition(" ")[0]
        if not self._is_new((node, last[0], ip), at):
            return None
        return Refused(
            event.at, event.instance, None, Stage.connect, Outcome.refused, told.text, peer=Peer(ip),
            code=told.code, dsn=told.dsn, policy=told.policy, pid=event.pid,
        )  # fmt: skip

    def _is_new(self, client: Client, at: float) -> bool:
        if abs(at - self._rows.get(client, 0.0)) < AGAIN:
            return False
        self._rows.pop(client, None)
        self._rows[client] = at
        if len(self._rows) > MOST:
            del self._rows[next(iter(self._rows))]  # the oldest
        return True
