"""A person in the address book, as a value; what of it is kept is bounded here, whoever it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.profile.words import line, mark, paragraph

MOST_CONTACTS = 20_000  # of one account
MOST_ADDRESSES = 20
MOST_LABELS = 20
NOTE = 10_000
CARD = 64 * 1024  # characters of a vCard that is kept; a picture in it may be larger and is left out
_ADDRESS = re.compile(r'[^\s@<>,;:"()\[\]\\]+@[^\s@<>,;:"()\\]+')


@dataclass(frozen=True, slots=True)
class Contact:
    """`id` is "" before it is kept. `labels` are the groups that it is in; `card` the vCard that it came from."""

    name: str
    addresses: tuple[str, ...] = ()
    note: str = ""
    labels: tuple[str, ...] = ()
    card: str | None = None
    id: str = ""


def bounded(contact: Contact) -> Contact:
    """The same with clean texts of bounded length, and each address and label once."""
    labels = (line(each, 60) for each in contact.labels)
    card = contact.card if contact.card and len(contact.card) <= CARD else None
    return replace(
        contact,
        name=line(contact.name),
        addresses=_once(contact.addresses)[:MOST_ADDRESSES],
        note=paragraph(contact.note, NOTE),
        labels=tuple(dict.fromkeys(each for each in labels if each))[:MOST_LABELS],
        card=paragraph(card, CARD) if card else None,
    )


def plausible(address: str) -> bool:
    """Whether something may be an address at all; whether it can be written to, the mail room tells."""
    return len(address) <= 254 and _ADDRESS.fullmatch(address) is not None


def _once(addresses: Iterable[str]) -> tuple[str, ...]:
    once: dict[str, str] = {}
    for each in addresses:
        if clean := line(each, 254):
            once.setdefault(mark(clean), clean)
    return tuple(once.values())


@dataclass(frozen=True, slots=True)
class Fault:
    """What of a file was not understood: its line, counted from 1, how it begins, and why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds. Of many faults the first are told; `faulty` counts all."""

    contacts: tuple[Contact, ...]
    faults: tuple[Fault, ...] = ()
    faulty: int = 0


class Faults:
    """Collects what was not understood, bounded."""

    MOST = 100

    def __init__(self) -> None:
        self.told: list[Fault] = []
        self.count = 0

    def add(self, number: int, text: str, why: str) -> None:
        """One more, at a line."""
        self.count += 1
        if len(self.told) < self.MOST:
            self.told.append(Fault(number, line(text, 80), why))

    def rest(self, number: int) -> None:
        """Nothing was read from a line on; told however many faults there were before."""
        self.count += 1
        why = f"from here on it was not read: an address book holds {MOST_CONTACTS:,} contacts"
        self.told.append(Fault(number, "", why))

    def of(self, contacts: Iterable[Contact]) -> Imported:
        """The whole, with the contacts that were understood."""
        ordered = sorted(self.told, key=lambda each: each.line)
        return Imported(tuple(bounded(each) for each in contacts), tuple(ordered), self.count)


def decoded(data: bytes) -> str:
    """A file's text: UTF-8 (with a mark or without), UTF-16 with a mark, else Windows' western letters."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
