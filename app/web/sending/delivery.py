"""What became of a message in Sent, per recipient: what the submission server answered, as the outbox knows it, and how
far the message has come since, as the block log knows it from the logs of mail servers.

Only messages in Sent are asked for, by primary key. While one of the two is away, or has forgotten, the other tells
what it knows.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from app.blocklog.codes import Fate
from app.blocklog.columns import address as parts
from app.blocklog.errors import LogError
from app.blocklog.fate import Way, ways
from app.mail.message import Message
from app.outbox.errors import OutboxAway
from app.outbox.mail import Mail, State
from app.store.connect import Gate
from app.web.blocklog import blocklog
from app.web.resources import resources
from app.web.session import Current

REST = 10.0  # seconds
_RESTS: WeakKeyDictionary[Engine, Gate] = WeakKeyDictionary()
_SENT = (State.ACCEPTED, State.FILED, State.DONE)
_STATES = {Fate.queued: "queued", Fate.deferred: "deferred", Fate.delivered: "delivered", Fate.bounced: "bounced"}
_FURTHER = {
    "bounced": ("bounced",),
    "refused": ("refused",),
    "delayed": ("deferred",),
    "on the way": ("accepted", "queued"),
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient. `state`: "refused" and "accepted" by the submission server; "queued", "deferred", "delivered" and
    "bounced" as the logs say. `words`: the last server's own; `server`: which that was, "" for a mailbox of ours."""

    address: str
    state: str
    words: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All of them, and when the last of it happened."""

    each: tuple[Delivery, ...]
    at: datetime

    def count(self, *states: str) -> int:
        """For how many it came as far as that."""
        return sum(one.state in states for one in self.each)

    @property
    def summary(self) -> str:
        """In one line: "delivered to 2 of 3, 1 bounced"."""
        total = len(self.each)
        if not self.count(*_STATES.values()):
            return f"accepted for {self.count('accepted')} of {total}"
        told = [f"delivered to {self.count('delivered')} of {total}"]
        further = ((word, self.count(*states)) for word, states in _FURTHER.items())
        return ", ".join(told + [f"{number} {word}" for word, number in further if number])


def deliveries(me: Current, message: Message) -> Deliveries | None:
    """Those of a message in Sent; None where nothing is known (any more). Never raises."""
    first, again = message.header.message_id, message.header.resent_message_id
    name = again or first
    if not name or message.section:
        return None
    answered = _answered(me, name)
    if again and first and answered is not None:
        # Sent on: mail servers may log the Message-ID alone, which other copies have as well.
        mine = {parts(one.address) for one in answered.each}
        further = {key: way for key, way in logged(me.account.id, again, first).items() if key in mine}
    else:
        further = logged(me.account.id, name)
    if not further:
        return answered
    at = max([each.changed_at for each in further.values()] + ([answered.at] if answered else []))
    told = [_came(one, further.pop(parts(one.address), None)) for one in (answered.each if answered else ())]
    return Deliveries((*told, *(_came(Delivery(each.rcpt, "", ""), each) for each in further.values())), at)


def _answered(me: Current, name: str) -> Deliveries | None:
    """What the submission server answered."""
    gate = resources().profile_gate
    if gate.shut():
        return None
    try:
        mail = resources().post.made_of(me.account.id, name)
    except OutboxAway:
        gate.failed()
        return None
    gate.answered()
    return _told(mail) if mail is not None and mail.state in _SENT else None


def logged(account_id: str, *names: str) -> dict[tuple[str, str], Way]:
    """How far it has come, by recipient; nothing while the log is away or slow: after one message that waited for it,
    those that are opened next do not."""
    rest = _RESTS.setdefault(resources().blocklog, Gate(REST))
    if rest.shut():
        return {}
    try:
        with blocklog() as engine:
            found = {parts(each.rcpt): each for each in ways(engine, account_id, *names)}
    except LogError:
        rest.failed()
        return {}
    rest.answered()
    return found


def _came(one: Delivery, way: Way | None) -> Delivery:
    if way is None or one.state == "refused":
        return one
    name = way.server.partition("[")[0] or way.server.strip("[]").partition("]")[0]
    return replace(one, state=_STATES[way.fate], words=way.reply or one.words, server=name)


def _told(mail: Mail) -> Deliveries:
    refused = {each.address: f"{each.code} {each.enhanced} {each.text}" for each in mail.refusals}
    each = tuple(
        Delivery(address, "refused", " ".join(refused[address].split()))
        if address in refused
        else Delivery(address, "accepted", mail.last_reply)
        for address in mail.letter.recipients
    )
    return Deliveries(each, datetime.fromtimestamp(mail.changed / 1000, UTC))
