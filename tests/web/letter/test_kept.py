"""Files of a message being written: what the form says of them comes back, and nothing of it is believed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.outgoing import File, Stored
from app.mail.part import Place
from app.web.letter.kept import Kept, kept_files, read_kept, read_place, told_place

ONE = Kept(Place("Entwürfe/2026", 7, 12), "2", "a.pdf", "application/pdf", 120)


def test_a_place_comes_back_from_the_form_and_none_is_an_empty_field() -> None:
    assert read_place(told_place(ONE.place)) == ONE.place
    assert told_place(None) == "" and read_place("") is None


@given(st.text(max_size=300), st.text(max_size=80), st.integers(0, 2**32 - 1))
def test_whatever_a_file_is_called_it_comes_back_from_the_form(name: str, kind: str, size: int) -> None:
    odd = replace(ONE, name=name, type=kind, size=size)
    assert read_kept(odd.told) == odd


@pytest.mark.parametrize("octets", [1, 56, 57, 58, 1_000_000])
def test_the_size_that_is_shown_is_that_of_the_file_and_not_of_its_letters(octets: int) -> None:
    lines, rest = divmod(octets, 57)
    encoded = lines * 78 + (rest + 2) // 3 * 4
    assert abs(replace(ONE, size=encoded).decoded - octets) <= 2
    assert replace(ONE, size=encoded, encoding="8bit").decoded == encoded


def test_only_what_lies_on_the_mail_server_is_kept_and_a_picture_keeps_its_id() -> None:
    lying = Stored("INBOX", 1, 5, "1.2", 8)
    files = File("new", "a/b", b"bytes"), File("p", "image/png", lying, "one@x"), File("q", "a/b", lying, "no id")
    assert [(each.name, each.place, each.content_id) for each in kept_files(files)] == [
        ("p", Place("INBOX", 1, 5), "one@x"),
        ("q", Place("INBOX", 1, 5), None),
    ]
    assert kept_files(files)[0].file == files[1]
