"""vCards of version 3.0 (RFC 2426) and 4.0 (RFC 6350), read (2.1 too) and written.

A contact keeps its whole card: telephone numbers, birthdays and whatever else is in it come out again at export, with
name, addresses, groups and note as they are by then. Pictures are kept where there is room, and never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.profile.contact import CARD, MOST_CONTACTS, MOST_LABELS, Contact, Faults, Imported, decoded, plausible
from app.profile.vcardline import Property, escaped, logical_lines, parsed, split, unescaped, written
from app.profile.words import line as one_line
from app.profile.words import mark

Version = Literal["3.0", "4.0"]

_OWN = {"BEGIN", "END", "VERSION", "FN", "N", "EMAIL", "NOTE", "CATEGORIES", "PRODID"}
_BULKY = {"PHOTO", "LOGO", "SOUND", "KEY"}
_ONCE = {
    *_OWN,
    "UID",
    "REV",
    "KIND",
    "NICKNAME",
    "BDAY",
    "ANNIVERSARY",
    "GENDER",
    "SORT-STRING",
    "TITLE",
    "ORG",
} | _BULKY


@dataclass(frozen=True, slots=True)
class _Card:
    """The lines of one card with their numbers, and where it begins."""

    number: int
    lines: tuple[tuple[int, Property], ...]

    @property
    def properties(self) -> tuple[Property, ...]:
        return tuple(each for _, each in self.lines)


def read(data: bytes) -> Imported:
    """The contacts of a file, and what of it was not understood. Cards of groups become labels. Never raises."""
    faults = Faults()
    cards = list(_cards(decoded(data), faults))
    groups = [each for each in cards if _kind(each.properties) == "group"]
    labels = _labels(groups)
    contacts: list[Contact] = []
    for card in cards:
        if len(contacts) >= MOST_CONTACTS:
            faults.rest(card.number)
            break
        if _kind(card.properties) != "group" and (contact := _contact(card, labels, faults)) is not None:
            contacts.append(contact)
    return faults.of(contacts)


def _cards(text: str, faults: Faults) -> Iterator[_Card]:
    lines: list[tuple[int, Property]] | None = None
    start = 0
    for number, line in logical_lines(text):
        found = parsed(line)
        word = found.value.strip().upper() if found and found.name in ("BEGIN", "END") else ""
        if found and found.name == "BEGIN" and word == "VCARD":
            if lines is not None:
                faults.add(start, "BEGIN:VCARD", "this card has no end")
            start, lines = number, []
        elif lines is None:
            if line.strip():
                faults.add(number, line, "stands outside of a card")
        elif found and found.name == "END":
            yield _Card(start, tuple(lines))
            lines = None
        elif found:
            lines.append((number, found))
        elif line.strip():
            faults.add(number, line, "is no line of a card")
    if lines is not None:
        faults.add(start, "BEGIN:VCARD", "this card has no end")


def _contact(card: _Card, labels: dict[str, list[str]], faults: Faults) -> Contact | None:
    addresses = []
    for number, each in sorted(card.lines, key=lambda item: _preference(item[1])):
        if each.name == "EMAIL" and (address := _address(each)):
            if plausible(address):
                addresses.append(address)
            else:
                faults.add(number, address, "is no mail address")
    name = name_of(card.properties) or next(iter(addresses), "")
    if not name:
        faults.add(card.number, "BEGIN:VCARD", "this card has neither a name nor a mail address")
        return None
    note = "\n".join(unescaped(each.value) for each in card.properties if each.name == "NOTE")
    groups = [label for each in card.properties if each.name == "CATEGORIES" for label in split(each.value, ",")]
    keys = [f"urn:uuid:{_uid(card.properties)}", _uid(card.properties), *(f"mailto:{mark(each)}" for each in addresses)]
    groups += [label for each in keys for label in labels.get(each, ())]
    return Contact(name, tuple(addresses), note, tuple(groups), _kept(card, faults))


def _preference(line: Property) -> int:
    """PREF=1 first (RFC 6350 §5.3), as TYPE=pref (RFC 2426 §3.3.2); else in the file's order."""
    told = "".join(line.of("PREF"))[:3]
    if told.isdecimal():
        return int(told)
    return 1 if "PREF" in (each.upper() for each in line.of("TYPE")) else 101


def _address(line: Property) -> str:
    text = unescaped(line.value).strip()
    return text[7:] if text[:7].lower() == "mailto:" else text


def name_of(properties: Sequence[Property]) -> str:
    """The name of a card: FN, else the parts of N, else the organisation's or a nickname."""
    for name in ("FN", "N", "ORG", "NICKNAME"):
        for each in properties:
            if each.name == name and (text := _joined(each)):
                return text
    return ""


def _joined(line: Property) -> str:
    if line.name == "N":
        family, given, more, before, after = (*split(line.value, ";"), "", "", "", "", "")[:5]
        return one_line(" ".join((before, given, more, family, after)))
    return one_line(", ".join(split(line.value, ";")) if line.name == "ORG" else unescaped(line.value))


def _kind(properties: Sequence[Property]) -> str:
    names = ("KIND", "X-ADDRESSBOOKSERVER-KIND")
    return next((each.value.strip().lower() for each in properties if each.name in names), "")


def _uid(properties: Sequence[Property]) -> str:
    return next((each.value.strip().removeprefix("urn:uuid:") for each in properties if each.name == "UID"), "-")


def _labels(groups: Sequence[_Card]) -> dict[str, list[str]]:
    """{member: names of its groups}, of cards whose kind is group (RFC 6350 §6.6.5, and Apple's name for it)."""
    found: dict[str, list[str]] = {}
    for card in groups:
        properties = card.properties
        name = name_of(properties)
        for each in properties:
            if each.name in ("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"):
                member = each.value.strip()
                if member.lower().startswith("mailto:"):
                    member = f"mailto:{mark(member[7:])}"
                known = found.setdefault(member, [])
                if len(known) < MOST_LABELS and name not in known:  # else a file costs the square of its lines
                    known.append(name)
    return found


def _kept(card: _Card, faults: Faults) -> str:
    """The card as it is kept beside the contact; a picture for which there is no room is left out, and that is told."""
    lines = [written(each) for each in card.properties if each.name != "PRODID"]
    if len("".join(lines)) > CARD:
        faults.add(card.number, name_of(card.properties), "its picture is too large and was left out")
        lines = [written(each) for each in card.properties if each.name not in _BULKY]
    return "".join(lines).replace("\r\n", "\n")


# -- writing -----------------------------------------------------------------------------------------------------------


def write(contacts: Iterable[Contact], version: Version = "3.0") -> str:
    """A file of vCards. Version 3.0 is what all programs read."""
    return "".join(card_of(each, version) for each in contacts)


def card_of(contact: Contact, version: Version = "3.0") -> str:
    """One vCard: what the contact says, and the rest of the card that it came from."""
    before = properties_of(contact.card)
    lines = [Property("BEGIN", "VCARD"), Property("VERSION", version)]
    lines.append(Property("FN", escaped(contact.name)))
    lines.append(_structured(contact, before))
    lines += _addresses(contact, before)
    if contact.labels:
        lines.append(Property("CATEGORIES", ",".join(escaped(each) for each in contact.labels)))
    if contact.note:
        lines.append(Property("NOTE", escaped(contact.note)))
    lines += [each for each in before if each.name not in _OWN]
    return "".join(written(_in_version(each, version)) for each in (*lines, Property("END", "VCARD")))


def properties_of(card: str | None) -> tuple[Property, ...]:
    """The lines of a kept card."""
    found = (parsed(line) for _, line in logical_lines(card or ""))
    return tuple(each for each in found if each is not None)


def combined(card: str | None, other: str | None) -> str | None:
    """One card of two: the first, and of the second what may stand in a card several times, such as telephones."""
    if not card or not other:
        return card or other
    lines = properties_of(card)
    there = {(each.name, each.value) for each in lines}
    once = {each.name for each in lines if each.name in _ONCE}
    more = [each for each in properties_of(other) if each.name not in once and (each.name, each.value) not in there]
    return "".join(written(replace(each, group="")) for each in (*lines, *more)).replace("\r\n", "\n")


def _structured(contact: Contact, before: Sequence[Property]) -> Property:
    """N, which 3.0 demands: the card's own while the name is the same, else the last word as the family's name."""
    old = next((each for each in before if each.name == "N"), None)
    if old is not None and name_of(before) == contact.name:
        return old
    given, _, family = contact.name.rpartition(" ")
    return Property("N", f"{escaped(family)};{escaped(given)};;;")


def _addresses(contact: Contact, before: Sequence[Property]) -> list[Property]:
    old = {mark(_address(each)): each for each in before if each.name == "EMAIL"}
    usual = Property("EMAIL", "", (("TYPE", ("INTERNET",)),))
    return [replace(old.get(mark(each), usual), value=escaped(each)) for each in contact.addresses]


def _in_version(line: Property, version: Version) -> Property:
    return _as_four(line) if version == "4.0" else _as_three(line)


def _as_four(line: Property) -> Property:
    """TYPE=pref is PREF=1, octets are data: addresses (RFC 6350 §5.3, §6.2.4, appendix A.2)."""
    types = [each for each in line.of("TYPE") if each.upper() not in ("PREF", "INTERNET")]
    preferred = "PREF" in (each.upper() for each in line.of("TYPE"))
    if "".join(line.of("ENCODING")).upper() == "B":
        kind = "image" if line.name in ("PHOTO", "LOGO") else "application"
        subtype = (types[0] if types else "octet-stream").lower()
        media = subtype if "/" in subtype else f"{kind}/{subtype}"
        return replace(line.without("TYPE", "ENCODING", "VALUE"), value=f"data:{media};base64,{line.value}")
    parameters = line.without("TYPE").parameters
    parameters += (("TYPE", tuple(types)),) if types else ()
    return replace(line, parameters=parameters + ((("PREF", ("1",)),) if preferred else ()))


def _as_three(line: Property) -> Property:
    preferred = "".join(line.of("PREF")) == "1"
    head, _, octets = line.value.partition(";base64,")
    if line.name in _BULKY and octets and head.startswith("data:"):
        subtype = head.rpartition("/")[2].upper()
        return Property(line.name, octets, (("ENCODING", ("b",)), ("TYPE", (subtype,))), line.group)
    parameters = line.without("PREF").parameters
    return replace(line, parameters=parameters + ((("TYPE", ("PREF",)),) if preferred else ()))
