"""Forms of settings and contacts that meet an ended session: completed for their writer, done for nobody else."""

from __future__ import annotations

import re
import secrets
import time
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.profile import contacts as book
from app.profile import settings as stored
from app.profile.tables import Base
from app.web import carry
from tests.web.conftest import FORWARDER, PASSWORD, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers

OURS = {"Sec-Fetch-Site": "same-origin"}
PERSON = {"name": "Ann Example", "addresses": "ann@two.example", "labels": "", "note": "met in May"}
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@pytest.fixture(autouse=True)
def tables(app: Flask) -> Any:
    engine = app.extensions["postern"].database
    Base.metadata.create_all(engine)
    add_account(app, 2, "bob")
    return engine


def hidden(answer: TestResponse) -> dict[str, str]:
    return {name: unescape(value) for name, value in _FIELD.findall(answer.get_data(as_text=True))}


def lost(browser: Pages, path: str, typed: dict[str, str], headers: dict[str, str] | None = None) -> TestResponse:
    """The answer to a form whose page was opened in time, and which was sent when the session had ended."""
    tokens = {name: value for name, value in hidden(browser.get(path)).items() if name.endswith("_token")}
    assert carry.TOKEN in tokens
    browser.delete_cookie("postern")
    return browser.post(path, data={**tokens, **typed}, headers=OURS if headers is None else headers)


def signed_in_again(browser: Pages, answer: TestResponse, address: str = FORWARDER) -> TestResponse:
    assert answer.status_code == 401, answer.get_data(as_text=True)
    fields = hidden(answer)
    assert "Ann Example" not in answer.get_data(as_text=True)
    return browser.post("/login", data={**fields, "address": address, "password": PASSWORD}, headers=OURS)


def test_a_contact_is_saved_after_the_sign_in(signed_in: Pages, tables: Any):
    answer = signed_in_again(signed_in, lost(signed_in, "/contacts/new", PERSON))
    assert answer.status_code == 303
    (kept,) = book.page(tables, "1", limit=9).contacts
    assert (kept.name, kept.addresses, kept.note) == ("Ann Example", ("ann@two.example",), "met in May")
    assert answer.location.endswith(f"/contacts/{kept.id}")
    typed = {**PERSON, "name": "Ann E."}
    again = signed_in_again(signed_in, lost(signed_in, f"/contacts/{kept.id}", typed))
    assert again.status_code == 303 and [each.name for each in book.page(tables, "1", limit=9).contacts] == ["Ann E."]


def test_an_identity_and_how_somebody_writes_are_saved_after_the_sign_in(signed_in: Pages, app: Flask, tables: Any):
    page = signed_in.get("/settings/identities").get_data(as_text=True)
    path = re.findall(r'"(/settings/identities/[^"/]+)"', page)
    typed = {"name": "Frida", "signature_text": "Yours"}
    own = next(each for each in path if not each.endswith("/new"))
    assert signed_in_again(signed_in, lost(signed_in, own, typed)).status_code == 303
    assert "Frida" in signed_in.get("/settings/identities").get_data(as_text=True)
    writing = {"undo_seconds": "30", "rich": "1", "above": "0"}
    assert signed_in_again(signed_in, lost(signed_in, "/settings/writing", writing)).status_code == 303
    assert stored.read(tables, "1", "writing") == {"undo_seconds": 30, "rich": True, "above": False}


def test_a_mistake_is_shown_as_if_the_session_had_never_ended(signed_in: Pages, tables: Any):
    answer = signed_in_again(signed_in, lost(signed_in, "/contacts/new", {**PERSON, "addresses": "ann@"}))
    assert answer.status_code == 422 and "met in May" in answer.get_data(as_text=True)
    fixed = {**hidden(answer), **PERSON}
    assert signed_in.post("/contacts/new", data=fixed, headers=OURS).status_code == 303
    assert book.page(tables, "1", limit=9).total == 1


def test_somebody_else_sees_and_saves_nothing_of_it(signed_in: Pages, tables: Any):
    answer = signed_in_again(signed_in, lost(signed_in, "/contacts/new", PERSON), "bob@one.example")
    assert answer.status_code == 303 and answer.location.endswith("/blocked")
    page = signed_in.get("/settings/writing").get_data(as_text=True)
    assert "another account" in page and "Ann Example" not in page
    assert book.page(tables, "1", limit=9).total == book.page(tables, "2", limit=9).total == 0


def refused_but_kept(browser: Pages, answer: TestResponse, tables: Any) -> None:
    """Nothing was done, and one press by its writer does it."""
    assert answer.status_code == 409 and book.page(tables, "1", limit=9).total == 0
    fields = hidden(answer)
    assert fields["name"] == "Ann Example"
    page = answer.get_data(as_text=True)
    action = re.search(r'action="([^"]+)" enctype', page)
    assert action and action[1] == "/contacts/new" and "Look at it once more" in page
    assert browser.post(action[1], data=fields, headers=OURS).status_code == 303
    assert book.page(tables, "1", limit=9).total == 1


def test_a_page_of_fifteen_days_ago_completes_nothing_by_itself(
    signed_in: Pages, tables: Any, monkeypatch: pytest.MonkeyPatch
):
    answer = lost(signed_in, "/contacts/new", PERSON)
    now = time.time
    monkeypatch.setattr(carry.time, "time", lambda: now() + 15 * 86400)
    refused_but_kept(signed_in, signed_in_again(signed_in, answer), tables)


def test_a_browser_that_does_not_say_where_a_form_came_from_completes_nothing_by_itself(signed_in: Pages, tables: Any):
    answer = lost(signed_in, "/contacts/new", PERSON, headers={})
    refused_but_kept(signed_in, signed_in_again(signed_in, answer), tables)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_from_another_site_is_neither_carried_nor_offered_again(signed_in: Pages, tables: Any, site: str):
    answer = lost(signed_in, "/contacts/new", PERSON, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    page = answer.get_data(as_text=True)
    assert "carried" not in page and "error-again" not in page and "Ann Example" not in page


@pytest.mark.parametrize("token", ["", "x", "1.2.3"])
def test_a_token_that_is_not_the_writers_completes_nothing(signed_in: Pages, tables: Any, token: str):
    signed_in.delete_cookie("postern")
    forged = {**PERSON, "csrf_token": "x", carry.TOKEN: token}
    answer = signed_in.post("/contacts/new", data=forged, headers=OURS)
    if token:
        answer = signed_in_again(signed_in, answer)
        assert answer.location.endswith("/blocked")
    else:
        assert answer.status_code in (303, 400) and "Ann Example" not in answer.get_data(as_text=True)
    assert book.page(tables, "1", limit=9).total == 0


def test_what_is_too_long_to_ride_stands_in_the_page_and_can_be_sent_again(signed_in: Pages, tables: Any):
    long = {**PERSON, "junk": secrets.token_urlsafe(carry.SEALED_BYTES + 20_000)}
    answer = lost(signed_in, "/contacts/new", long)
    assert answer.status_code == 401 and "too long" in answer.get_data(as_text=True)
    fields = hidden(answer)
    assert fields["junk"] == long["junk"] and fields["name"] == "Ann Example"
    assert signed_in.sign_in(FORWARDER, PASSWORD).status_code == 303
    once_more = signed_in.post("/contacts/new", data=fields, headers=OURS)
    if once_more.status_code == 401:  # the sign-in changed the cookie's secret: one press more
        once_more = signed_in.post("/contacts/new", data=hidden(once_more), headers=OURS)
    assert once_more.status_code == 303 and book.page(tables, "1", limit=9).total == 1


@pytest.mark.parametrize(
    "path", ["/contacts/recent", "/settings/sessions/revoke", "/settings/sessions/everywhere", "/logout"]
)
def test_what_ends_or_deletes_something_never_rides(signed_in: Pages, path: str):
    token = hidden(signed_in.get("/contacts/new"))
    signed_in.delete_cookie("postern")
    answer = signed_in.post(path, data=token, headers=OURS)
    assert answer.status_code in (303, 400) and "carried" not in answer.get_data(as_text=True)
