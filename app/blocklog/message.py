"""A message as the lines of its logs tell it, until nothing more is expected of it, and the rows that come of it.

Times are seconds since 1970, codes are integers: all of it is kept as JSON beside the position of its logs.
"""

import json
import zlib
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

from app.blocklog.codes import Known

VERSION = 1
MOST_RECIPIENTS = 1000  # of one message
_NOT_KEPT = frozenset({"message", "read", "stops", "arrivals"})
_T = TypeVar("_T")


@dataclass(slots=True)
class Stopped:
    """A message that was stopped, for one recipient ("": for nobody that is known). `kinds`: which logs told of it;
    `weight` how good its `text` is; `named`: a refusal itself names the recipient; `ours`: of no interest if the
    recipient is a stranger. `waiting` to be written, `written` the rows that were."""

    at: float
    source: int
    rcpt: str
    policy: int
    outcome: int
    stage: int
    text: str
    weight: int = 0
    known: int = Known.certain
    named: bool = False
    code: int | None = None
    dsn: str | None = None
    score: float | None = None
    detail: str | None = None
    subject: str | None = None
    message_id: str | None = None
    stored: str | None = None
    queue_id: str | None = None
    sender: str | None = None
    ip: str = ""
    name: str = ""
    helo: str = ""
    ours: bool = False
    rule: int | None = None
    kinds: list[str] = field(default_factory=list)
    waiting: bool = False
    written: list[list[Any]] = field(default_factory=list)
    read: float = 0.0
    message: "Message | None" = None


@dataclass(slots=True)
class Arrived:
    """What became of a message for one recipient, `at` first and `last` once more. `hop`: another of our servers took
    it, whose lines tell the rest, or are awaited (`awaits`); `outward`: a stranger's did. `sent` are the sender's rows
    that were written, `fated` what was of how far it has come."""

    at: float
    source: int
    rcpt: str
    final: str
    fate: int
    relay: str = ""
    dsn: str | None = None
    reply: str = ""
    next_id: str | None = None
    local: bool = False
    discarded: bool = False
    hop: bool = False
    awaits: bool = False
    outward: bool = False
    waiting: bool = False
    written: list[list[Any]] = field(default_factory=list)
    sent: list[list[Any]] = field(default_factory=list)
    fated: list[Any] = field(default_factory=list)
    last: float = 0.0
    read: float = 0.0
    message: "Message | None" = None


Row = Stopped | Arrived


def further(row: Arrived) -> tuple[Any, ...]:
    """By what one word about a message is put before another, of the same one or of its twin with the same Message-ID:
    what has ended goes not back, else the later one counts. Of the same second the greater in the order of their
    letters: which was read first must not matter, as a batch may end between them."""
    return (row.fate, int(row.last), row.relay, row.reply, row.dsn or "")


@dataclass(slots=True)
class Message:
    """What is known of one message. `opened`: its client is told; `ended`: the server forgot it; `whole`: a single
    line named all recipients; `told`: each recipient that was accepted has a line."""

    node: str
    instance: str
    queue_id: str
    begun: float
    last: float
    sender: str | None = None
    user: str | None = None
    message_id: str | None = None
    subject: str | None = None
    size: int | None = None
    count: int | None = None
    ip: str = ""
    name: str = ""
    helo: str = ""
    recipients: list[str] = field(default_factory=list)
    whole: bool = False
    told: bool = False
    opened: bool = False
    ended: bool = False
    junked: bool = False
    stops: list[Stopped] = field(default_factory=list)
    arrivals: list[Arrived] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        """Under what it is known."""
        return (self.node, self.instance, self.queue_id)

    def add(self, recipient: str) -> None:
        """One more recipient."""
        if recipient not in self.recipients and len(self.recipients) < MOST_RECIPIENTS:
            self.recipients.append(recipient)

    def facts(self) -> tuple[Any, ...]:
        """What its rows say of it."""
        return (self.sender, self.ip, self.name, self.helo, self.user, self.message_id, self.subject, self.size)

    def rows(self) -> list[Row]:
        """All rows that come of it."""
        return [*self.stops, *self.arrivals]

    @property
    def complete(self) -> bool:
        """Whether all recipients are known."""
        return self.whole or (self.told and len(self.recipients) >= (self.count or 0))


def _kept(kind: type[Any]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The fields that are kept of a kind of thing, each with what says nothing. A sender of "" is one: a bounce's."""
    nothing: tuple[Any, ...] = (None, "", [], False)
    return tuple(
        (each.name, nothing if each.default in (MISSING, *nothing[1:]) else (each.default,))
        for each in fields(kind)
        if each.name not in _NOT_KEPT
    )


_KEPT = {kind: _kept(kind) for kind in (Stopped, Arrived, Message)}


def packed(item: Any) -> dict[str, Any]:
    """A thing as JSON holds it: its fields, without those that say nothing."""
    found = {}
    for name, nothing in _KEPT[type(item)]:
        value = getattr(item, name)
        if value not in nothing:
            found[name] = value
    if isinstance(item, Message):
        found["stops"] = [packed(each) for each in item.stops]
        found["arrivals"] = [packed(each) for each in item.arrivals]
    return found


def unpacked(kind: type[_T], found: dict[str, Any]) -> _T:
    """The thing again. What this version does not know is left out; what is missing says nothing."""
    values = {}
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name in found:
            values[each.name] = found[each.name]
        elif each.default is MISSING and each.default_factory is MISSING:
            values[each.name] = "" if each.type is str else 0
    return kind(**values)


def message_of(found: dict[str, Any]) -> Message:
    """A message with its rows."""
    message = unpacked(Message, {**found, "stops": [], "arrivals": []})
    message.stops = [unpacked(Stopped, each) for each in found.get("stops", [])]
    message.arrivals = [unpacked(Arrived, each) for each in found.get("arrivals", [])]
    for stop in message.stops:
        stop.message = message
    for arrival in message.arrivals:
        arrival.message = message
    return message


def squeezed(state: dict[str, Any]) -> bytes:
    """JSON, compressed."""
    return zlib.compress(json.dumps({"version": VERSION, **state}, separators=(",", ":")).encode(), 1)


def opened(raw: bytes | None) -> dict[str, Any]:
    """The same again; nothing of a state that another version wrote or that is broken."""
    try:
        found = json.loads(zlib.decompress(raw)) if raw else {}
    except (ValueError, zlib.error):
        return {}
    return found if isinstance(found, dict) and found.get("version") == VERSION else {}
