"""What Postfix' delivery agents log of a message and one recipient, and what our own mailbox server would not take."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.blocklog.classify import masked, recognise
from app.blocklog.codes import Fate, Outcome, Policy, Stage
from app.blocklog.event import Delivery, Event, Line, Refused
from app.blocklog.formats.ending import ADDRESS, LONGEST
from app.blocklog.formats.fields import ID, queue

# Services of pipe(8) that put mail into a mailbox; others are filters that hand it back.
MAILBOX_PIPES = frozenset({"dovecot", "maildrop", "cyrus", "procmail", "deliver"})
FATES = {
    "sent": Fate.delivered,
    "deferred": Fate.deferred,
    "SOFTBOUNCE": Fate.deferred,
    "bounced": Fate.bounced,
    "expired": Fate.bounced,
}  # others are of probes, which are no mail: deliverable, undeliverable

_DELIVERY = re.compile(
    rf"{ID}: to=<(?P<to>{ADDRESS})>, (?:orig_to=<(?P<original>{ADDRESS})>, )?relay=(?P<relay>[^,]*), "
    r"(?:conn_use=\d+, )?delay=[^,]*, (?:delays=[^,]*, )?(?:dsn=(?P<dsn>[\d.]+), )?status=(?P<status>\w+)"
    r"(?: \((?P<reply>.*))?",
    re.DOTALL,
)
_SAID = re.compile(r" said: (?P<code>[45]\d\d)[ -](?:[45]\.\d+\.\d+ )?(?P<text>.*)", re.DOTALL)
_IN_REPLY_TO = re.compile(r" \(in reply to [^()]*\)\Z")
_QUEUED_AS = re.compile(r"(?:queued|forwarded) as ([0-9A-Za-z]{5,40})\)*\Z")
_THROWN_AWAY = re.compile(r"250 2\.7\.0 Ok, discarded|;? discarded email|discards mail", re.IGNORECASE)


def delivery(line: Line) -> Iterable[Event]:
    """`QID: to=<…>, orig_to=<…>, relay=…, delay=…, dsn=…, status=sent (…)`."""
    match = _DELIVERY.match(line.text[:LONGEST])
    fate = FATES.get(match["status"]) if match else None
    if match is None or fate is None:
        return ()
    reply, relay = (match["reply"] or "").removesuffix(")"), match["relay"]
    gone = fate is Fate.delivered and (line.program == "discard" or bool(_THROWN_AWAY.search(reply)))
    following = _QUEUED_AS.search(reply) if fate is Fate.delivered else None
    local = _into_mailbox(line.program, relay)
    done = Delivery(
        line.at,
        queue(line),
        match["id"],
        match["to"],
        fate,
        original=match["original"] or None,
        relay="" if relay == "none" else relay,
        dsn=match["dsn"],
        reply=masked(reply),
        next_id=following[1] if following else None,
        discarded=gone,
        local=local and fate is Fate.delivered and not following and not gone,
    )
    failed = _failed(line, done) if local and fate is not Fate.delivered else None
    return (done, failed) if failed else (done,)


def _failed(line: Line, delivery: Delivery) -> Refused | None:
    """What our own mailbox server would not take: for good, or for now as the mailbox is full."""
    said = _SAID.search(delivery.reply)
    text, code = (_IN_REPLY_TO.sub("", said["text"]), int(said["code"])) if said else (delivery.reply, None)
    known = recognise(text, code=code, dsn=delivery.dsn)
    if delivery.fate is Fate.deferred and (known is None or known[0] is not Policy.quota):
        return None
    return Refused(
        line.at,
        delivery.instance,
        delivery.queue_id,
        Stage.after_acceptance,
        Outcome.refused if delivery.fate is Fate.bounced else Outcome.delayed,
        text,
        recipients=(delivery.original or delivery.recipient,),
        code=code,
        dsn=delivery.dsn,
        pid=line.pid,
    )


def _into_mailbox(program: str, relay: str) -> bool:
    return program in ("lmtp", "local", "virtual") or (program == "pipe" and relay in MAILBOX_PIPES)
