"""postgrey: what it delays and lets through. Postfix logs the same refusal again, as the client was told it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, GreylistPassed, Line, Peer, Refused

PROGRAMS = frozenset({"postgrey"})

# Without quotes a comma ends an address: none can hold what looks like the next field.
_ADDRESS = r'(?:"(?:[^"\\]|\\.)*"|[^,"\s])*'
_ACTION = re.compile(
    r"(?:[0-9A-Za-z]{5,40}: )?action=(?P<action>greylist|pass), reason=(?P<reason>[^,]*), (?:delay=\d+, )?"
    r"(?:client_name=(?P<name>[^,\s]*), )?client_address=(?P<ip>[0-9A-Fa-f:.]+)(?:/\d+)?, "
    rf"(?:sender=(?P<sender>{_ADDRESS}), )?recipient=(?P<recipient>{_ADDRESS})\Z"
)


class Reader:
    """Keeps nothing between two lines."""

    def read(self, line: Line) -> Iterable[Event]:
        """`action=greylist, reason=new, client_name=…, client_address=…, sender=…, recipient=…`."""
        match = _ACTION.match(line.text) if "action=" in line.text[:50] else None
        if match is None:
            return ()
        try:
            ip = ip_address(match["ip"]).compressed
        except ValueError:
            return ()
        if match["action"] == "greylist":
            return (_delayed(line, match, ip),)
        if match["reason"] != "triplet found":
            return ()  # it was not delayed before
        return (GreylistPassed(line.at, match["sender"] or "", match["recipient"], ip),)


def _delayed(line: Line, match: re.Match[str], ip: str) -> Refused:
    return Refused(
        line.at,
        line.instance,
        None,
        Stage.rcpt,
        Outcome.delayed,
        f"greylisted: {match['reason']}",
        recipients=(match["recipient"],),
        whole=True,
        sender=match["sender"] or "",
        peer=Peer(ip, "" if match["name"] == "unknown" else match["name"] or ""),
        policy=Policy.greylist,
        pid=line.pid,
    )
