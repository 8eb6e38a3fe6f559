"""What became of a message in Sent, per recipient: for now what the submission server answered, as the outbox knows it.

Only messages in Sent are asked for, by primary key. While SQL is away, and once the outbox has forgotten, nothing is
shown. What the logs of mail servers say of later hops will be further words of each recipient.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.mail.message import Message
from app.outbox.errors import OutboxAway
from app.outbox.mail import Mail, State
from app.web.resources import resources
from app.web.session import Current

_SENT = (State.ACCEPTED, State.FILED, State.DONE)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient. `state`: "accepted" or "refused"; `words`: the server's own."""

    address: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All of them, and when the server answered."""

    each: tuple[Delivery, ...]
    at: datetime

    @property
    def accepted(self) -> int:
        """How many the server has taken the message for."""
        return sum(one.state == "accepted" for one in self.each)


def deliveries(me: Current, message: Message) -> Deliveries | None:
    """Those of a message in Sent; None where nothing is known (any more). Never raises."""
    name, gate = message.header.resent_message_id or message.header.message_id, resources().profile_gate
    if not name or message.section or gate.shut():
        return None
    try:
        mail = resources().post.made_of(me.account.id, name)
    except OutboxAway:
        gate.failed()
        return None
    gate.answered()
    return _told(mail) if mail is not None and mail.state in _SENT else None


def _told(mail: Mail) -> Deliveries:
    refused = {each.address: f"{each.code} {each.enhanced} {each.text}" for each in mail.refusals}
    each = tuple(
        Delivery(address, "refused", " ".join(refused[address].split()))
        if address in refused
        else Delivery(address, "accepted", mail.last_reply)
        for address in mail.letter.recipients
    )
    return Deliveries(each, datetime.fromtimestamp(mail.changed / 1000, UTC))
