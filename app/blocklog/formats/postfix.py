"""Postfix: what its programs log of a message that is refused, accepted, delivered (checked with 3.7).

All programs of one Postfix share a queue, whatever the name of a port ("postfix/submission/smtpd"): the instance is the
first part of the name. Lines that tell nothing are most of a log; they are passed over by their first letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.header import decode_header, make_header
from functools import lru_cache

from app.blocklog.classify import masked, recognise
from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Ended, Event, Line, Odd, Peer, Refused, SignedIn, Told, Visit
from app.blocklog.formats.delivery import delivery
from app.blocklog.formats.ending import ADDRESS, LONGEST, Ending, content_ending, ending, mime_ending
from app.blocklog.formats.fields import CLIENT, ID, Reply, begins, own_rule, peer_of, queue, queue_id, reply_of
from app.blocklog.screened import screened

AGENTS = ("smtp", "lmtp", "local", "virtual", "pipe", "error", "retry", "discard", "relay", "bounce")
PROGRAMS = frozenset({"smtpd", "cleanup", "postscreen", "qmgr", "nqmgr", "oqmgr", *AGENTS})
STAGES = {
    "CONNECT": Stage.connect,
    "HELO": Stage.helo,
    "EHLO": Stage.helo,
    "MAIL": Stage.mail,
    "RCPT": Stage.rcpt,
    "DATA": Stage.data,
    "BDAT": Stage.data,
    "END-OF-MESSAGE": Stage.end_of_message,
}
# "reject_warning", "warn", "filter", "redirect", "prepend" and others stop nothing.
STOPS: dict[str, Outcome] = {
    "reject": Outcome.refused,
    "milter-reject": Outcome.refused,
    "proxy-reject": Outcome.refused,
    "hangup": Outcome.refused,
    "discard": Outcome.discarded,
    "milter-discard": Outcome.discarded,
    "hold": Outcome.held,
    "milter-hold": Outcome.held,
}
NOTHING: tuple[Event, ...] = ()

_ACTION = re.compile(rf"{ID}: (?P<action>[a-z_-]+): (?P<stage>[A-Z-]+) from {CLIENT}: (?P<rest>.*)", re.DOTALL)
_CHECK = re.compile(rf"{ID}: (?P<action>[a-z-]+): (?P<kind>header|body|mime-error) (?P<rest>.*)", re.DOTALL)
_ORIGIN = re.compile(rf"(?P<content>.*) from (?:{CLIENT}|local|unknown)\Z", re.DOTALL)
_ACCEPTED = re.compile(rf"{ID}: client={CLIENT}(?P<rest>.*)", re.DOTALL)
_ORIGINAL = re.compile(rf", orig_client={CLIENT}")
_USER = re.compile(r", sasl_username=([^\s,]+)")
_MESSAGE_ID = re.compile(rf"{ID}: (?:resent-)?message-id=(?P<value>\S.{{0,998}})\Z")
_QUEUED = re.compile(rf"{ID}: from=<(?P<sender>{ADDRESS})>, size=(?P<size>\d+), nrcpt=(?P<count>\d+) ")
_VISIT = re.compile(rf"disconnect from {CLIENT}(?P<counts>(?: [a-z]+=[\d/]+)*)\Z")
_LIMIT = re.compile(rf"warning: (?P<text>(?P<what>[\w ]+) (?:rate|concurrency) limit exceeded: \d+) from {CLIENT} ")
_TOO_BIG = re.compile(rf"warning: {ID}: queue file size limit exceeded")


class Reader:
    """Keeps nothing between two lines."""

    def read(self, line: Line) -> Iterable[Event]:
        """What a line of a Postfix program tells."""
        text = line.text
        if line.program == "smtpd":
            return _smtpd(line)
        if line.program == "cleanup":
            return _cleanup(line)
        if line.program == "postscreen":
            return (screened(line), *(_stopped(line) if text.startswith("NOQUEUE: ") else NOTHING))
        if line.program.endswith("qmgr"):
            return _qmgr(line)
        return delivery(line) if begins(text, "to=<") else NOTHING


def _smtpd(line: Line) -> Iterable[Event]:
    text = line.text
    if text.startswith(("connect ", "lost ", "timeout ", "SSL_", "Anonymous ", "Untrusted ", "Trusted ")):
        return NOTHING
    if text.startswith("disconnect "):
        return _visit(line)
    if text.startswith("warning: "):
        return _limit(line) if " limit exceeded" in text[:90] else NOTHING
    if begins(text, "client="):
        return _accepted(line)
    if begins(text, "to=<"):
        return delivery(line)
    return _stopped(line) if " from " in text[:90] else NOTHING


def _cleanup(line: Line) -> Iterable[Event]:
    text = line.text
    if begins(text, "message-id=", "resent-message-id="):
        match = _MESSAGE_ID.match(text)
        return (Told(line.at, queue(line), match["id"], message_id=match["value"].strip()),) if match else NOTHING
    if begins(text, "to=<"):
        return delivery(line)
    if match := _CHECK.match(text[:LONGEST]):
        return _checked(line, match)
    return _stopped(line)


def _qmgr(line: Line) -> Iterable[Event]:
    text = line.text
    if text.endswith(": removed"):
        return (Ended(line.at, queue(line), text[:-9]),)
    if match := _QUEUED.match(text):
        return (
            Told(
                line.at,
                queue(line),
                match["id"],
                sender=match["sender"],
                size=int(match["size"]),
                count=int(match["count"]),
            ),
        )
    return delivery(line) if begins(text, "to=<") else NOTHING


def _stopped(line: Line) -> Iterable[Event]:
    """`QID: reject: RCPT from name[ip]: 550 5.1.1 …; from=<…> to=<…> proto=ESMTP helo=<…>`, and its relatives."""
    match = _ACTION.match(line.text[:LONGEST])
    if match is None:
        return NOTHING
    action = match["action"]
    if action in ("info", "permit"):
        return _recipient(line, match)
    if action not in STOPS:
        return NOTHING
    end = ending(match["rest"])
    if end is None:
        if match["stage"] == "CONNECT":  # postscreen says no more
            end = Ending(match["rest"])
        else:
            return (Odd(line.text[:LONGEST], "a refusal without its end"),)
    return (_refused(line, match, end),)


def _refused(line: Line, match: re.Match[str], end: Ending) -> Refused:
    reply, stage = reply_of(end.before), STAGES.get(match["stage"], Stage.unknown)
    by_smtpd = line.program == "smtpd" and not match["action"].startswith("milter")
    own = by_smtpd and match["action"] == "reject" and reply.text.endswith("]")
    rule = own_rule(reply.text, end.recipient) if own else None
    return Refused(
        line.at,
        queue(line),
        queue_id(match),
        stage,
        _outcome(match["action"], reply),
        masked(reply.text),
        recipients=(end.recipient,) if end.recipient else (),
        # smtpd names a recipient behind DATA only where the message has one.
        whole=by_smtpd and stage > Stage.rcpt and end.recipient is not None,
        sender=end.sender,
        peer=peer_of(match, end.helo, proven=not end.signed_in),
        code=reply.code,
        dsn=reply.dsn,
        policy=Policy.rule if rule else _policy_of_action(match["action"], reply),
        pid=line.pid,
        rule=rule,
    )


def _recipient(line: Line, match: re.Match[str]) -> Iterable[Event]:
    """One more that was accepted; queue id "" before the message has one: joined by the process."""
    end = ending(match["rest"]) if match["stage"] == "RCPT" else None
    if end is None or end.recipient is None:
        return NOTHING
    told = Told(
        line.at,
        queue(line),
        queue_id(match) or "",
        pid=line.pid,
        sender=end.sender,
        recipient=end.recipient,
        peer=peer_of(match, end.helo, proven=not end.signed_in),
    )
    return (told,)


def _checked(line: Line, match: re.Match[str]) -> Iterable[Event]:
    """header_checks and body_checks: the message's own text, the envelope, the reply."""
    kind, rest = match["kind"], match["rest"]
    end = mime_ending(rest) if kind == "mime-error" else content_ending(rest)
    if end is None:
        if match["action"] not in STOPS or " from local; " in rest:  # handed in on the machine itself
            return NOTHING
        return (Odd(line.text[:LONGEST], "a refusal without its end"),)
    origin = _ORIGIN.match(end.before)
    content = origin["content"] if origin else end.before
    subject = _subject(content) if kind == "header" else None
    peer = peer_of(origin, end.helo) if origin and origin["ip"] else Peer(helo=end.helo)
    if match["action"] not in STOPS:
        return (Told(line.at, queue(line), match["id"], subject=subject),) if subject else NOTHING
    reply = reply_of(end.reply)
    if kind == "mime-error":  # smtpd answers with these words
        reply = Reply(550, "5.6.0", content.partition(": ")[0])
    refused = Refused(
        line.at,
        queue(line),
        match["id"],
        Stage.end_of_message,
        _outcome(match["action"], reply),
        masked(reply.text) or content[:60],
        recipients=(end.recipient,) if end.recipient not in (None, "unknown") else (),
        sender=end.sender,
        peer=peer,
        code=reply.code or _usual_code(match["action"], reply),
        dsn=reply.dsn,
        policy=_policy_of_check(kind, content),
        subject=subject,
        pid=line.pid,
    )
    return (refused,)


def _accepted(line: Line) -> Iterable[Event]:
    match = _ACCEPTED.match(line.text[:LONGEST])
    if match is None:
        return NOTHING
    user = _USER.match(match["rest"]) or _USER.search(match["rest"])
    peer = peer_of(_ORIGINAL.search(match["rest"]) or match)
    told = Told(line.at, queue(line), match["id"], pid=line.pid, peer=peer, user=user[1] if user else None)
    return (told, SignedIn(line.at, "smtp", user[1], peer.ip)) if user else (told,)


def _visit(line: Line) -> Iterable[Event]:
    match = _VISIT.match(line.text[:LONGEST])
    if match is None or match["ip"].startswith("127.") or match["ip"] in ("::1", "unknown"):
        return NOTHING
    counts = _commands(match["counts"])
    if counts.get("auth", (0, 0))[0]:
        return NOTHING  # somebody of ours
    return (_counted(line, match, counts),)


@lru_cache(maxsize=256)  # most visits are alike
def _commands(text: str) -> Mapping[str, tuple[int, int]]:
    """How often a client gave each command: taken, and in all."""
    counts = {}
    for word in text.split():
        name, _, number = word.partition("=")
        good, _, all_ = number.partition("/")
        counts[name] = (int(good or 0), int(all_ or good or 0))
    return counts


def _counted(line: Line, match: re.Match[str], counts: Mapping[str, tuple[int, int]]) -> Visit:
    none = (0, 0)
    rcpt, mail = counts.get("rcpt", none), counts.get("mail", none)
    return Visit(
        line.at,
        peer_of(match).ip,
        connections=1,
        reverse_ok=int(match["name"] not in ("", "unknown")),
        helo_ok=int(counts.get("ehlo", none)[0] + counts.get("helo", none)[0] > 0),
        quit=counts.get("quit", none)[0],
        bad_from=mail[1] - mail[0],
        bad_rcpt=rcpt[1] - rcpt[0],
        ok_rcpt=rcpt[0],
    )


def _limit(line: Line) -> Iterable[Event]:
    """anvil's limits: Postfix logs no refusal, only this."""
    match = _LIMIT.match(line.text[:LONGEST])
    if match is None:
        return _too_big(line)
    what = match["what"].lower()
    stage = Stage.rcpt if what.startswith("recip") else Stage.mail if what.startswith("mess") else Stage.connect
    refused = Refused(
        line.at,
        queue(line),
        None,
        stage,
        Outcome.delayed,
        match["text"],
        peer=peer_of(match),
        code=421 if stage is Stage.connect else 450,
        dsn="4.7.0" if stage is Stage.connect else "4.7.1",
        policy=Policy.rate,
        pid=line.pid,
    )
    return (refused,)


def _too_big(line: Line) -> Iterable[Event]:
    """More than message_size_limit, found while it was read: the only line of it."""
    match = _TOO_BIG.match(line.text)
    if match is None:
        return NOTHING
    text, stage = "Error: message file too big", Stage.end_of_message
    refused = Refused(
        line.at,
        queue(line),
        match["id"],
        stage,
        Outcome.refused,
        text,
        code=552,
        dsn="5.3.4",
        policy=Policy.size,
    )
    return (refused,)


def _outcome(action: str, reply: Reply) -> Outcome:
    if STOPS[action] is not Outcome.refused:
        return STOPS[action]
    digit = str(reply.code or reply.dsn or 5)[0]
    return Outcome.delayed if digit == "4" else Outcome.refused


def _usual_code(action: str, reply: Reply) -> int | None:
    """What smtpd answers for a header or body check; cleanup logs the enhanced code only."""
    if STOPS[action] is not Outcome.refused:
        return None
    return 451 if (reply.dsn or "5").startswith("4") else 550


def _policy_of_action(action: str, reply: Reply) -> Policy | None:
    """DISCARD and HOLD of an access table are a rule where their text says nothing else."""
    if action not in ("discard", "hold"):
        return None
    return None if recognise(reply.text, code=None, dsn=None) else Policy.rule


def _policy_of_check(kind: str, content: str) -> Policy:
    if kind == "body":
        return Policy.body
    name = content.partition(":")[0].lower()
    if kind == "mime-error":
        return Policy.header if "header" in name else Policy.mime
    return Policy.mime if name in ("content-type", "content-disposition") else Policy.header


def _subject(content: str) -> str | None:
    name, colon, value = content.partition(":")
    if not colon or name.lower() != "subject":
        return None
    try:
        return str(make_header(decode_header(value.strip())))
    except (ValueError, LookupError):  # an encoded word of a stranger
        return value.strip()
