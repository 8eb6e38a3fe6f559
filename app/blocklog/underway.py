"""The messages that are under way in some logs, by node, instance and queue id: found, kept for a time, remembered.

What is kept is bounded in time and number, and goes as JSON beside the position of its logs.
"""

import time
from typing import Any

from app.blocklog.codes import Fate
from app.blocklog.event import Refused
from app.blocklog.merge import LooseKey, loose_key
from app.blocklog.message import Arrived, Message, Row, Stopped, message_of, packed, unpacked

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
        self.latest: dict[str, Key] = {}  # by queue id
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
            "early": [[*key, value] for key, value in self.early.items()],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self.clock = state.get("clock", 0.0)
        for found in state.get("messages", []):
            message = message_of(found)
            self._keep(message)
            for each in message.arrivals:
                if each.next_id and each.awaits:  # never what a stranger's server said
                    self.awaited.setdefault(each.next_id, []).append(each)
            self.waiting += [each for each in message.rows() if each.waiting]
        self.past = [message_of(each) for each in state.get("past", [])]
        self.waiting += [each for message in self.past for each in message.rows() if each.waiting]
        for found in state.get("loose", []):
            stop = unpacked(Stopped, found)
            self.loose.setdefault(loose_key(stop), []).append(stop)
            self.waiting += [stop] if stop.waiting else []
        self.early = {(node, instance, pid): value for node, instance, pid, value in state.get("early", [])}
        self.waiting.sort(key=lambda each: each.at)

    def _keep(self, message: Message) -> None:
        key = (message.node, message.instance, message.queue_id)
        self.messages[key] = message
        self.latest[message.queue_id] = key
        if message.message_id:
            self.name(message)

    def name(self, message: Message) -> None:
        """A message whose Message-ID is told."""
        keys = self.named.setdefault(message.message_id or "", [])
        key = (message.node, message.instance, message.queue_id)
        if key not in keys and len(keys) < TWINS:
            keys.append(key)

    def twins(self, message: Message) -> list[Message]:
        """All messages of a Message-ID on the same node, the one itself among them."""
        found = [self.messages.get(key) for key in self.named.get(message.message_id or "", ())]
        return [each for each in found if each is not None and each.node == message.node]

    def wait(self, row: Row) -> None:
        """A row to be written, or written again."""
        if not row.waiting:
            row.waiting, row.read = True, self.read
            self.waiting.append(row)

    def forget(self) -> None:
        """What nothing more is expected of; what is too much."""
        self.past = [each for each in self.past if _waits(each)]
        self.awaited = {key: some for key, some in self.awaited.items() if self.clock - some[-1].at <= ENDED}
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
        if _waits(message):
            self.past.append(message)
        if self.latest.get(key[2]) == key:
            del self.latest[key[2]]

    def message(self, node: str, instance: str, queue_id: str, at: float, *, fresh: bool = False) -> Message:
        """The message of a queue id; another one where the id is used again."""
        key = (node, instance.partition("/")[0] or instance, queue_id)
        message = self.known(key, at)
        if message is None and (found := self.known((node, "?", queue_id), at)) is not None:
            del self.messages[node, "?", queue_id]
            message, found.instance = found, key[1]
            self._keep(found)
        if message is None or (fresh and (message.opened or message.ended)):
            if key in self.messages:
                self._drop(key)
            message = Message(*key, begun=at, last=at)
            self._keep(message)
            self.appeared(message)
        message.last = max(message.last, at)
        return message

    def take_back(self, node: str, event: Refused, named: tuple[str, ...]) -> None:
        """A recipient that was told as accepted and then refused: a milter is asked after all restrictions."""
        early = self.early.get((node, event.instance, event.pid or 0))
        message = self.messages.get((node, event.instance.partition("/")[0], event.queue_id or ""))
        for told in (early[2] if early else [], message.recipients if message else []):
            told[:] = [each for each in told if each not in named]

    def appeared(self, message: Message) -> None:
        """A message of which nothing was known before."""

    def known(self, key: Key | None, at: float) -> Message | None:
        """A message, if it is still remembered at a time: whether it was forgotten already makes no difference."""
        message = self.messages.get(key) if key is not None else None
        if message is None or (at - message.last > ENDED and at - message.last > _life(message)):  # ENDED: the shortest
            return None
        return message

    def partner(self, node: str, queue_id: str, at: float) -> Message:
        """The message that another program's line belongs to, told by the mail server before or after it."""
        message = self.known(self.latest.get(queue_id), at)
        if message is not None and message.node == node:
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


def _waits(message: Message) -> bool:
    return any(each.waiting for each in message.rows())
