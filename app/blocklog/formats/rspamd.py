"""Rspamd: the line of its task log, with all recipients, the score and what counted most (3.4's own format and others).

Message-ID, options of symbols and the addresses of To and Cc are a stranger's text, on both sides of what counts. It is
read from the beginning without a gap, and a line that has its end twice is not believed. Addresses stand without the
quotes of their local parts: a list in which one is not plain is no list.

A rule of Postern's (config/rspamd) is a symbol with more points than any other, so that it stands first: behind another
symbol's options it would be a stranger's word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Line, Odd, Peer, Refused
from app.blocklog.formats.eximwords import rule_number
from app.blocklog.formats.fields import DENIED

PROGRAMS = frozenset({"rspamd", "rspamd_proxy", "normal", "worker"})
LONGEST = 65_536
SHOWN = 3  # symbols
OUTCOMES = {
    "reject": Outcome.refused,
    "soft reject": Outcome.delayed,
    "greylist": Outcome.delayed,
    "add header": Outcome.junked,
    "rewrite subject": Outcome.junked,
    "discard": Outcome.discarded,
    "quarantine": Outcome.quarantined,
}

_HEAD = re.compile(
    r"rspamd_task_write_log: id: <(?P<id>\S*)>,(?: qid: <(?P<queue_id>[0-9A-Za-z-]{1,40})>,)?"
    r"(?: ip: (?P<ip>[0-9A-Fa-f:.]+),)?(?: user: [^\s,]+,)?(?: from: <(?P<sender>[^<>\s]*)>,)?\s*"
    r"(?:\([\w-]+: ?[A-Z]? ?)?\((?P<action>[a-z ]+)\): \[(?P<score>-?[\d.]+)/-?[\d.]+\] \["
)
_END = re.compile(
    r"\]\)?,\s*len: \d+, time: [^,]*(?:, [^,]* virtual)?(?:, dns req: \d+)?(?:,\s*digest: <[0-9a-f]+>)?"
    r"(?:, rcpts: <(?P<to>[^<>]*)>)?"
)
_PLAIN = re.compile(r"[^\s<>\",@\\]+@[\w.:\[\]-]+")
_SYMBOL = re.compile(r"(?P<name>[A-Z][A-Z0-9_]{2,60})\((?P<score>-?[\d.]+)\)(?:\{(?P<options>[^{}]{0,200})\})?")
_RULE = re.compile(r"POSTERN_DENY\([\d.]+\)(?:\{(?P<rule>\d{1,9});?\})?[,\]]", re.ASCII)


class Reader:
    """Keeps nothing between two lines."""

    def read(self, line: Line) -> Iterable[Event]:
        """`id: <…>, qid: <…>, ip: …, from: <…>, (default: T (reject): [18.5/15.0] […]), len: …, rcpts: <…>`."""
        text = line.text[:LONGEST]
        at = text.find("rspamd_task_write_log: id: <", 0, 120)
        if at < 0:
            return ()
        head = _HEAD.match(text, at)
        ends = list(_END.finditer(text, head.end() - 1)) if head else []
        if head is None or len(ends) != 1:
            return (Odd(text, "a verdict that cannot be read"),)
        outcome = OUTCOMES.get(head["action"])
        return (_refused(line, head, ends[0], outcome),) if outcome else ()


def _refused(line: Line, head: re.Match[str], end: re.Match[str], outcome: Outcome) -> Refused:
    recipients = _recipients(end["to"] or "")
    policy, detail = _class(head["action"], line.text[head.end() : end.start()])
    denied = _RULE.match(line.text, head.end()) if outcome is Outcome.refused else None
    rule = rule_number(denied["rule"] or "") if denied else None
    if denied:
        policy, detail = Policy.rule, None
    return Refused(
        line.at,
        line.instance,
        None,
        Stage.end_of_message,
        outcome,
        f"{DENIED} [rule {rule}]" if rule else f"{head['action']}: {head['score']}",
        recipients=recipients,
        whole=bool(recipients),
        sender=head["sender"],
        peer=Peer(_ip(head["ip"] or "")),
        policy=policy,
        detail=detail,
        score=None if denied else float(head["score"]),
        message_id=f"<{head['id']}>" if head["id"] not in ("", "undef") else None,
        partner=head["queue_id"],
        pid=line.pid,
        rule=rule,
    )


def _recipients(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    return found if all(_PLAIN.fullmatch(each) for each in found) else ()


def _class(action: str, text: str) -> tuple[Policy, str | None]:
    """The policy and what counted most."""
    symbols = sorted(_SYMBOL.finditer(text), key=lambda match: -float(match["score"]))
    for match in symbols:
        if "VIRUS" in match["name"] or match["name"].startswith("CLAM"):
            return Policy.virus, ((match["options"] or "").split(";")[0] or match["name"])[:80]
    if action in ("greylist", "soft reject"):
        return (Policy.rate, None) if any("RATELIMIT" in each["name"] for each in symbols) else (Policy.greylist, None)
    top = [match["name"] for match in symbols[:SHOWN] if float(match["score"]) > 0]
    return Policy.spam, ", ".join(top)[:80] or None


def _ip(text: str) -> str:
    try:
        return ip_address(text).compressed
    except ValueError:
        return ""
