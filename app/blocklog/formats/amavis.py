"""amavis: what it thinks of a message, for all of its recipients, and where it keeps it (the templates of 2.13).

A name of an attachment stands before the envelope and a Subject may stand behind it, and each may be a copy of one. Of
several the last is believed, if nothing follows that a stranger wrote; else none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Line, Odd, Peer, Refused

PROGRAMS = frozenset({"amavis", "amavisd", "amavisd-new"})
LONGEST = 16_384
POLICIES = {
    "INFECTED": Policy.virus,
    "BANNED": Policy.mime,
    "SPAM": Policy.spam,
    "SPAMMY": Policy.spam,
    "BAD-HEADER": Policy.header,
    "OVERSIZED": Policy.size,
}

_ADDRESS = r'(?:"(?:[^"\\]|\\.)*"|[^<>"\s])*'
_VERDICT = re.compile(r"\([\w-]{3,20}\) (?P<verb>Passed|Blocked) (?P<kind>[A-Z]+(?:-HEADER)?)(?:-[A-Z0-9]+)? ")
_ENVELOPE = re.compile(
    r"\{(?P<actions>[A-Za-z,]*)\}, (?:[\w/ -]{1,60} )?"
    r"(?:\[(?P<hop>[0-9A-Fa-f:.]+)\](?::\d+)? )?(?:\[(?P<ip>[0-9A-Fa-f:.]+)\] )?(?:[\w/.]+ )?"
    rf"<(?P<sender>{_ADDRESS})> -> (?P<to><{_ADDRESS}>(?:,<{_ADDRESS}>)*)(?=,)"
)
_REST = re.compile(
    r"(?:, quarantine: [^\s,]+)?(?:, Queue-ID: \w+)?(?:, (?:Resent-)?Message-ID: <[^<>\s]*>)*(?:, mail_id: [\w+-]+)?"
    r", Hits: [\d.+-]+, size: \d+(?:, pt: \d+)?(?:, queued_as: [\w/]+)?, \d+ ms\Z"
)
# A line of its own for each recipient follows, and tells no more.
_EACH = re.compile(r", (?:queued_as: \w+, )?L/[^/\s]*/[^/\s]*/[^/\s]*\Z")
_TO = re.compile(rf"<(?P<address>{_ADDRESS})>")
_QUARANTINE = re.compile(r", quarantine: (?P<value>[^\s,]+)")
_QUEUE_ID = re.compile(r", Queue-ID: (?P<value>[0-9A-Za-z]{5,40})(?=,)")
_MESSAGE_ID = re.compile(r"(?:, (?:Resent-)?Message-ID: (?P<value><[^<>\s]*>)(?=,))?")
_SCORE = re.compile(r"(?:, mail_id: (?P<id>[\w+-]+))?(?:, b: [\w-]+)?, Hits: (?P<score>-?[\d.]+)?")


class Reader:
    """Keeps nothing between two lines."""

    def read(self, line: Line) -> Iterable[Event]:
        """`(1-2) Blocked SPAM {DiscardedInbound,Quarantined}, [hop]:port [client] <from> -> <to>,<to>, …`."""
        text = line.text[:LONGEST]
        if ") Blocked " not in text[:40] and not (") Passed " in text[:40] and ") Passed CLEAN" not in text[:40]):
            return ()
        if _EACH.search(text):
            return ()
        verdict, envelope = _VERDICT.match(text), _envelope(text)
        if verdict is None or envelope is None:
            return (Odd(text, "a verdict without an envelope, or with two"),)
        outcome = _outcome(verdict["verb"], envelope["actions"])
        return (_refused(line, verdict, envelope, outcome),) if outcome else ()


def _envelope(text: str) -> re.Match[str] | None:
    found = list(_ENVELOPE.finditer(text))
    if not found:
        return None
    several, named = text.count("> -> <") > 1, ") {" in text[: found[-1].end()]
    if several and not _REST.match(text, found[-1].end()):
        return None
    return None if named and not text.endswith(" ms") else found[-1]  # cut, maybe inside a name


def _refused(line: Line, verdict: re.Match[str], envelope: re.Match[str], outcome: Outcome) -> Refused:
    rest = line.text[envelope.end() : LONGEST]
    kept = _QUARANTINE.match(rest)
    rest = rest[kept.end() :] if kept else rest
    queue_id = _QUEUE_ID.match(rest)
    rest = rest[queue_id.end() :] if queue_id else rest
    message_id = _MESSAGE_ID.match(rest)
    assert message_id is not None  # it may be empty
    score = _SCORE.match(rest, message_id.end())
    names = line.text[verdict.end() : envelope.start()].strip()[1:-1][:80]
    return Refused(
        line.at,
        line.instance,
        None,
        Stage.end_of_message if "Rejected" in envelope["actions"] else Stage.after_acceptance,
        outcome,
        verdict["kind"] + (f" ({names})" if names else ""),
        recipients=tuple(each["address"] for each in _TO.finditer(envelope["to"])),
        whole=True,
        sender=envelope["sender"],
        peer=Peer(_ip(envelope["ip"] or envelope["hop"] or "")),
        policy=POLICIES.get(verdict["kind"], Policy.other),
        detail=names or None,
        score=float(score["score"]) if score and score["score"] else None,
        message_id=message_id["value"],
        stored=_stored(outcome, score, kept),
        partner=queue_id["value"] if queue_id else None,
        pid=line.pid,
    )


def _outcome(verb: str, actions: str) -> Outcome | None:
    """None: it was delivered as it is."""
    if verb == "Passed":
        return Outcome.junked if "Tagged" in actions else None
    if "Quarantined" in actions:
        return Outcome.quarantined
    return Outcome.refused if "Bounced" in actions or "Rejected" in actions else Outcome.dropped


def _stored(outcome: Outcome, score: re.Match[str] | None, kept: re.Match[str] | None) -> str | None:
    if outcome is not Outcome.quarantined:
        return None
    name = (score["id"] if score else None) or (kept["value"] if kept else None)
    return f"amavis:{name}"[:160] if name else None


def _ip(text: str) -> str:
    try:
        return ip_address(text).compressed
    except ValueError:
        return ""
