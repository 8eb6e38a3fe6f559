"""Vacations: in the shape of Roundcube, each day by the clock of that day, and HTML that comes back as it was."""

from __future__ import annotations

from datetime import date, time
from zoneinfo import ZoneInfo

import pytest

from app.sieve import read, write
from app.sieve.errors import BadRule
from app.sieve.script import Script
from app.sieve.vacation import Bound, Vacation

BERLIN = ZoneInfo("Europe/Berlin")

# As Roundcube writes it.
THEIRS = b"""# rule:[Urlaub]
if allof (currentdate :zone "+0100" :value "ge" "date" "2026-12-20", UNTIL)
{
	vacation :days 3 :addresses ["a@b.example","c@b.example"] :subject "Weg" :from "A <a@b.example>" text:
Ich bin weg.
..

Bis bald
.
;
	redirect :copy "d@b.example";
}
""".replace(b"\n", b"\r\n").replace(
    b"UNTIL", b'currentdate :zone "+0100" :value "le" "iso8601" "2027-01-03T18:00:00+01:00"'
)


def test_roundcubes_vacation_is_ours():
    found = read.rule(THEIRS)
    assert found == Vacation(
        "Ich bin weg.\n.\n\nBis bald",
        subject="Weg",
        days=3,
        addresses=("a@b.example", "c@b.example"),
        sender="A <a@b.example>",
        start=Bound(date(2026, 12, 20), "+0100"),
        end=Bound(date(2027, 1, 3), "+0100", time(18)),
        then="copy",
        target="d@b.example",
        name="Urlaub",
    )
    assert write.rule(found) == THEIRS


def test_each_day_has_the_clock_of_that_day():
    assert Bound.of(date(2026, 3, 28), BERLIN).offset == "+0100"
    assert Bound.of(date(2026, 3, 29), BERLIN).offset == "+0200"
    assert Bound.of(date(2026, 7, 1), ZoneInfo("America/St_Johns")).offset == "-0230"
    assert Bound.of(date(2026, 3, 29), BERLIN, time(0, 30)).offset == "+0100"


@pytest.mark.parametrize(("text", "html"), [("a", "<p>ä</p>"), ("a\n", "b\n\n"), ("--\n.\n=", "\x85 \n" + "x" * 200)])
def test_html_comes_back_as_it_was(text: str, html: str):
    vacation = Vacation(text, html=html)
    assert read.rule(write.rule(vacation)) == vacation
    assert b":mime" in write.rule(vacation)


def test_an_entity_of_somebody_elses_is_foreign():
    ours = write.rule(Vacation("a", html="b"))
    assert read.rule(ours.replace(b"text/html", b"text/html; x=y")) is None
    assert read.rule(b'# rule:[x]\nif true {vacation :mime "Content-Type: text/html\r\n\r\nx";}') is None


@pytest.mark.parametrize(
    "text",
    [
        'if true { vacation "x"; stop; }',
        'if true { vacation "x"; redirect "a@b.example"; discard; }',
        'if true { stop; vacation "x"; }',
        'if header "subject" "x" { vacation "x"; }',
        'if anyof (currentdate :value "ge" "date" "2026-12-20", currentdate :is "date" "2026-12-21") {vacation "x";}',
        'if anyof (currentdate :value "ge" "date" "2026-12-20", address "from" "a@b.example") {vacation "x";}',
        'if currentdate :value "ge" "date" "tomorrow" { vacation "x"; }',
        'if currentdate :value "ge" "iso8601" "2026-12-20T08:00:00+02:00" { vacation "x"; }',
        'if true { vacation :fcc "Sent" "x"; }',
        'if true { vacation :days 0 "x"; }',
        'if true { vacation :days 1 :seconds 1 "x"; }',
        'if true { vacation ""; }',
    ],
)
def test_what_no_vacation_page_could_show_is_foreign(text: str):
    assert read.rule(f"# rule:[x]\n{text}".encode()) is None


def test_contacts_are_tested_by_address_or_by_a_book_of_the_server():
    for vacation in (
        Vacation("x", contacts=("a@b.example", "c@b.example")),
        Vacation("x", contacts_list=":addrbook:default"),
    ):
        assert read.rule(write.rule(vacation)) == vacation
    assert Script.read(b"").put(None, vacation).requires == {"vacation", "extlists"}


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("text", {"text": " "}),
        ("text", {"text": "a\rb"}),
        ("subject", {"subject": "a\nb"}),
        ("days", {"days": 0}),
        ("days", {"seconds": 5}),
        ("addresses", {"addresses": ("a",)}),
        ("contacts", {"contacts": ("a@b.example",) * 501}),
        ("sender", {"sender": "Alice"}),
        ("then", {"then": "copy"}),
        ("target", {"then": "copy", "target": "a@b.example\r\n"}),
        ("end", {"start": Bound(date(2026, 12, 2), "+0100"), "end": Bound(date(2026, 12, 1), "+0100")}),
        ("zone", {"start": Bound(date(2026, 12, 2), "CET")}),
    ],
)
def test_what_cannot_be_answered_says_which_field_is_wrong(field: str, told: dict):
    with pytest.raises(BadRule) as error:
        Vacation(**{"text": "x"} | told)
    assert error.value.field == field
