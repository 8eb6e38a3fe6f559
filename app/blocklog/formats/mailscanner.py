"""MailScanner's lines in syslog: what it called spam or infected, and what it did with that.

They name the recipient's domain only. The recipients come from the lines of the mail server, whose queue id stands in
MailScanner's (`4A1B2C.A1234`); without those lines nobody is named.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Line, Peer, Refused, Told
from app.blocklog.formats.eximwords import ID, QUOTED, ip

PROGRAMS = frozenset({"MailScanner"})
LONGEST = 16_384

_ID = rf"(?P<id>{ID}|[0-9A-Za-z]{{5,20}})(?:\.[0-9A-Fa-f]{{5}})?"
_SPAM = re.compile(
    rf"Message {_ID} from (?P<ip>[0-9A-Fa-f:.]++) \((?P<sender>(?:{QUOTED})?[^()\s\"]*+)\) to \S+ is spam\b"
)
_ACTIONS = re.compile(
    rf"(?:High[- ]?scoring )?(?:spam|MCP) actions: message {_ID} actions are (?P<actions>[\w@., -]+)", re.IGNORECASE
)
_INFECTED = re.compile(rf"Infected message {_ID} came from (?P<ip>[0-9A-Fa-f:.]+)")


class Reader:
    """Reads lines of MailScanner, each by itself."""

    def read(self, line: Line) -> Iterable[Event]:
        """What a line tells; of most lines nothing."""
        text = line.text[:LONGEST]
        if found := _ACTIONS.match(text):
            outcome = _outcome(found["actions"])
            return (_stopped(line, found["id"], outcome, Policy.spam, "spam"),) if outcome else ()
        if found := _INFECTED.match(text):
            event = _stopped(line, found["id"], Outcome.dropped, Policy.virus, "infected")
            return (replace(event, peer=Peer(ip(found["ip"]))),)
        if found := _SPAM.match(text):
            return (Told(line.at, line.instance, found["id"], sender=found["sender"], peer=Peer(ip(found["ip"]))),)
        return ()


def _stopped(line: Line, queue_id: str, outcome: Outcome, policy: Policy, text: str) -> Refused:
    return Refused(
        line.at,
        line.instance,
        None,
        Stage.after_acceptance,
        outcome,
        text,
        policy=policy,
        partner=queue_id,
        stored=f"mailscanner:{queue_id}" if outcome is Outcome.quarantined else None,
    )


def _outcome(actions: str) -> Outcome | None:
    """What the recipient notices of a list such as `store,header`. Delivered without a mark is no block."""
    words = {word for word in re.split(r"[\s,]+", actions.lower()) if word}
    if "deliver" in words:
        return Outcome.junked if words & {"header", "attachment", "striphtml"} else None
    if any(word.startswith("store") for word in words):
        return Outcome.quarantined
    return Outcome.dropped if "delete" in words else None
