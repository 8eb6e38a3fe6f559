"""Exim's mainlog and rejectlog (and both in syslog): refusals here, mail that it took and delivered in eximmail.py.

A refusal names its recipient at RCPT only. After DATA they are in our ACLs' tag (config/exim/blocklog-acl.conf), in the
record of the rejectlog (five at most), or nowhere. Lines without an id stand in both logs: the mainlog's counts.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from email.header import decode_header, make_header

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Allowed, Event, Line, Odd, Peer, Refused, Told, Visit
from app.blocklog.formats import eximmail
from app.blocklog.formats.eximwords import (
    ADDRESS,
    FIELDS,
    HOST,
    ID,
    QUOTED,
    SENDER,
    fields,
    last_list,
    peer,
    status,
    tag,
)

PROGRAMS = frozenset({"exim", "exim4", "exim-reject"})
_PROCESSES = 500  # whose last refusal is remembered
_UNCUT = 700  # characters that no syslog cuts; Exim itself does at 870
LONGEST = 16_384  # characters of a line that are looked at; Exim's own buffer holds 8,192

# 2026-11-22 06:47:20.668 +0000 [11998] 1xV1M8-00037A-1N, or of these what the follower left.
_BEGINNING = re.compile(
    r"(?:\[1[/\\]\d+\] )?(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? )?(?:[+-]\d{4} )?(?:\[(?P<pid>\d+)\] )?"
    rf"(?:(?P<id>{ID}) )?"
)
# A further piece of what syslog got in several: `/` where a long line was cut, `\` where a line of a record ended.
# A stranger's header may stand at its beginning.
_PIECE = re.compile(r"\[(?!1[/\\])\d+[/\\]\d+\] ")
_CUT = re.compile(r"\[1/\d+\] ")
_OVERFLOW = "**** log string overflowed log buffer ****"
_FROM = rf"(?:{FIELDS} F=(?:<(?P<sender>{SENDER})>|(?P<bare>[^\s<>]*+)))?{FIELDS}"
_REFUSAL = re.compile(
    rf"(?:{HOST}{_FROM} )?(?P<soft>temporarily )?rejected "
    r"(?P<what>RCPT|MAIL|EHLO or HELO|after DATA|DATA|by local_scan\(\)|"
    r'during MIME ACL checks|connection in "connect" ACL|[A-Z]{2,12}(?= ))'
)
_DISCARDED = re.compile(
    rf"{HOST}{_FROM} (?:RCPT|MAIL) <(?P<rcpt>{ADDRESS})>: discarded by (?P<acl>RCPT|MAIL) ACL(?:: (?P<text>.*))?"
)
_NAMED = re.compile(rf" (?:<(?P<address>{ADDRESS})>|(?P<bare>{ADDRESS}))(?=: |$)")
_AGAIN = re.compile(r" (?:rejected RCPT|RCPT) [^:]{0,400}+:")
_TOO_BIG = re.compile(rf"rejected (?:MAIL FROM:|from )<(?P<sender>{SENDER})> {HOST}{FIELDS}: (?P<text>.*)")
_SYNTAX = re.compile(rf"rejected (?P<what>[A-Z]{{4,8}}) from {HOST}{FIELDS}: (?P<text>.*)")
_MANY = re.compile(rf"too many recipients: (?P<text>[\w ]*+): sender=<(?P<sender>{SENDER})> {HOST}{FIELDS}")
_REFUSED = re.compile(rf"(?:refused connection from|Connection from|SMTP call from) {HOST}{FIELDS} ?(?P<text>.*)")
_SYNCHRONISED = re.compile(rf"SMTP protocol synchronization error \((?P<text>[^)]*+)\): rejected {QUOTED} {HOST}")
_SA = re.compile(
    r"SA: Action: (?P<action>silently tossed|permanently rejected|temporarily rejected) message: "
    r"score=(?P<score>-?\d+(?:\.\d+)?)(?P<rest>.*)"
)
_SA_ENDS = re.compile(rf"From <(?P<sender>{SENDER})> \(host=(?P<name>[^\s()]*+) \[(?P<ip>[0-9A-Fa-f:.]++)\]\) for .*")
_CLOSED = re.compile(rf"SMTP connection from {HOST}{FIELDS} (?P<how>closed by QUIT|lost|closed by DROP)")
_ALLOWED = re.compile(r"allowed by rule (\d{1,9})", re.ASCII)  # config/exim/postern-acl.conf
_LOOKS_REFUSED = re.compile(r"\b(?:rejected|refused|discarded|tossed)\b")
_TELLING = ("ejected", "efused", "iscarded", "ossed", "SMTP c", "dropped")  # most lines have none of them
_HARMLESS = (
    "SMTP error from",
    "incomplete transaction",
    "SMTP data timeout",
    "sender verify",
    "unqualified ",
    "Warning:",
    "no IP",
)

STAGES = {
    "RCPT": Stage.rcpt,
    "MAIL": Stage.mail,
    "EHLO or HELO": Stage.helo,
    "EHLO": Stage.helo,
    "HELO": Stage.helo,
    "DATA": Stage.data,
    'connection in "connect" ACL': Stage.connect,
    "after DATA": Stage.end_of_message,
    "during MIME ACL checks": Stage.end_of_message,
    "by local_scan()": Stage.end_of_message,
}
_AFTER_DATA = frozenset({Stage.data, Stage.end_of_message})  # where $recipients is defined
_TOSSED = {
    "silently tossed": Outcome.discarded,
    "permanently rejected": Outcome.refused,
    "temporarily rejected": Outcome.delayed,
}


class Reader:
    """Reads lines of Exim, each by itself. Remembered is what syslog has twice: each refusal (syslog_duplication)."""

    def __init__(self) -> None:
        self._last: dict[int | None, str] = {}

    def read(self, line: Line) -> Iterable[Event]:
        """What a line tells; of most lines nothing."""
        text, newline, record = line.text.partition("\n")
        if _PIECE.match(text) or self._again(line, text):
            return ()
        begun = _BEGINNING.match(text)
        assert begun is not None  # every part of it may be missing
        rest = text[begun.end() : LONGEST]
        pid = int(begun["pid"]) if begun["pid"] else line.pid
        if newline or line.program == "exim-reject":
            return _of_record(line, begun["id"], pid, rest, record)
        if begun["id"] and rest[2:3] == " " and rest[:2] in eximmail.SYMBOLS or rest == "Completed":
            return eximmail.read(line, begun["id"] or "", pid, rest)
        return _of_line(line, begun["id"], pid, rest)

    def _again(self, line: Line, text: str) -> bool:
        """In syslog, where Exim writes its own time as well: the second of two equal lines of one process."""
        if text[:2] != "20" or "ected" not in text and "carded" not in text:
            return False
        if self._last.pop(line.pid, None) == text:
            return True
        if len(self._last) > _PROCESSES:
            self._last.clear()
        self._last[line.pid] = text
        return False


def _of_line(line: Line, queue_id: str | None, pid: int | None, rest: str) -> Iterator[Event]:
    if allowed := _ALLOWED.fullmatch(rest):  # no line of a stranger's making begins so
        yield Allowed(line.at, int(allowed[1]))
        return
    if not any(word in rest for word in _TELLING):
        return
    refused = _refusal(line, queue_id, rest)
    if refused is not None:
        yield replace(refused, pid=pid)
        yield from _visit(refused)
    elif closed := _CLOSED.match(rest):
        quitted = closed["how"] == "closed by QUIT"
        yield Visit(line.at, peer(closed).ip, connections=1, reverse_ok=bool(closed["name"]), quit=quitted)
    elif _LOOKS_REFUSED.search(rest) and not any(word in rest for word in _HARMLESS):
        yield Odd(line.text, "a refusal of Exim's in no known form")


def _visit(refused: Refused) -> Iterator[Event]:
    if refused.peer.ip and refused.stage in (Stage.rcpt, Stage.mail):
        rcpt = refused.stage is Stage.rcpt
        yield Visit(refused.at, refused.peer.ip, bad_rcpt=int(rcpt), bad_from=int(not rcpt))


def _refusal(line: Line, queue_id: str | None, rest: str) -> Refused | None:
    for expression, make in _FORMS:
        found = expression.match(rest)
        if found is not None:
            return make(line, queue_id, rest, found)
    return None


def _by_acl(line: Line, queue_id: str | None, rest: str, found: re.Match[str]) -> Refused:
    """`rejected RCPT <…>: …` and its like. Where the words could be read in a second way, as a HELO that may hold
    anything or a remote reply could want it, nobody is named, nor whose server it was."""
    stage = STAGES.get(found["what"], Stage.unknown)
    argument = rest[found.end() :]
    named = _NAMED.match(argument) if stage in (Stage.rcpt, Stage.mail) else None
    start = named.end() if named else 0
    reason = argument[start:].partition(": ")[2]
    recipient = (named["address"] or named["bare"]) if named and stage is Stage.rcpt else None
    if recipient and _AGAIN.search(reason):
        recipient = None
    sender = found["bare"] if found["sender"] is None else found["sender"]
    if sender is None and named and stage is Stage.mail:
        sender = named["address"] or named["bare"]
    event = _refused(line, queue_id, stage, reason, soft=bool(found["soft"]), sender=sender)
    if _imitated(line, found):
        return replace(event, recipients=(), sender=None)
    known = event.recipients if stage in _AFTER_DATA else (recipient,) if recipient else ()
    return replace(event, recipients=known, whole=bool(known), peer=_peer(found))


def _refused(
    line: Line, queue_id: str | None, stage: Stage, reason: str, *, soft: bool = False, sender: str | None = None
) -> Refused:
    said, words = tag(reason)
    code, dsn = status(words)
    outcome = Outcome.delayed if soft else Outcome.refused
    return Refused(
        line.at,
        line.instance,
        queue_id,
        stage,
        outcome,
        words,
        said.recipients,
        sender=sender,
        code=said.code or code or (451 if soft else 550),
        dsn=dsn,
        policy=said.policy,
        detail=said.detail,
        score=said.score,
        rule=said.rule,
    )


def _imitated(line: Line, found: re.Match[str]) -> bool:
    """Whether a HELO may have made up all that was read: where helo_accept_junk_hosts lets it hold anything, Exim's own
    end of it and the real address stand behind, or were cut off."""
    text = found.string
    behind = text[found.end("ip") if found["ip"] else 0 :]
    return ") [" in behind or text.endswith(_OVERFLOW) or bool(_CUT.match(line.text))


def _peer(found: re.Match[str]) -> Peer:
    if not found["ip"]:
        return Peer()
    signed_in = "A" in fields(found.string[: found.end()])
    return replace(peer(found), proven=not signed_in and len(found.string) <= _UNCUT)


def _discarded(line: Line, queue_id: str | None, _rest: str, found: re.Match[str]) -> Refused:
    stage = Stage.rcpt if found["acl"] == "RCPT" else Stage.mail
    event = _refused(line, queue_id, stage, found["text"] or "", sender=found["sender"])
    if _imitated(line, found):
        return replace(event, outcome=Outcome.discarded, code=None, dsn=None, recipients=(), sender=None)
    doubtful = _AGAIN.search(found["text"] or "")
    known = () if doubtful else (found["rcpt"],)
    return replace(
        event, outcome=Outcome.discarded, code=None, dsn=None, recipients=known, whole=bool(known), peer=peer(found)
    )


def _too_big(line: Line, queue_id: str | None, rest: str, found: re.Match[str]) -> Refused:
    """Refused by Exim itself: by SIZE at MAIL, while reading, or for a header that it cannot read."""
    stage = Stage.mail if rest.startswith("rejected MAIL") else Stage.end_of_message
    event = _refused(line, queue_id, stage, found["text"], sender=found["sender"])
    if found["text"].startswith("message too big"):
        event = replace(event, policy=Policy.size, code=552)
    return replace(event, recipients=(), peer=peer(found))


def _syntax(line: Line, queue_id: str | None, _rest: str, found: re.Match[str]) -> Refused:
    stage = STAGES.get(found["what"], Stage.unknown)
    known = stage is Stage.helo
    event = _refused(line, queue_id, stage, found["text"])
    policy = Policy.helo if known else Policy.protocol
    return replace(event, policy=policy, code=501 if known else 503, recipients=(), peer=peer(found))


def _many(line: Line, queue_id: str | None, _rest: str, found: re.Match[str]) -> Refused:
    event = _refused(
        line, queue_id, Stage.rcpt, f"too many recipients: {found['text']}", soft=True, sender=found["sender"]
    )
    return replace(event, policy=Policy.protocol, code=452, recipients=(), peer=peer(found))


def _connection(line: Line, queue_id: str | None, rest: str, found: re.Match[str]) -> Refused | None:
    text = found["text"]
    if rest.startswith("SMTP call") and not text.startswith("dropped"):
        return None
    policy = Policy.rate if "too many connections" in text else Policy.client
    if rest.startswith("SMTP call"):
        policy = Policy.protocol
    soft = policy is Policy.rate
    event = _refused(line, queue_id, Stage.connect, text or rest.split(" from ")[0], soft=soft)
    return replace(event, policy=policy, code=421 if soft else 554, recipients=(), peer=peer(found))


def _synchronised(line: Line, queue_id: str | None, _rest: str, found: re.Match[str]) -> Refused:
    event = _refused(line, queue_id, Stage.unknown, f"SMTP synchronization error ({found['text']})")
    return replace(event, policy=Policy.protocol, code=554, peer=peer(found))


def _sa_exim(line: Line, queue_id: str | None, rest: str, found: re.Match[str]) -> Refused:
    """SA-Exim's own line. A Message-ID stands in the middle of it: only what ends the line is believed."""
    at = rest.rfind(" From <")
    ends = _SA_ENDS.fullmatch(rest, at + 1) if at >= 0 else None
    outcome = _TOSSED[found["action"]]
    event = _refused(line, queue_id, Stage.end_of_message, f"{found['action']}: score {found['score']}")
    known = last_list(rest) if ends else ()
    return replace(
        event,
        outcome=outcome,
        code={Outcome.refused: 550, Outcome.delayed: 451}.get(outcome),
        policy=Policy.spam,
        score=float(found["score"]),
        recipients=known,
        whole=bool(known),
        sender=ends["sender"] if ends else None,
        peer=Peer(ends["ip"], "" if ends["name"] == "NULL" else ends["name"]) if ends else Peer(),
    )


_Make = Callable[[Line, str | None, str, re.Match[str]], Refused | None]
_FORMS: tuple[tuple[re.Pattern[str], _Make], ...] = (
    (_TOO_BIG, _too_big),
    (_SYNTAX, _syntax),
    (_REFUSAL, _by_acl),
    (_DISCARDED, _discarded),
    (_MANY, _many),
    (_SYNCHRONISED, _synchronised),
    (_REFUSED, _connection),
    (_SA, _sa_exim),
)


def _of_record(line: Line, queue_id: str | None, pid: int | None, rest: str, record: str) -> Iterator[Event]:
    """A record of the rejectlog adds the recipients (not all where `...` ends them), the subject and the Message-ID.
    Fields of the message stand behind a letter and a space, so that a stranger's cannot begin a line like ours."""
    refused = _refusal(line, queue_id, rest) if queue_id else None
    if refused is None or queue_id is None:
        return
    listed = re.match(rf"(?:Envelope-from: [^\n]*\n)?Envelope-to: ((?>(?: *<{ADDRESS}>\n?)+))(    \.\.\.)?", record)
    known = tuple(re.findall(ADDRESS, listed[1])) if listed else ()
    more = bool(listed and listed[2])
    if len(known) >= len(refused.recipients):
        refused = replace(refused, recipients=known, whole=bool(known) and not more)
        if more:  # so that nobody takes five for all
            yield Told(line.at, line.instance, queue_id, pid, count=len(known) + 1)
    yield replace(
        refused,
        pid=pid,
        subject=_field("  Subject", record),
        message_id=_field("I Message-ID", record),
    )


def _field(name: str, record: str) -> str | None:
    found = re.search(rf"^{name}: ?((?>[^\n]*(?:\n[ \t](?! \S+:)[^\n]*)*))", record, re.MULTILINE | re.IGNORECASE)
    if found is None:
        return None
    raw = " ".join(found[1].split())[:1000]
    try:
        return str(make_header(decode_header(raw)))
    except (ValueError, LookupError, UnicodeError):  # a charset that nobody knows, base64 that is none
        return raw
