"""Hops: a mail that one of our servers hands to another has two queue ids, and is one mail.

Its second lines mostly stand before the one that says under which id the next server took it; otherwise they are waited
for, a short while. What a stranger's server says leads nowhere: only relays inside are followed.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from app.blocklog.message import Arrived, Message
from app.blocklog.underway import OPEN, UnderWay

LATE = 30.0  # seconds after which a hop's lines are another mail's
PIPED = "delivered via "  # in the words of pipe(8)
_RELAY = re.compile(r"([^\s\[]*)\[([0-9A-Fa-f:.]+)\]")


class Hops(UnderWay):
    """Messages under way, and which of them are the same. `own` are names and addresses of our servers."""

    def __init__(self, own: Iterable[str] = (), state: dict[str, Any] | None = None) -> None:
        self.own = frozenset(each.lower().strip("[]") for each in own)
        super().__init__(state)

    def follow_hop(self, arrival: Arrived) -> None:
        """Where another of our servers took a message: its lines are of the same message, and tell the rest. They
        mostly stand before the one that says so; otherwise it is waited for."""
        message = arrival.message
        if arrival.hop or not arrival.next_id or message is None or not self.inside(arrival.relay):
            return
        after = self.newest(arrival.next_id, arrival.last)
        if after is None:
            arrival.awaits = True
            self.awaited.setdefault(arrival.next_id, []).append(arrival)
        elif after is not message:
            self._pass_on(arrival, message, after)

    def appeared(self, message: Message) -> None:
        """A new message: perhaps one that a hop was said to have."""
        awaited = self.awaited.pop(message.queue_id, [])
        for arrival in sorted(awaited, key=lambda each: (each.last, each.rcpt, *(each.message or message).key)):
            if not arrival.awaits or arrival.next_id != message.queue_id or arrival.message is None:
                continue  # another line told more of it
            arrival.awaits = False
            if abs(message.begun - arrival.last) <= LATE:
                self._pass_on(arrival, arrival.message, message)

    def _pass_on(self, arrival: Arrived, message: Message, after: Message) -> None:
        if after.sender is not None and after.sender != message.sender and after.message_id != message.message_id:
            return
        self._hop(arrival, message, after)

    def handed_back(self, message: Message) -> None:
        """A filter behind pipe(8) hands a mail back by sendmail(1): the same Message-ID, brought by no client."""
        twins = self.twins(message)
        for before in (each for each in twins if each.opened and len(twins) > 1):
            for arrival in before.arrivals:
                if arrival.local or arrival.hop or not arrival.reply.startswith(PIPED):
                    continue
                for after in twins:
                    if not after.opened and 0 <= after.begun - before.begun <= OPEN:
                        self._hop(arrival, before, after)

    def _hop(self, arrival: Arrived, message: Message, after: Message) -> None:
        arrival.hop = True
        self.wait(arrival)
        after.ip, after.name, after.helo = message.ip, message.name, message.helo
        after.user = after.user or message.user
        if message.message_id and not after.message_id:
            after.message_id = message.message_id
            self.name(after)
        self.tell_again(after)

    def inside(self, relay: str) -> bool:
        """Whether a relay is one of ours."""
        found = _RELAY.search(relay)
        if found is None:
            return relay == "local"  # forwarded by itself
        try:
            address = ip_address(found[2])
        except ValueError:
            return False
        return address.is_loopback or address.is_private or bool({found[1].lower(), str(address)} & self.own)

    def tell_again(self, message: Message) -> None:
        """Rows that were written without what is known now."""
        for row in message.rows():
            self.wait(row)
