"""Address books as CSV: read as other programs write them, written so that no cell is a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from app.profile.contact import MOST_CONTACTS, Contact
from app.profile.csvfile import read, write
from app.profile.vcard import properties_of

GOOGLE_2024 = (
    "First Name,Middle Name,Last Name,Organization Name,Labels,Notes,"
    "E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value\n"
    "J\u00f6rg,,M\u00fcller,Firm,Choir ::: * myContacts,a note,"
    '* Work,joerg@one.example,"b@one.example ::: c@one.example",Mobile,+49 170 1\n'
)
GOOGLE_2018 = """Name,Given Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Birthday
Ann B,Ann,B,Work ::: * myContacts,* Home,ann@one.example,1980-01-01
"""
OUTLOOK = """First Name,"Last Name","E-mail Address",E-mail 2 Address,Home Phone,"Business Fax",Notes,Categories,Company
"Ann","B","ann@one.example","ann@two.example","123","456","line one\r\nline two","Work;Choir",""
"""
OUTLOOK_GERMAN = "Vorname;Nachname;E-Mail-Adresse;Kategorien\r\nJ\u00f6rg;M\u00fcller;joerg@one.example;Arbeit\r\n"
THUNDERBIRD = """First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Work Phone,Notes
Ann,B,Ann Best,,ann@one.example,ann@two.example,123,hello
"""


def test_google_s_files_of_two_ages_are_read() -> None:
    found = read(GOOGLE_2024.encode("utf-8-sig"))
    (card,) = found.contacts
    assert (card.name, card.addresses) == ("Jörg Müller", ("joerg@one.example", "b@one.example", "c@one.example"))
    assert (card.note, card.labels) == ("a note", ("Choir",))
    assert [each.value for each in properties_of(card.card)] == ["Firm", "+49 170 1"]
    found = read(GOOGLE_2018.encode())
    assert found.contacts[0].name == "Ann B" and found.contacts[0].labels == ("Work",)
    assert ("birthday", "is a column that has no place here") in [(each.text, each.why) for each in found.faults]


def test_outlook_s_files_are_read_in_english_and_german() -> None:
    (card,) = read(OUTLOOK.encode()).contacts
    assert (card.name, card.addresses) == ("Ann B", ("ann@one.example", "ann@two.example"))
    assert (card.note, card.labels) == ("line one\nline two", ("Work", "Choir"))
    assert [(each.of("TYPE"), each.value) for each in properties_of(card.card)] == [
        (("home",), "123"),
        (("fax",), "456"),
    ]
    found = read(OUTLOOK_GERMAN.encode("cp1252"))
    assert (found.faults, found.contacts[0].name, found.contacts[0].labels) == ((), "Jörg Müller", ("Arbeit",))


def test_thunderbird_s_file_is_read() -> None:
    found = read(THUNDERBIRD.encode())
    (card,) = found.contacts
    assert (card.name, card.addresses, card.note) == ("Ann Best", ("ann@one.example", "ann@two.example"), "hello")
    assert found.faults == ()


def test_what_is_not_understood_is_told_with_its_line() -> None:
    found = read(b"Name,E-mail 1 - Value,Shoe size\nA,a@one.example,\nB,nonsense here,44\n,,\n,,43\n")
    assert [each.name for each in found.contacts] == ["A", "B"]
    assert [(each.line, each.text, each.why) for each in found.faults] == [
        (1, "shoe size", "is a column that has no place here"),
        (3, "nonsense here", "is no mail address"),
        (5, "43", "this row has neither a name nor a mail address"),
    ]


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"hello world", b"\x89PNG\r\n\x1a\n" * 100, b'"' * 200_000, b"," * 200_000]
)
def test_what_is_no_address_book_is_told_and_nothing_more(data: bytes) -> None:
    found = read(data)
    assert found.contacts == () and found.faulty == 1


def test_a_cell_of_endless_length_ends_the_reading_and_is_told() -> None:
    found = read(b"Name,E-mail\nA,a@one.example\n" + b'"' + b"x" * 200_000 + b'",b@one.example\n')
    assert [each.name for each in found.contacts] == ["A"] and found.faults[0].why == "is no row of a CSV file"


@pytest.mark.slow
def test_more_rows_than_an_address_book_holds_are_not_read_and_that_is_told() -> None:
    found = read(b"email\n" + b"a@b.example\n" * (MOST_CONTACTS + 2))
    assert len(found.contacts) == MOST_CONTACTS
    assert [(each.line, "was not read" in each.why) for each in found.faults] == [(MOST_CONTACTS + 2, True)]


def test_no_cell_that_is_exported_begins_a_formula_and_all_come_back() -> None:
    evil = [
        Contact("=HYPERLINK(1)", ("=a@one.example", "b@one.example"), "-1\nx", ("@home", "+1")),
        Contact("+1", (), "@x"),
        Contact("-1", ("c@one.example",), "=cmd|' /C calc'!A0", ("=L",)),
        Contact("@SUM(1)", note='quote " and, comma'),
        Contact("'plain", note="\N{GREEK SMALL LETTER ALPHA}"),
    ]
    text = write(evil)
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    found = read(text.encode())
    assert [replace(each, card=None) for each in found.contacts] == evil and found.faults == ()


def test_no_cell_begins_a_formula_where_semicolons_part_the_cells() -> None:
    evil = [
        Contact("Bob;=HYPERLINK(1)", ("b@one.example",), "one; -1\n+2\n\n- three; \"=1"),
        Contact("\uff1d1", ("c@one.example",), "two;\n\uff0b1; '=1; it's; 'plain'"),
        Contact("'=1", (), "''@x"),
    ]
    text = write(evil)
    for mark in ",;":
        cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) for cell in row]
        assert not [cell for cell in cells if cell.strip(' "')[:1] in {*"=+-@\t\r\uff1d\uff0b\uff0d\uff20"}]
    assert [replace(each, card=None) for each in read(text.encode()).contacts] == evil
