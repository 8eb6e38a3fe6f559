"""The messages that are under way in some logs, by node, instance and queue id: found, kept for a time, remembered.

What is kept is bounded in time and number, and goes as JSON beside the position of its logs.
"""

import time
from typing import Any

from app.blocklog.codes import Fate
from app.blocklog.event import Refused
from app.blocklog.merge import LooseKey, loose_key
from app.blocklog.message import Arrived, Message, Row, Stopped, message_of, packed, unpacked
from app.blocklog.screened import Screening

MOST = 20_000  # messages
# Recipients of all of them, and refusals without a message: 3 MB of state, in a second, and under what MariaDB takes at
# once. Somebody's 1,100 mails to 500 who do not answer would be more than that for days.
MOST_ROWS, MOST_LOOSE = 100_000, 20_000
TWINS = 8  # messages of one Message-ID
LOOSE = 60.0  # seconds for which a refusal without a message is known
ENDED, REFUSED, OPEN, DEFERRED = 60.0, 300.0, 3600.0, 5 * 86400.0
Key = tuple[str, str, str]


class UnderWay:
    """What is known of messages, and the rows that wait to be written."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self.messages: dict[Key, Message] = {}
        self.latest: dict[str, list[Key]] = {}  # by queue id, the newest last
        self.named: dict[str, list[Key]] = {}  # by Message-ID
        self.awaited: dict[str, list[Arrived]] = {}  # by the queue id under which another server said to have it
        self.loose: dict[LooseKey, list[Stopped]] = {}
        self.early: dict[tuple[str, str, int], list[Any]] = {}  # recipients told before their message had an id
        self.past: list[Message] = []  # whose id is used again, though rows of theirs wait
        self.waiting: list[Row] = []
        self.clock = 0.0  # the time of the last line
        self.read = time.monotonic()  # when it was read
        self._load(state or {})

    def state(self) -> dict[str, Any]:
        """All that is known, for the next run."""
        self.forget()
        return {
            "clock": self.clock,
            "messages": [packed(each) for each in self.messages.values()],
            "past": [packed(each) for each in self.past],
            "loose": [packed(each) for stops in self.loose.values() for each in stops],
            "screened": self.screening.state(),
            "early": [[*key, value] for key, value in self.early.items()],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self.clock = state.get("clock", 0.0)
        for found in state.get("messages", []):
            message = message_of(found)
            self._keep(message)
            self._expect(message)
        self.past = [message_of(each) for each in state.get("past", [])]
        for message in self.past:
            self._expect(message)
        for found in state.get("loose", []):
            stop = unpacked(Stopped, found)
            self.loose.setdefault(loose_key(stop), []).append(stop)
            self.waiting += [stop] if stop.waiting else []
        self.early = {(node, instance, pid): value for node, instance, pid, value in state.get("early", [])}
        self.screening = Screening(state.get("screened", {}))
        self.waiting.sort(key=lambda each: each.at)

    def _expect(self, message: Message) -> None:
        """What is still to come of a message that is remembered."""
        for each in message.arrivals:
            if each.next_id and each.awaits:  # never what a stranger's server said
                self.awaited.setdefault(each.next_id, []).append(each)
        self.waiting += [each for each in message.rows() if each.waiting]

    def _keep(self, message: Message) -> None:
        self.messages[message.key] = message
        self.latest.setdefault(message.queue_id, []).append(message.key)
        if message.message_id:
            self.name(message)

    def name(self, message: Message) -> None:
        """A message whose Message-ID is told."""
        keys = self.named.setdefault(message.message_id or "", [])
        keys[:] = [each for each in keys if self.known(each, message.last) is not None]
        if message.key not in keys and len(keys) < TWINS:
            keys.append(message.key)

    def twins(self, message: Message) -> list[Message]:
        """All messages of a Message-ID on the same node, the one itself among them, in the order of their times."""
        found = [self.known(key, message.last) for key in self.named.get(message.message_id or "", ())]
        mine = [each for each in found if each is not None and each.node == message.node]
        return sorted(mine, key=lambda each: (each.begun, *each.key))

    def wait(self, row: Row) -> None:
        """A row to be written, or written again."""
        if not row.waiting:
            row.waiting, row.read = True, self.read
            self.waiting.append(row)

    def forget(self) -> None:
        """What nothing more is expected of; what is too much."""
        self.past = [each for each in self.past if self._waits(each)]
        self.awaited = {
            key: some for key, some in self.awaited.items() if self.clock - max(each.last for each in some) <= ENDED
        }
        old = [key for key, each in self.messages.items() if self.clock - each.last > _life(each)]
        for key in old:
            self._drop(key)
        for key in list(self.messages)[: max(0, len(self.messages) - MOST)]:
            self._drop(key)
        self._drop_largest()
        self._forget_loose()
        self.early = {key: value for key, value in self.early.items() if self.clock - value[0] <= REFUSED}
        self.named = {name: keys for name, keys in self.named.items() if any(key in self.messages for key in keys)}

    def _drop_largest(self) -> None:
        """Until few enough recipients are kept: whoever writes to thousands displaces nobody else's."""
        sizes = {
            key: len(each.recipients) + len(each.stops) + len(each.arrivals) for key, each in self.messages.items()
        }
        total = sum(sizes.values())
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True) if total > MOST_ROWS else ():
            if total <= MOST_ROWS:
                break
            total -= sizes[key]
            self._drop(key)

    def _forget_loose(self) -> None:
        count = sum(map(len, self.loose.values()))
        since = self.clock - LOOSE
        if count > MOST_LOOSE:
            since = max(since, sorted(each.at for stops in self.loose.values() for each in stops)[-MOST_LOOSE])
        for place, stops in list(self.loose.items()):
            kept = [each for each in stops if each.waiting or each.at >= since]
            if kept:
                self.loose[place] = kept
            else:
                del self.loose[place]

    def _drop(self, key: Key) -> None:
        message = self.messages.pop(key)
        if self._waits(message):
            self.past.append(message)
        self._unname(key, message)

    def _waits(self, message: Message) -> bool:
        """Whether a row of it is to be written, or another server's lines of it may come."""
        awaits = any(each.awaits and self.clock - each.last <= ENDED for each in message.arrivals)
        return awaits or any(each.waiting for each in message.rows())

    def _unname(self, key: Key, message: Message) -> None:
        self.latest[key[2]].remove(key)
        if not self.latest[key[2]]:
            del self.latest[key[2]]
        twins = self.named.get(message.message_id or "", [])
        twins[:] = [each for each in twins if each != key]

    def message(self, node: str, instance: str, queue_id: str, at: float, *, fresh: bool = False) -> Message:
        """The message of a queue id; another one where the id is used again."""
        key = (node, instance.partition("/")[0] or instance, queue_id)
        message = self.known(key, at)
        if message is None and (found := self.known((node, "?", queue_id), at)) is not None:
            message = self._named_by(found, key)
        if message is None or (fresh and (message.opened or message.ended)):
            if key in self.messages:
                self._drop(key)
            message = Message(*key, begun=at, last=at)
            self._keep(message)
            self.appeared(message)
        message.last = max(message.last, at)
        return message

    def _named_by(self, message: Message, key: Key) -> Message:
        """A message that another program told first, now that its mail server's own lines come."""
        if key in self.messages:
            self._drop(key)
        del self.messages[message.key]
        self._unname(message.key, message)
        message.instance = key[1]
        self._keep(message)
        return message

    def take_back(self, node: str, event: Refused, named: tuple[str, ...]) -> None:
        """A recipient that was told as accepted and then refused: a milter is asked after all restrictions."""
        early = self.early.get((node, event.instance, event.pid or 0))
        message = self.messages.get((node, event.instance.partition("/")[0], event.queue_id or ""))
        for told in (early[2] if early else [], message.recipients if message else []):
            told[:] = [each for each in told if each not in named]

    def appeared(self, message: Message) -> None:
        """A message of which nothing was known before."""

    def newest(self, queue_id: str, at: float, node: str | None = None) -> Message | None:
        """The last message of a queue id that is still remembered, of one node or of any."""
        for key in reversed(self.latest.get(queue_id, ())):
            if node in (None, key[0]) and (message := self.known(key, at)) is not None:
                return message
        return None

    def known(self, key: Key, at: float) -> Message | None:
        """A message, if it is still remembered at a time: whether it was forgotten already makes no difference."""
        message = self.messages.get(key)
        if message is None or (at - message.last > ENDED and at - message.last > _life(message)):  # ENDED: the shortest
            return None
        return message

    def partner(self, node: str, queue_id: str, at: float) -> Message:
        """The message that another program's line belongs to, told by the mail server before or after it."""
        message = self.newest(queue_id, at, node)
        if message is not None:
            message.last = max(message.last, at)
            return message
        return self.message(node, "?", queue_id, at)


def _life(message: Message) -> float:
    """For how many seconds after its last line a message is kept."""
    if message.ended:
        return ENDED
    if any(each.fate in (Fate.deferred, Fate.queued) for each in message.arrivals):
        return DEFERRED
    return REFUSED if message.stops else OPEN
