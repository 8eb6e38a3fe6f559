"""vCards as other programs write them: 2.1, 3.0 and 4.0 read; written so that nothing of a card is lost."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from app.profile.contact import MOST_CONTACTS, MOST_LABELS, Contact, decoded
from app.profile.vcard import card_of, combined, properties_of, read, write

APPLE = b"""BEGIN:VCARD\r
VERSION:3.0\r
PRODID:-//Apple Inc.//macOS 14//EN\r
N:M\xc3\xbcller;J\xc3\xb6rg;;Dr.;\r
FN:Dr. J\xc3\xb6rg M\xc3\xbcller\r
EMAIL;type=INTERNET;type=HOME:home@one.example\r
item1.EMAIL;type=INTERNET;type=pref:joerg@one.example\r
item1.X-ABLabel:_$!<Other>!$_\r
TEL;type=CELL;type=VOICE:+49 170 1\r
NOTE:two lines\\nand\\, a comma\\; here\r
CATEGORIES:Work,Choir\\, old\r
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\r
 SkZJRg==\r
UID:4F2B\r
END:VCARD\r
BEGIN:VCARD\r
VERSION:3.0\r
N:Football\r
FN:Football\r
X-ADDRESSBOOKSERVER-KIND:group\r
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:4F2B\r
END:VCARD\r
"""
OUTLOOK = """BEGIN:VCARD
VERSION:2.1
N;LANGUAGE=de;CHARSET=windows-1252;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg
NOTE;ENCODING=QUOTED-PRINTABLE:first=0D=0Asecond, with a very long =
line
TEL;HOME;VOICE:123
EMAIL;PREF;INTERNET:joerg@one.example
END:VCARD
"""
FOUR = """BEGIN:VCARD
VERSION:4.0
FN:Ann B
EMAIL;PREF=50:second@one.example
EMAIL;PREF=1;TYPE="work,x":mailto:ann@one.example
TEL;VALUE=uri;TYPE="voice,home":tel:+1-555
PHOTO:data:image/png;base64,iVBORw0=
UID:urn:uuid:ab-1
END:VCARD
BEGIN:VCARD
VERSION:4.0
KIND:group
FN:Team
MEMBER:urn:uuid:ab-1
MEMBER:mailto:Joerg@one.example
END:VCARD
"""


def only(data: bytes | str) -> Contact:
    found = read(data if isinstance(data, bytes) else data.encode())
    assert found.faults == () and len(found.contacts) == 1, found.faults
    return found.contacts[0]


def lines(text: str) -> list[str]:
    assert text.endswith("\r\n") and len(text.splitlines()) == text.count("\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def test_apple_s_card_is_read_with_its_groups_and_the_preferred_address_first() -> None:
    card = only(APPLE)
    assert (card.name, card.addresses) == ("Dr. Jörg Müller", ("joerg@one.example", "home@one.example"))
    assert (card.note, card.labels) == ("two lines\nand, a comma; here", ("Work", "Choir, old", "Football"))


def test_what_is_exported_holds_all_that_was_imported() -> None:
    out = lines(write([only(APPLE)]))
    assert {"TEL;TYPE=CELL;TYPE=VOICE:+49 170 1", "UID:4F2B", "N:Müller;Jörg;;Dr.;"} <= set(out)
    assert "item1.X-ABLABEL:_$!<Other>!$_" in out
    assert "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg==" in out
    assert "CATEGORIES:Work,Choir\\, old,Football" in out and "NOTE:two lines\\nand\\, a comma\\; here" in out
    assert only("\r\n".join(out)).name == "Dr. Jörg Müller"


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_a_card_comes_back_from_each_version_as_it_was(version: str) -> None:
    for card in (
        only(APPLE),
        only(OUTLOOK),
        read(FOUR.encode()).contacts[0],
        Contact("A; b, \\n \\", ("x@y.example",)),
    ):
        again = only(write([card], version))  # type: ignore[arg-type]
        assert replace(again, card=None) == replace(card, card=None)
        assert write([again], version) == write([card], version)  # type: ignore[arg-type]


def test_version_four_has_data_addresses_and_numbered_preference() -> None:
    out = lines(card_of(only(APPLE), "4.0"))
    assert "VERSION:4.0" in out and "PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRg==" in out
    assert "item1.EMAIL;PREF=1:joerg@one.example" in out
    back = lines(card_of(only("\r\n".join(out)), "3.0"))
    assert "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg==" in back and "item1.EMAIL;TYPE=PREF:joerg@one.example" in back


def test_outlook_s_old_cards_are_read() -> None:
    card = only(OUTLOOK)
    assert (card.name, card.addresses) == ("Jörg Müller", ("joerg@one.example",))
    assert card.note == "first\nsecond, with a very long line"
    assert "TEL;TYPE=HOME;TYPE=VOICE:123" in lines(card_of(card))


def test_version_four_is_read_with_preference_and_group_members() -> None:
    ann, joerg = read(FOUR.encode() + OUTLOOK.encode()).contacts
    assert (ann.name, ann.addresses, ann.labels) == ("Ann B", ("ann@one.example", "second@one.example"), ("Team",))
    assert joerg.labels == ("Team",)


def test_changes_made_here_replace_what_the_card_said() -> None:
    changed = replace(
        only(APPLE), name="J. Meier", addresses=("joerg@one.example", "new@one.example"), note="", labels=()
    )
    out = lines(card_of(changed))
    assert {"FN:J. Meier", "N:Meier;J.;;;", "EMAIL;TYPE=INTERNET:new@one.example"} <= set(out)
    assert not [line for line in out if "home@one.example" in line or line.startswith(("NOTE", "CATEGORIES"))]
    assert "item1.EMAIL;TYPE=INTERNET;TYPE=pref:joerg@one.example" in out


def test_no_text_makes_a_line_of_its_own() -> None:
    evil = Contact(
        "a\r\nTEL:1\rTEL:5\x85TEL:6",
        ("x@y.example\r\nTEL:2",),
        "n\r\nEND:VCARD\n\u2028TEL:3",
        ("l\nTEL:4",),
        "X-A:1\nEND:VCARD\n",
    )
    for version in ("3.0", "4.0"):
        out = lines(card_of(evil, version))  # type: ignore[arg-type]
        assert not [line for line in out if line.startswith("TEL")] and out.count("END:VCARD") == 1


def test_what_is_not_understood_is_told_with_its_line() -> None:
    text = """hello
BEGIN:VCARD
FN:A
what is this
EMAIL:not an address
END:VCARD
BEGIN:VCARD
TEL:1
END:VCARD
BEGIN:VCARD
FN:B
BEGIN:VCARD
FN:C"""
    found = read(text.encode())
    assert [each.name for each in found.contacts] == ["A"]
    assert [(each.line, each.why) for each in found.faults] == [
        (1, "stands outside of a card"),
        (4, "is no line of a card"),
        (5, "is no mail address"),
        (7, "this card has neither a name nor a mail address"),
        (10, "this card has no end"),
        (12, "this card has no end"),
    ]
    assert found.faulty == 6
    many = read(b"x\n" * 5000)
    assert (len(many.faults), many.faulty) == (100, 5000)


def test_a_picture_without_room_is_left_out_and_that_is_told() -> None:
    photo = "A" * 70_000
    found = read(f"BEGIN:VCARD\nFN:A\nTEL:1\nPHOTO;ENCODING=b:{photo}\nEND:VCARD".encode())
    assert found.contacts[0].card == "FN:A\nTEL:1"
    assert [each.why for each in found.faults] == ["its picture is too large and was left out"]


def test_names_are_found_wherever_a_card_has_one() -> None:
    for told, name in {
        "N:B;A;C;Dr;Jr": "Dr A C B Jr",
        "ORG:Firm;Unit": "Firm, Unit",
        "EMAIL:a@b.example": "a@b.example",
    }.items():
        assert only(f"BEGIN:VCARD\n{told}\nEND:VCARD").name == name


def test_files_in_other_letters_are_read() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        assert decoded("Jörg".encode(encoding)) == "Jörg"


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [";a=" * 200_000, 'X;a="' + '";"' * 200_000, "X;" + "a;" * 200_000, "X;A=" + "," * 400_000, "\\" * 400_000 + ":"],
)
def test_no_line_takes_long(line: str) -> None:
    began = time.process_time()
    read(f"BEGIN:VCARD\n{line}\nN:{line}\nEND:VCARD".encode())
    assert time.process_time() - began < 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [6_000, 60_000])
def test_no_number_of_groups_members_and_cards_takes_long(number: int) -> None:
    many, group = "MEMBER:mailto:a@b.example\n" * 10_000, "BEGIN:VCARD\nKIND:group\nFN:G{}\n{}END:VCARD\n"
    groups = "".join(group.format(each, "MEMBER:mailto:a@b.example\n") for each in range(6_000))
    cards = "BEGIN:VCARD\nFN:A\nEMAIL:a@b.example\nEND:VCARD\n" * number
    began = time.process_time()
    found = read((group.format("", many) + groups + cards).encode())
    assert time.process_time() - began < 10
    assert len(found.contacts) == min(number, MOST_CONTACTS) and len(found.contacts[0].labels) == MOST_LABELS
    assert any("was not read" in each.why for each in found.faults) == (number > MOST_CONTACTS)


def test_two_cards_become_one() -> None:
    assert combined(None, "FN:A") == "FN:A" and combined("FN:A", None) == "FN:A"
    both = combined("FN:A\nUID:1\nTEL:1", "FN:B\nUID:2\nitem1.TEL:2\nTEL:1")
    assert [(each.name, each.value) for each in properties_of(both)] == [
        ("FN", "A"),
        ("UID", "1"),
        ("TEL", "1"),
        ("TEL", "2"),
    ]
