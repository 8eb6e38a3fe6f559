"""Two lines of the same refusal become one: whose text is better, who knows the policy, how sure the recipients are."""

from dataclasses import replace

from app.blocklog.codes import Known, Policy, Stage
from app.blocklog.event import Refused
from app.blocklog.message import Message, Stopped

AFTER_DATA = (Stage.data, Stage.end_of_message, Stage.after_acceptance)  # a refusal of all recipients
_VAGUE = (Policy.other, Policy.internal)
_FILLED = ("code", "dsn", "score", "detail", "subject", "message_id", "stored", "sender", "rule")
NEAR = 10.0  # seconds by which lines of several logs are out of order, at most
LooseKey = tuple[str, str, str]


def stopped(event: Refused, source: int, policy: Policy, detail: str | None) -> Stopped:
    """A refusal, for no recipient yet. A reply with its code is the better text; a partner's is none."""
    return Stopped(
        event.at.timestamp(),
        source,
        "",
        policy,
        event.outcome,
        event.stage,
        event.text,
        weight=0 if event.partner else 3 if event.code else 2 if event.dsn else 1,
        code=event.code,
        dsn=event.dsn,
        score=event.score,
        detail=detail,
        subject=event.subject,
        message_id=event.message_id,
        stored=event.stored,
        queue_id=event.partner or event.queue_id,
        sender=None if event.sender is None else event.sender.lower(),
        ip=event.peer.ip,
        name=event.peer.name,
        helo=event.peer.helo,
        rule=event.rule,
        kinds=[f"{source}:{event.instance}"],
    )


def copy(stop: Stopped, rcpt: str, *, named: bool) -> Stopped:
    """The same refusal for a recipient."""
    return replace(stop, rcpt=rcpt, named=named, kinds=list(stop.kinds), written=[], waiting=False)


def loose_key(stop: Stopped) -> LooseKey:
    """What two lines without a message must have in common to be of the same refusal."""
    return (stop.ip, stop.sender or "", stop.rcpt)


def near(known: list[Stopped], at: float) -> list[Stopped]:
    """Those of about that time, in their order: of a flood a minute is remembered, and all of it was looked through for
    each that came (4 ms a line)."""
    first = len(known)
    while first and at - known[first - 1].at <= NEAR:
        first -= 1
    return known[first:]


def merge(known: Stopped, stop: Stopped) -> None:
    """What another line tells of the same refusal."""
    if stop.weight > known.weight:
        known.text, known.weight, known.code, known.dsn = stop.text, stop.weight, stop.code, stop.dsn
        known.outcome = stop.outcome
    if stop.stage == Stage.after_acceptance:
        known.stage, known.outcome = stop.stage, stop.outcome
    if _rank(stop.policy) > _rank(known.policy):
        known.policy, known.detail = stop.policy, stop.detail or known.detail
    for name in _FILLED:
        if getattr(known, name) is None:
            setattr(known, name, getattr(stop, name))
    known.ip, known.name, known.helo = known.ip or stop.ip, known.name or stop.name, known.helo or stop.helo
    known.kinds += [each for each in stop.kinds if each not in known.kinds]


def _rank(policy: int) -> int:
    """How much a policy says: a filter's "spam" less than a reply that names a virus or a forged sender."""
    return 0 if policy in _VAGUE else 1 if policy == Policy.spam else 2


def sure(message: Message, stop: Stopped) -> Known:
    """How sure the recipient of a mail that was refused as a whole is."""
    if not message.complete:
        return Known.others_unknown
    return Known.certain if stop.named else Known.joined
