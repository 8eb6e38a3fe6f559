"""Whether a rule would meet a message, from its header fields, size and time: for "try before saving".

As the mail server decides (RFC 5228, and Pigeonhole where that leaves room). What is not known answers None: a body
that was neither fetched nor searched, an address book of the server's. The envelope is not kept with a mail:
Return-Path and Delivered-To say it where they are, else From and To.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Final

from app.sieve.forward import Forward
from app.sieve.glob import compares
from app.sieve.rule import Condition, Rule
from app.sieve.vacation import Vacation

MOST_TEXTS: Final = 100  # fields of one name, in one message
MOST_WORK: Final = 1_000_000  # characters compared for one message: 15 ms
_ENVELOPE: Final = {"from": ("return-path", "from"), "to": ("delivered-to", "to")}
_JULIAN: Final = 678_576  # the ordinal of 1858-11-17, from which modified Julian days are counted
_FORMATS: Final = {
    "date": "%Y-%m-%d",
    "time": "%H:%M:%S",
    "weekday": "%w",
    "zone": "%z",
    "std11": "%a, %d %b %Y %H:%M:%S %z",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
    "year": "%Y",
    "month": "%m",
    "day": "%d",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a field's value is decoded, and how the addresses in it are read."""

    decode: Callable[[bytes], str]
    addresses: Callable[[bytes], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as far as it is known. `fields`: names in lower case and raw values; `texts`: of its parts; `found`:
    whether its body contains any of some texts, as a search answered it."""

    fields: Sequence[tuple[str, bytes]]
    size: int
    received: datetime
    reading: Reading
    texts: tuple[str, ...] | None = None
    found: Mapping[tuple[str, ...], bool] = field(default_factory=dict)

    def texts_of(self, name: str) -> Iterator[str]:
        return islice(map(self.reading.decode, self._values(name)), MOST_TEXTS)

    def addresses_of(self, name: str) -> Iterator[str]:
        """Of a field without any address its text, which Pigeonhole takes for one."""
        for value in islice(self._values(name), MOST_TEXTS):
            found = [address for address in self.reading.addresses(value) if address]
            yield from found or [self.reading.decode(value)]

    def _values(self, name: str) -> Iterator[bytes]:
        return (value for each, value in self.fields if each == name.lower())

    def has(self, name: str) -> bool:
        return any(each == name.lower() for each, _ in self.fields)


def reads(rule: Rule | Vacation | Forward) -> frozenset[str]:
    """The header fields, in lower case, that a rule asks for."""
    conditions = () if isinstance(rule, Forward) else rule.conditions
    found: set[str] = set()
    for condition in conditions:
        for name in condition.headers:
            found |= set(_ENVELOPE[name.lower()]) if condition.kind == "envelope" else {name.lower()}
    return frozenset(found)


def searched(rule: Rule | Vacation | Forward) -> tuple[tuple[str, ...], ...]:
    """What a search of bodies would have to tell for a rule: the texts of each test that it can answer, each once. It
    tells no text from another of the same letters, and what a body is, is not told by its pieces."""
    conditions = () if isinstance(rule, Forward) else rule.conditions
    return tuple(dict.fromkeys(each.values for each in conditions if _searchable(each)))


def _searchable(condition: Condition) -> bool:
    return condition.kind == "body" and condition.op == "contains" and not condition.comparator


def holds(rule: Rule | Vacation | Forward, mail: Mail) -> bool | None:
    """Whether the rule's conditions meet the message; None where that cannot be known, or would take too long."""
    if isinstance(rule, Forward) or not rule.conditions:
        return True
    if sum(_work(condition, mail) for condition in rule.conditions) > MOST_WORK:
        return None
    decides = rule.join == "anyof"
    unknown = False
    for condition in rule.conditions:
        found = meets(condition, mail)
        if found is decides:
            return decides
        unknown = unknown or found is None
    return None if unknown else not decides


def meets(condition: Condition, mail: Mail) -> bool | None:
    """Whether one condition meets the message."""
    found = _TESTS[condition.kind](condition, mail)
    return found if found is None else found is not condition.negated


def _work(condition: Condition, mail: Mail) -> int:
    """How many characters will be compared, at most."""
    names = {name.lower() for name in condition.headers}
    texts = mail.texts or () if condition.kind == "body" else ()
    length = sum(len(value) for name, value in mail.fields if name in names) + sum(map(len, texts))
    return length * len(condition.values)


def _header(condition: Condition, mail: Mail) -> bool:
    return any(_any(condition, text) for name in condition.headers for text in mail.texts_of(name))


def _address(condition: Condition, mail: Mail) -> bool | None:
    if condition.op == "list":
        return None
    return any(_part(condition, address) for name in condition.headers for address in mail.addresses_of(name))


def _envelope(condition: Condition, mail: Mail) -> bool | None:
    for name in condition.headers:
        field = next((each for each in _ENVELOPE[name.lower()] if mail.has(each)), "")
        if any(_part(condition, address) for address in mail.addresses_of(field)):
            return True
    return False


def _part(condition: Condition, address: str) -> bool:
    local, at, domain = address.rpartition("@")
    user, plus, detail = local.partition("+")
    parts = {"": address, "localpart": local, "domain": domain, "user": user, "detail": detail if plus else None}
    text = parts[condition.part]
    return bool(at or not condition.part) and text is not None and _any(condition, text)


def _exists(condition: Condition, mail: Mail) -> bool:
    return all(map(mail.has, condition.headers))


def _size(condition: Condition, mail: Mail) -> bool:
    return mail.size > condition.size if condition.op == "over" else mail.size < condition.size


def _body(condition: Condition, mail: Mail) -> bool | None:
    if _searchable(condition) and condition.values in mail.found:
        return mail.found[condition.values]
    if mail.texts is None or condition.part != "text":
        return None
    return any(_any(condition, text) for text in mail.texts)


def _date(condition: Condition, mail: Mail) -> bool:
    moment = mail.received
    if condition.zone:
        minutes = int(condition.zone[1:3]) * 60 + int(condition.zone[3:])
        shift = timedelta(minutes=-minutes if condition.zone[0] == "-" else minutes)
        moment = moment.astimezone(timezone(shift))
    return _any(condition, date_part(moment, condition.part))


def date_part(moment: datetime, part: str) -> str:
    """One part of a moment, as RFC 5260 §4.2 writes it."""
    if part == "julian":
        return str(moment.toordinal() - _JULIAN)
    if part == "iso8601":
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return moment.strftime(_FORMATS[part])


def _any(condition: Condition, text: str) -> bool:
    return compares(condition.op, condition.values, text, condition.comparator)


_TESTS: Final[dict[str, Callable[[Condition, Mail], bool | None]]] = {
    "header": _header,
    "address": _address,
    "envelope": _envelope,
    "exists": _exists,
    "size": _size,
    "body": _body,
    "date": _date,
}
