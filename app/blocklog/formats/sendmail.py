"""sendmail's lines in syslog: what its rulesets and milters refused, mail that it took, and what became of it.

The sender stands in the line `from=` of the same queue id. A ruleset names the recipient that it refused and no other;
a milter that refuses the whole message names nobody.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from app.blocklog.codes import Fate, Outcome, Policy, Stage
from app.blocklog.event import Delivery, Event, Line, Peer, Refused, SignedIn, Told
from app.blocklog.formats.eximwords import ADDRESS, SENDER, ip, status

PROGRAMS = frozenset({"sm-mta", "sendmail", "sm-msp-queue"})
LONGEST = 16_384

_BEGINNING = re.compile(r"(?P<id>NOQUEUE|[0-9A-Za-z]{12,20}): ")
_RELAY = r"(?:(?P<name>[^\s\[\],]++) )?\[(?:IPv6:)?(?P<ip>[0-9A-Fa-f:.]++)\](?P<forged> \(may be forged\))?"
_RULESET = re.compile(
    rf"ruleset=(?P<set>check_\w+|[A-Z]\w+), arg1=(?:<(?P<address>{SENDER})>|[^\s,]*+)(?:, arg2=[^\s,]*+)?, "
    rf"relay={_RELAY}, (?P<verb>reject|discard|quarantine)(?:=(?P<text>.*))?"
)
_NO_USER = re.compile(rf"<(?P<address>{ADDRESS})>\.\.\. (?P<text>[^<>]{{1,200}})")
_MILTER = re.compile(
    r"Milter(?:[ \w()-]*)?: (?P<what>connect|helo|from|to|rcpt|data|header|eoh|eom|body)"
    rf"(?:=<(?P<address>{SENDER})>)?[^,]*+, (?P<verb>reject|discard|tempfail)(?:=(?P<text>.*))?"
)
_PREGREET = re.compile(rf"rejecting commands from {_RELAY} due to (?P<text>pre-greeting traffic.*)")
_FROM = re.compile(
    rf"from=<?(?P<sender>{SENDER})>?, size=(?P<size>\d+), class=-?\d+, nrcpts=(?P<count>\d+)"
    rf"(?:, msgid=(?P<msgid><{SENDER}>|[^\s,]*+))?(?:, (?:bodytype|proto|daemon)=[\w.-]+)*"
    rf"(?:, relay={_RELAY})?"
)
_TO = re.compile(rf"to=(?P<to><{ADDRESS}>(?>(?:,<{ADDRESS}>)*))(?P<rest>,.*)")
_MAILER = re.compile(r", mailer=(?P<mailer>\w+)")
_AT = re.compile(r", relay=(?P<relay>[^,]*+)")
_DSN = re.compile(r", dsn=(?P<dsn>\d\.\d{1,3}\.\d{1,3})")
_LOCAL = frozenset({"local", "cyrusv2", "procmail", "lmtp"})
_AUTH = re.compile(rf"AUTH=server, relay={_RELAY}, authid=(?P<login>[^\s,]{{1,320}}), mech=")
_ONE = re.compile(ADDRESS)
_STAGES = {
    "check_relay": Stage.connect,
    "connect": Stage.connect,
    "helo": Stage.helo,
    "check_mail": Stage.mail,
    "from": Stage.mail,
    "check_rcpt": Stage.rcpt,
    "to": Stage.rcpt,
    "rcpt": Stage.rcpt,
    "check_data": Stage.data,
}


class Reader:
    """Reads lines of sendmail, each by itself."""

    def read(self, line: Line) -> Iterable[Event]:
        """What a line tells; of most lines nothing."""
        begun = _BEGINNING.match(line.text)
        queue_id = begun["id"] if begun and begun["id"] != "NOQUEUE" else None
        rest = line.text[begun.end() if begun else 0 : LONGEST]
        refused = _refusal(line, queue_id, rest)
        if refused is not None:
            return (refused,)
        if auth := _AUTH.match(rest):
            return _auth(line, queue_id, auth)
        return _mail(line, queue_id, rest) if queue_id else ()


def _refusal(line: Line, queue_id: str | None, rest: str) -> Refused | None:
    if found := _RULESET.match(rest):
        event = _refused(line, queue_id, found["set"], found["verb"], found["text"])
        event = replace(event, peer=_peer(found))
    elif found := _MILTER.match(rest):
        event = _refused(line, queue_id, found["what"], found["verb"], found["text"])
    elif found := _PREGREET.match(rest):
        event = _refused(line, queue_id, "connect", "reject", found["text"])
        return replace(event, policy=Policy.protocol, code=554, peer=_peer(found))
    elif found := _NO_USER.match(rest):
        event = _refused(line, queue_id, "to", "reject", found["text"])
        event = replace(event, code=event.code or 550, dsn=event.dsn or "5.1.1")
    else:
        return None
    address = found["address"]
    if event.stage is Stage.mail and address is not None:
        return replace(event, sender=address)
    known = (address,) if address and event.stage is Stage.rcpt and _ONE.fullmatch(address) else ()
    return replace(event, recipients=known, whole=bool(known))


def _refused(line: Line, queue_id: str | None, what: str, verb: str, text: str | None) -> Refused:
    code, dsn = status(text or "")
    outcome = {"discard": Outcome.discarded, "quarantine": Outcome.quarantined}.get(verb, Outcome.refused)
    if verb == "tempfail" or (verb == "reject" and code is not None and code < 500):
        outcome, code = Outcome.delayed, code or 451
    stage = _STAGES.get(what, Stage.end_of_message)
    event = Refused(line.at, line.instance, queue_id, stage, outcome, text or "", code=code, dsn=dsn)
    return replace(event, pid=line.pid)


def _peer(found: re.Match[str]) -> Peer:
    """A name that its own server says and no other (may be forged) is none."""
    return Peer(ip(found["ip"]), "" if found["forged"] else found["name"] or "")


def _auth(line: Line, queue_id: str | None, found: re.Match[str]) -> Iterator[Event]:
    yield SignedIn(line.at, "smtp", found["login"], ip(found["ip"]))
    if queue_id:
        yield Told(line.at, line.instance, queue_id, line.pid, user=found["login"])


def _mail(line: Line, queue_id: str, rest: str) -> Iterator[Event]:
    if found := _FROM.match(rest):
        yield Told(
            line.at,
            line.instance,
            queue_id,
            line.pid,
            sender=found["sender"],
            peer=_peer(found) if found["ip"] else None,
            message_id=found["msgid"],
            size=int(found["size"]),
            count=int(found["count"]),
        )
    elif found := _TO.match(rest):
        yield from _delivered(line, queue_id, found["to"], found["rest"])


def _delivered(line: Line, queue_id: str, to: str, rest: str) -> Iterator[Event]:
    said, found, stat = rest.partition(", stat=")
    if not found:
        return
    fate = {"Sent": Fate.delivered, "Deferred": Fate.deferred}.get(re.split(r"\W", stat, maxsplit=1)[0], Fate.bounced)
    mailer, at, dsn = _MAILER.search(said), _AT.search(said), _DSN.search(said)
    for recipient in re.findall(ADDRESS, to):
        yield Delivery(
            line.at,
            line.instance,
            queue_id,
            recipient,
            fate,
            relay=re.sub(r"\.? \[", "[", at["relay"]) if at else "",
            dsn=dsn["dsn"] if dsn else None,
            reply=stat,
            local=fate is Fate.delivered and mailer is not None and mailer["mailer"] in _LOCAL,
        )
