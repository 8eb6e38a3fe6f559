"""Mail that Exim took (`<=`) and what became of it (`=>`, `**`, `==`, `Completed`), from its mainlog.

`(=` is mail that was taken while its sender was told otherwise (fakereject): delivered like any other. Discarded by an
ACL after DATA, all of its recipients are; by one at RCPT, the lines of that ACL have told it.
"""

import re
from collections.abc import Iterator

from app.blocklog.codes import Fate, Outcome, Stage
from app.blocklog.event import Delivery, Ended, Event, Line, Odd, Peer, Refused, SignedIn, Told, Visit
from app.blocklog.formats.eximwords import (
    ADDRESS,
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

SYMBOLS = frozenset({"<=", "(=", "=>", "->", ">>", "*>", "**", "=="})

_ARRIVED = re.compile(rf"(?:<>|(?P<sender>{SENDER}))(?= )(?: (?P<fields>.*))?")
_ADDRESS = re.compile(ADDRESS)
_HOST = re.compile(rf"H={HOST[6:]}")
_BLACKHOLE = re.compile(r"blackhole \((?P<acl>[A-Z-]+) ACL discarded recipients\)(?:: (?P<text>.*))?")
_TOP = rf"<(?P<top>{ADDRESS}|[^\s<>\"]++)>"
_TO = re.compile(rf"(?P<to>:blackhole:|{ADDRESS}|[^<>()\s:=]++)(?>(?: \([^()]*+\))*)(?: {_TOP})?(?P<rest>(?: |:|$).*)")
# A file, a command, or the local part of a mailbox, as it is: with spaces and without its quotes.
_INTO = re.compile(rf"(?P<to>[^<>]*+)(?<= ){_TOP}(?P<rest>(?: .*)?)")
_FIELDS = re.compile(
    rf"(?>(?: (?:[A-Za-z]++=(?:{QUOTED}|<{SENDER}>|[^\s\"<>]*+)|\[[0-9A-Fa-f:.]++\](?::\d++)?|K|L|DS|PRDR))*)"
)
_WHY = re.compile(
    rf"(?P<fields>(?>(?: (?:[A-Za-z]++=(?:{QUOTED}|<{SENDER}>|(?>(?:[^\s\":]++(?::(?! ))?)*))"
    r"|\[[0-9A-Fa-f:.]++\](?::\d++)?|defer \(-?\d+\)))*)): (?P<text>.*)"
)
_RELAY = re.compile(r" H=(?P<name>[^\s\[\]]++)? ?\[(?P<ip>[0-9A-Fa-f:.]++)\](?::(?P<port>\d++))?")
_QUEUED = re.compile(rf"queued as (?P<other>[A-Za-z0-9]{{5,20}})\b|\bid=(?P<exim>{ID})")
_ANSWERING = "postern_away"  # the transport of config/exim that answers mail, which lies in its mailbox besides
_CODES = re.compile(r"(?:^|: )(?:[245]\d\d)[ -](?P<dsn>[245]\.\d{1,3}\.\d{1,3})?")


def read(line: Line, queue_id: str, pid: int | None, rest: str) -> Iterator[Event]:
    """The events of a line that has an id and one of SYMBOLS or `Completed` behind it."""
    symbol, text = rest[:2], rest[3:]
    if symbol in ("<=", "(="):
        yield from _arrived(line, queue_id, pid, text)
    elif symbol == "*>":  # -N: nothing was sent
        return
    elif found := _BLACKHOLE.fullmatch(text):
        yield from _thrown_away(line, queue_id, pid, found)
    elif symbol in SYMBOLS:
        yield from _delivered(line, queue_id, symbol, text)
    elif queue_id:
        yield Ended(line.at, line.instance, queue_id)


def _arrived(line: Line, queue_id: str, pid: int | None, text: str) -> Iterator[Event]:
    found = _ARRIVED.match(text)
    if not found:
        return
    rest = f" {found['fields'] or ''}"
    host, said = _HOST.search(rest), fields(rest)
    client = peer(host) if host else Peer()
    user = said.get("A", "").partition(":")[2] or None
    recipients = last_list(text)
    yield Told(
        line.at,
        line.instance,
        queue_id,
        pid,
        sender=found["sender"] or "",
        peer=client,
        user=user,
        message_id=f"<{said['id']}>" if said.get("id") else None,
        subject=said.get("T"),
        size=int(said["S"]) if said.get("S", "").isdecimal() else None,
        count=len(recipients) or None,
    )
    for recipient in recipients:
        yield Told(line.at, line.instance, queue_id, pid, recipient=recipient)
    if client.ip and recipients:
        yield Visit(line.at, client.ip, ok_rcpt=len(recipients))
    if user:
        yield SignedIn(line.at, "smtp", user, client.ip)


def _thrown_away(line: Line, queue_id: str, pid: int | None, found: re.Match[str]) -> Iterator[Event]:
    if found["acl"] in ("RCPT", "MAIL"):
        return
    said, words = tag(found["text"] or "")
    yield Refused(
        line.at,
        line.instance,
        queue_id,
        Stage.end_of_message,
        Outcome.discarded,
        words,
        said.recipients,
        whole=bool(said.recipients),
        policy=said.policy,
        detail=said.detail,
        score=said.score,
        pid=pid,
        rule=said.rule,
    )


def _delivered(line: Line, queue_id: str, symbol: str, text: str) -> Iterator[Event]:
    found = _to(symbol, text)
    if not found:
        yield Odd(line.text, "a delivery of Exim's in no known form")
        return
    to, top, rest = found["to"].rstrip(), found["top"], found["rest"]
    # A local part that holds an @ stands without its quotes, too: it looks like an address.
    named = _ADDRESS.fullmatch(to) and not (top or "").startswith('"')
    recipient = to if named else top or to
    fate = {"**": Fate.bounced, "==": Fate.deferred}.get(symbol, Fate.delivered)
    if fate is Fate.delivered:
        said = fields(rest)
        reply = said.get("C", "")
        extra, transport = rest, said.get("T", "")
    else:
        why = _WHY.fullmatch(rest)
        reply, extra = (why["text"], why["fields"]) if why else (rest.lstrip(" :"), "")
        transport = fields(extra).get("T", "")
    if transport == _ANSWERING:
        return
    yield Delivery(
        line.at,
        line.instance,
        queue_id,
        recipient,
        fate,
        original=top if top != recipient else None,
        relay=_relay(extra),
        dsn=_dsn(reply),
        reply=reply,
        next_id=_next(reply) if fate is Fate.delivered else None,
        discarded=to == ":blackhole:",
        local=fate is Fate.delivered and to != ":blackhole:" and (not _relay(extra) or "lmtp" in transport.lower()),
    )


def _to(symbol: str, text: str) -> re.Match[str] | None:
    """Whom a line names. A local part could hold an address of another and fields behind it: the true one follows then,
    which is no field, and nobody is named. (It repeats that local part with its quotes escaped, and no field can hold
    such a quote that did not begin with a plain one.)"""
    if symbol in ("**", "=="):
        return _TO.fullmatch(text)
    found = _TO.fullmatch(text)
    if found is None or not (found["top"] or _ADDRESS.fullmatch(found["to"])):
        found = _INTO.fullmatch(text)
    return found if found and _FIELDS.fullmatch(found["rest"]) else None


def _relay(text: str) -> str:
    found = _RELAY.search(text)
    if not found:
        return ""
    port = f":{found['port']}" if found["port"] else ""
    return f"{found['name'] or ''}[{found['ip']}]{port}"


def _dsn(reply: str) -> str | None:
    found = _CODES.search(reply)
    return found["dsn"] if found else status(reply)[1]


def _next(reply: str) -> str | None:
    found = _QUEUED.search(reply)
    return (found["other"] or found["exim"]) if found else None
