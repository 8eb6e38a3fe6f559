"""Groups and duplicates: of the own account only; a form of somebody new knows who has the address, and leads back."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from flask import Flask

from app.profile import contacts as book
from app.profile.contact import Contact
from app.profile.tables import Base
from tests.web.conftest import add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
LIST = "/contacts/new"


@pytest.fixture(autouse=True)
def tables(app: Flask) -> Any:
    """The profile's tables beside the directory's; returns the engine."""
    engine = app.extensions["postern"].database
    Base.metadata.create_all(engine)
    return engine


def words(browser: Pages, path: str) -> str:
    return unescape(browser.get(path).get_data(as_text=True))


def test_a_group_is_renamed_and_removed_and_its_contacts_stay(app: Flask, signed_in: Pages, tables: Any) -> None:
    add_account(app, 2, "bob")
    book.add(tables, "1", [Contact("Ann", ("ann@one.example",), labels=("Choir & co",))])
    book.add(tables, "2", [Contact("Bob", ("bob@one.example",), labels=("Choir & co",))])
    page = words(signed_in, "/contacts?group=Choir+%26+co")
    assert 'href="/compose?group=Choir+%26+co"' in page and 'data-testid="group-rename"' in page
    answer = signed_in.submit("/contacts/groups", {"group": "Choir & co", "name": " ", "action": "rename"}, page=LIST)
    assert "needs a name" in words(signed_in, answer.location)
    renamed = {"group": "Choir & co", "name": "Cho\r\nir", "action": "rename"}
    answer = signed_in.submit("/contacts/groups", renamed, page=LIST)
    assert answer.location == "/contacts?group=Cho+ir" and "Ann" in words(signed_in, answer.location)
    answer = signed_in.submit("/contacts/groups", {"group": "Cho ir", "action": "remove"}, page=LIST)
    page = words(signed_in, answer.location)
    assert "Its 1 contact stays" in page and "Ann" in page and "group-link" not in page
    assert [each.labels for each in book.every(tables, "2")] == [("Choir & co",)]
    assert signed_in.submit("/contacts/groups", {"group": ""}, page=LIST).status_code == 400


def test_duplicates_become_one_and_nobody_else_s_do(app: Flask, signed_in: Pages, tables: Any) -> None:
    assert "No duplicates" in words(signed_in, "/contacts/duplicates")
    add_account(app, 2, "bob")
    names = ("Ann A", "ann  a", "Anna")
    mine = book.add(tables, "1", [Contact(name, (f"a{at}@x.example", "a@x.example")) for at, name in enumerate(names)])
    (theirs,) = book.add(tables, "2", [Contact("Ann A", ("a@x.example",))])
    page = words(signed_in, "/contacts/duplicates")
    assert page.count('data-testid="duplicate"') == 1 and "Merge all 3" in page and theirs.id not in page
    path, other = f"/contacts/{mine[0].id}/merge", [mine[1].id, mine[2].id]
    assert signed_in.submit(path, {"other": [theirs.id]}, page=LIST).status_code == 404
    assert signed_in.submit(path, {}, page=LIST).status_code == 400
    answer = signed_in.submit(path, {"other": other, "next": "/contacts/duplicates"}, page=LIST)
    assert answer.location == "/contacts/duplicates" and "All are one contact now" in words(signed_in, answer.location)
    (kept,) = book.every(tables, "1")
    assert set(kept.addresses) == {"a@x.example", "a0@x.example", "a1@x.example", "a2@x.example"}


def test_somebody_new_is_told_whose_address_it_is_and_the_form_leads_back(signed_in: Pages, tables: Any) -> None:
    (ann,) = book.add(tables, "1", [Contact("Ann", ("ann@one.example",))])
    page = words(signed_in, "/contacts/new?name=A&address=ann@one.example&next=/mail/INBOX/1/2")
    assert 'data-testid="contact-known"' in page and ann.id in page and 'name="next" value="/mail/INBOX/1/2"' in page
    answer = signed_in.submit(LIST, {"name": "Bob", "next": "/mail/INBOX/1/2"}, page=LIST)
    assert answer.location == "/mail/INBOX/1/2"
    answer = signed_in.submit(LIST, {"name": "Bob", "next": "https://elsewhere.example/"}, page=LIST)
    assert answer.location.startswith("/contacts/")
