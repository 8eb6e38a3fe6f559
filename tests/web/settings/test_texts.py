"""Texts in the settings and in a message: what was typed is kept, and each goes where it belongs without a script."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask

from app.mail.outgoing import Origin
from app.mail.part import Place
from app.profile.tables import Base
from app.web.letter.letter import Letter
from app.web.settings import texts
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
LIST, NEW = "/settings/texts", "/settings/texts/new"
TYPED = {"name": "Thanks <b>", "subject": "Thank you", "text": "Dear all,\r\nthank you."}


@pytest.fixture(autouse=True)
def database(app: Flask) -> Any:
    """Postern's own database, with the profile's tables."""
    held = app.extensions["postern"]
    Base.metadata.create_all(held.database)
    return held.database


def made(browser: Pages) -> str:
    """The number of a text that was just made."""
    assert browser.submit(NEW, TYPED, page=NEW).status_code == 303
    found = re.search(r'href="/settings/texts/([0-9a-f]{32})"', browser.get(LIST).get_data(as_text=True))
    assert found
    return found[1]


def test_a_text_is_made_changed_and_removed(signed_in: Pages) -> None:
    path = f"{LIST}/{made(signed_in)}"
    shown = unescape(signed_in.get(path).get_data(as_text=True))
    assert "Thanks <b>" in shown and "Dear all,\nthank you." in shown
    assert signed_in.submit(path, {**TYPED, "name": "Other"}, page=path).status_code == 303
    assert "Other" in signed_in.get(LIST).get_data(as_text=True)
    signed_in.submit(f"{path}/remove", page=path)
    assert "empty-texts" in signed_in.get(LIST).get_data(as_text=True) and signed_in.get(path).status_code == 404


def test_what_cannot_be_kept_comes_back_as_it_was_typed(signed_in: Pages, database: Any) -> None:
    answer = signed_in.submit(NEW, {**TYPED, "name": " "}, page=NEW)
    assert answer.status_code == 422 and "thank you." in answer.get_data(as_text=True)
    answer = signed_in.submit(NEW, {**TYPED, "text": "x" * 70_000}, page=NEW)
    assert answer.status_code == 422 and "x" * 70_000 in answer.get_data(as_text=True)
    token = signed_in.token(NEW)
    Base.metadata.drop_all(database)
    answer = signed_in.post(NEW, data={**TYPED, "csrf_token": token})
    assert answer.status_code == 503 and "thank you." in answer.get_data(as_text=True)


def test_another_account_s_text_is_not_there(app: Flask, signed_in: Pages) -> None:
    number = made(signed_in)
    add_account(app, 2, "bob")
    bob: Any = app.test_client()
    bob.sign_in("bob@one.example", PASSWORD)
    assert [bob.get(f"{path}/{number}").status_code for path in (LIST, "/compose/texts")] == [404, 404]
    assert signed_in.get(f"/compose/texts/{number}").get_json() == {
        "subject": "Thank you",
        "text": "Dear all,\nthank you.",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "Dear all,\nthank you.\n"),
        ("Hello", "Hello\nDear all,\nthank you.\n"),
        ("\n\n-- \nAlice", "\nDear all,\nthank you.\n\n-- \nAlice"),
        ("\n\nOn Monday, Bob wrote:\n> hi", "Dear all,\nthank you.\n\n\nOn Monday, Bob wrote:\n> hi"),
    ],
)
def test_a_text_goes_in_front_of_the_signature_or_of_the_quote(
    app: Flask, signed_in: Pages, before: str, after: str
) -> None:
    number = made(signed_in)
    origin = Origin("reply", Place("INBOX", 1, 1)) if "wrote" in before else None
    with app.test_request_context("/", headers={"Cookie": f"postern={signed_in.cookie()}"}):
        got = texts.inserted(Letter("<a@b>", text=before, origin=origin), number)
        assert (got.text, got.subject) == (after, "Thank you")
        kept = texts.inserted(Letter("<a@b>", subject="Mine", html="<p>x</p>"), number)
        assert kept.subject == "Mine" and kept.html and kept.html.endswith("<p>x</p>") and "thank you." in kept.html
