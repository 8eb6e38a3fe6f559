"""An answer while somebody is away, as Roundcube writes and shows it: tests of today's date, then `vacation`.

A day's bound carries its zone's offset on that very day, as the clock may change between the first and the last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from hashlib import sha256
from quopri import decodestring, encodestring
from typing import Final

from app.sieve.errors import BadRule, Foreign
from app.sieve.rule import MOST_VALUES, Action, Condition, check_address, check_line, check_name, check_text

MOST_ADDRESSES: Final = 500
MOST_CONTACTS: Final = MOST_VALUES  # of one address test; beyond it, an address book that the server knows
THEN: Final = ("keep", "discard", "redirect", "copy")
LONGEST_DAYS: Final = 365
_STAMP: Final = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:Z|[+-]\d{2}:\d{2})")
_HEAD: Final = "Content-Type: multipart/alternative; boundary="
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Bound:
    """The first or last day, or moment, by a clock that is `offset` ("+0100") from UTC on that day."""

    day: date
    offset: str
    at: time | None = None

    @classmethod
    def of(cls, day: date, zone: tzinfo, at: time | None = None) -> Bound:
        """A day, or a moment of it, by the clock of a zone."""
        # Noon, as clocks are changed at night.
        return cls(day, datetime.combine(day, at or time(12), zone).strftime("%z")[:5], at)

    def condition(self, op: str) -> Condition:
        """The test of today's date against it."""
        if self.at is None:
            return Condition("date", op, (self.day.isoformat(),), part="date", zone=self.offset)
        return Condition("date", op, (self._stamp(),), part="iso8601", zone=self.offset)

    def _stamp(self) -> str:
        zone = "Z" if self.offset == "+0000" else f"{self.offset[:3]}:{self.offset[3:]}"
        return f"{self.day.isoformat()}T{self.at:%H:%M:%S}{zone}"

    @classmethod
    def read(cls, condition: Condition) -> Bound:
        """Raises Foreign."""
        text = condition.values[0]
        try:
            if condition.part == "date" and _DAY.fullmatch(text):
                found = cls(date.fromisoformat(text), condition.zone)
            elif condition.part == "iso8601" and (stamp := _STAMP.fullmatch(text)):
                found = cls(date.fromisoformat(stamp[1]), condition.zone, time.fromisoformat(stamp[2]))
            else:
                raise Foreign("not a day")
        except ValueError:
            raise Foreign("not a day") from None
        if found.condition(condition.op) != condition:
            raise Foreign("not a day")
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """The action `vacation` (RFC 5230, 6131) with its arguments. `mime`: the text is a MIME entity."""

    text: str
    mime: bool = False
    days: int | None = None
    seconds: int | None = None
    addresses: tuple[str, ...] = ()
    subject: str = ""
    handle: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Vacation:
    """What is answered to whom, from when until when, and what becomes of the mail itself."""

    text: str
    html: str = ""
    subject: str = ""
    days: int | None = 7
    seconds: int | None = None
    addresses: tuple[str, ...] = ()
    sender: str = ""
    start: Bound | None = None
    end: Bound | None = None
    contacts: tuple[str, ...] = ()
    contacts_list: str = ""  # an address book that the server knows (RFC 6134)
    then: str = "keep"
    target: str = ""
    name: str = "Vacation"
    enabled: bool = True
    handle: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)
        _check_texts(self)
        _check_people(self)
        _check_times(self)
        if self.then not in THEN or bool(self.target) is not (self.then in ("redirect", "copy")):
            raise BadRule("then", "Say what becomes of the mail.")
        if self.target:
            check_address(self.target, "target")

    @property
    def join(self) -> str:
        return ("always", "anyof", "allof")[min(2, len(self.conditions))]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        found = [bound.condition(op) for bound, op in ((self.start, "ge"), (self.end, "le")) if bound is not None]
        if self.contacts:
            found.append(Condition("address", "is", self.contacts, ("from",)))
        if self.contacts_list:
            found.append(Condition("address", "list", (self.contacts_list,), ("from",)))
        return tuple(found)

    @property
    def actions(self) -> tuple[Answer | Action, ...]:
        text = _entity(self.text, self.html) if self.html else self.text
        timing = (self.days, self.seconds)
        answer = Answer(text, bool(self.html), *timing, self.addresses, self.subject, self.handle, self.sender)
        if self.then == "keep":
            return (answer,)
        if self.then == "discard":
            return (answer, Action("discard"))
        return (answer, Action("redirect", (self.target,), copy=self.then == "copy"))


def vacation_of(
    name: str, enabled: bool, join: str, conditions: tuple[Condition, ...], actions: tuple[Answer | Action, ...]
) -> Vacation:
    """The vacation that a rule with these parts is. Raises Foreign, BadRule."""
    answer, *rest = actions
    if not isinstance(answer, Answer) or len(rest) > 1:
        raise Foreign("more than a vacation")
    told: dict[str, object] = {"days": answer.days, "seconds": answer.seconds, "addresses": answer.addresses}
    told |= {"subject": answer.subject, "handle": answer.handle, "sender": answer.sender}
    told["text"], told["html"] = _texts(answer.text) if answer.mime else (answer.text, "")
    told |= _when(conditions) | _then(rest)
    found = Vacation(name=name, enabled=enabled, **told)  # type: ignore[arg-type]
    if found.conditions != conditions or found.actions != actions or (len(conditions) > 1 and join != "allof"):
        raise Foreign("more than a vacation")
    return found


def _when(conditions: tuple[Condition, ...]) -> dict[str, object]:
    told: dict[str, object] = {}
    for each in conditions:
        if each.kind == "date" and each.op in ("ge", "le"):
            told["start" if each.op == "ge" else "end"] = Bound.read(each)
        elif each.kind == "address" and each.op == "list":
            told["contacts_list"] = each.values[0]
        elif each.kind == "address":
            told["contacts"] = each.values
        else:
            raise Foreign("a condition that no vacation has")
    return told


def _then(rest: list[Answer | Action]) -> dict[str, object]:
    if not rest:
        return {}
    (action,) = rest
    if not isinstance(action, Action) or action.kind not in ("discard", "redirect"):
        raise Foreign("an action that no vacation has")
    if action.kind == "discard":
        return {"then": "discard"}
    return {"then": "copy" if action.copy else "redirect", "target": action.values[0]}


def _check_texts(vacation: Vacation) -> None:
    if not vacation.text.strip():
        raise BadRule("text", "Write the answer.")
    check_text(vacation.text, "text")
    check_text(vacation.html, "html")
    check_line(vacation.subject, "subject")
    check_line(vacation.handle, "handle")


def _check_times(vacation: Vacation) -> None:
    if vacation.days is not None and not 1 <= vacation.days <= LONGEST_DAYS:
        raise BadRule("days", f"Between 1 and {LONGEST_DAYS} days.")
    if vacation.seconds is not None and not 0 <= vacation.seconds <= LONGEST_DAYS * 86_400:
        raise BadRule("seconds", "This is too long.")
    if vacation.days is not None and vacation.seconds is not None:
        raise BadRule("days", "Say days or seconds.")
    if vacation.start and vacation.end and vacation.end.day < vacation.start.day:
        raise BadRule("end", "The last day comes before the first.")
    vacation.conditions  # noqa: B018 — a bound's offset is checked as the condition it becomes


def _check_people(vacation: Vacation) -> None:
    if len(vacation.addresses) > MOST_ADDRESSES:
        raise BadRule("addresses", f"At most {MOST_ADDRESSES} addresses.")
    for address in vacation.addresses:
        check_line(address, "addresses", 320)
        if "@" not in address:
            raise BadRule("addresses", "This is not an address.")
    if len(vacation.contacts) > MOST_CONTACTS:
        raise BadRule("contacts", f"At most {MOST_CONTACTS} contacts.")
    for contact in vacation.contacts:
        check_line(contact, "contacts", 320)
        if not contact:
            raise BadRule("contacts", "This is not an address.")
    if vacation.sender and "@" not in vacation.sender:
        raise BadRule("sender", "This is not an address.")
    check_line(vacation.sender, "sender", 400)


def _entity(text: str, html: str) -> str:
    """Text and HTML as a MIME entity, always the same for the same two, so that it can be recognised."""
    boundary = f"=_{sha256(repr((text, html)).encode()).hexdigest()[:32]}"
    parts = [
        f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        + encodestring(said.encode()).decode("ascii")
        for kind, said in (("plain", text), ("html", html))
    ]
    return f"\n--{boundary}\n".join([f'{_HEAD}"{boundary}"\n', *parts]) + f"\n--{boundary}--"


def _texts(entity: str) -> tuple[str, str]:
    """Text and HTML of an entity that `_entity` made. Raises Foreign."""
    head = entity.partition("\n")[0]
    parts = entity.split(f"\n--{head.removeprefix(_HEAD)[1:-1]}\n") if len(head) > len(_HEAD) + 2 else []
    if len(parts) != 3:
        raise Foreign("an entity of another kind")
    bodies = [part.partition("\n\n")[2] for part in (parts[1], parts[2].rpartition("\n--")[0])]
    try:
        text, html = (decodestring(body.encode()).decode() for body in bodies)
    except UnicodeDecodeError:
        raise Foreign("not UTF-8") from None
    if _entity(text, html) != entity:
        raise Foreign("an entity of another kind")
    return text, html
