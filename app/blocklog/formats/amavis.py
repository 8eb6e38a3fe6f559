"""amavis: what it thinks of a message, for all of its recipients, and where it keeps it (the templates of 2.13).

A name of an attachment stands before the envelope, Message-ID and Subject behind it, and each may be a copy of one. A
line with two envelopes is believed in nothing.
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
_VERDICT = re.compile(
    r"\([\w-]{3,20}\) (?P<verb>Passed|Blocked) (?P<kind>[A-Z]+(?:-HEADER)?)(?:-[A-Z0-9]+)?(?: \((?P<names>.*)\))? "
    r"\{(?P<actions>[A-Za-z,]*)\}, (?:[\w/ -]{1,60} )?"
    r"(?:\[(?P<hop>[0-9A-Fa-f:.]+)\](?::\d+)? )?(?:\[(?P<ip>[0-9A-Fa-f:.]+)\] )?(?:[\w/.]+ )?"
    rf"<(?P<sender>{_ADDRESS})> -> (?P<to><{_ADDRESS}>(?:,<{_ADDRESS}>)*)(?=,)",
    re.DOTALL,
)
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
        if text.count("> -> <") != 1:
            return (Odd(text, "no envelope in a verdict, or two"),)
        match = _VERDICT.match(text)
        if match is None or (match["names"] and not text.endswith(" ms")):  # cut, maybe inside a name
            return (Odd(text, "a verdict that cannot be read"),)
        outcome = _outcome(match["verb"], match["actions"])
        return (_refused(line, match, outcome),) if outcome else ()


def _refused(line: Line, verdict: re.Match[str], outcome: Outcome) -> Refused:
    rest = line.text[verdict.end() : LONGEST]
    kept = _QUARANTINE.match(rest)
    rest = rest[kept.end() :] if kept else rest
    queue_id = _QUEUE_ID.match(rest)
    rest = rest[queue_id.end() :] if queue_id else rest
    message_id = _MESSAGE_ID.match(rest)
    assert message_id is not None  # it may be empty
    score = _SCORE.match(rest, message_id.end())
    names = (verdict["names"] or "")[:80]
    return Refused(
        line.at,
        line.instance,
        None,
        Stage.end_of_message if "Rejected" in verdict["actions"] else Stage.after_acceptance,
        outcome,
        verdict["kind"] + (f" ({names})" if names else ""),
        recipients=tuple(each["address"] for each in _TO.finditer(verdict["to"])),
        whole=True,
        sender=verdict["sender"],
        peer=Peer(_ip(verdict["ip"] or verdict["hop"] or "")),
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
