"""What a composer asks while somebody types: who may be meant, and what was read; nothing of another account's."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.profile import contacts as book
from app.profile.contact import Contact
from app.profile.tables import Base
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def tables(app: Flask) -> Any:
    """The profile's tables beside the directory's; returns the engine."""
    engine = app.extensions["postern"].database
    Base.metadata.create_all(engine)
    return engine


def checked(browser: Pages, text: str) -> list[dict[str, str]]:
    answer = browser.submit("/compose/check", {"text": text}, page="/contacts/new")
    assert answer.status_code == 200 and answer.mimetype == "application/json"
    found: list[dict[str, str]] = answer.get_json()
    return found


def test_a_line_is_read_as_it_is_at_sending(signed_in: Pages) -> None:
    found = checked(signed_in, 'Ann <ann@one.example>, carl\r\n"B, C" <b@gmial.com>; b@gmial.com')
    assert [(each["typed"], each["why"], each["doubt"]) for each in found] == [
        ('"Ann" <ann@one.example>', "", ""),
        ('"B, C" <b@gmial.com>', "", "gmail.com"),
        ("carl", "has no @", ""),
    ]
    assert checked(signed_in, "  ") == []


@pytest.mark.parametrize("text", ['"Smith, J" <bad@>', "a@b@c.example", "x" * 70_000, "Ann\x00"])
def test_what_is_wrong_keeps_every_letter_and_reads_the_same_again(signed_in: Pages, text: str) -> None:
    (wrong,) = checked(signed_in, text)
    assert wrong["typed"] == text.strip() and wrong["why"] and checked(signed_in, wrong["typed"]) == [wrong]


def test_a_check_is_only_for_who_is_signed_in_and_not_forged(browser: Pages, signed_in: Pages) -> None:
    assert signed_in.post("/compose/check", data={"text": "ann@one.example"}).status_code == 400
    assert signed_in.get("/compose/check").status_code == 405


def test_groups_are_suggested_before_people_and_told_whole(app: Flask, signed_in: Pages, tables: Any) -> None:
    people = [Contact(f"Cho {number}", (f"c{number}@one.example",), labels=("Choir",)) for number in range(12)]
    book.add(tables, "1", people)
    found = signed_in.get("/contacts/suggest?q=cho").get_json()
    assert found[0] == {"name": "Choir", "address": "", "source": "group", "people": 12} and len(found) == 8
    assert len(signed_in.get("/contacts/suggest?group=Choir").get_json()) == 12
    add_account(app, 2, "bob")
    other: Pages = app.test_client()  # type: ignore[assignment]
    other.sign_in("bob@one.example", PASSWORD)
    assert other.get("/contacts/suggest?q=cho").get_json() == []
    assert other.get("/contacts/suggest?group=Choir").get_json() == []
    Base.metadata.drop_all(tables)
    assert signed_in.get("/contacts/suggest?q=cho").get_json() == []
