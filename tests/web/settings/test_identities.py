"""Identities: only one's own addresses, signatures cleaned, what was typed kept, and a sender even without SQL."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from app.directory.tables import AddressRow
from app.mail.header import Address
from app.profile import settings as stored
from app.profile.errors import ProfileAway
from app.profile.suggest import suggestions
from app.profile.tables import Base
from app.web import profile
from app.web.session import current
from tests.web.conftest import FORWARDER, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers

LIST, NEW = "/settings/identities", "/settings/identities/new"


@pytest.fixture(autouse=True)
def tables(app: Flask) -> Any:
    """The profile's tables, and one alias of the account."""
    held = app.extensions["postern"]
    Base.metadata.create_all(held.database)
    add_account(app, 2, "bob")
    with held.directory.engine.begin() as rows:
        rows.execute(insert(AddressRow).values(site_id=1, local="office", account_id=1))
    return held.database


def page(browser: Pages, path: str = LIST) -> str:
    return unescape(browser.get(path).get_data(as_text=True))


def addresses(browser: Pages) -> list[str]:
    return re.findall(r'data-address="([^"]+)"', page(browser))


def link(browser: Pages, address: str) -> str:
    found = re.search(rf'data-address="{address}".*?href="([^"]+)"', page(browser), re.DOTALL)
    assert found
    return found[1]


def test_one_s_own_addresses_are_listed_the_main_one_first(signed_in: Pages) -> None:
    own = ["forward@one.example", "forward@two.example", "office@one.example", "office@two.example"]
    assert addresses(signed_in) == own and "Frida Forward" in page(signed_in)


def test_an_identity_is_kept_with_a_cleaned_signature_and_can_be_taken_back(signed_in: Pages) -> None:
    path = link(signed_in, "office@two.example")
    typed = {
        "name": "The Office", "reply_to": "r@BÜRO.example", "signature_text": "--\nus & co", "is_default": "1",
        "signature_html": '<b onclick="x()">us</b><script>alert(1)</script><img src="http://x.example/">',
    }  # fmt: skip
    assert signed_in.submit(path, typed, page=path).status_code == 303
    assert addresses(signed_in)[0] == "office@two.example"
    shown = page(signed_in, path)
    assert "<b>us</b>" in shown and "us & co" in shown and "r@büro.example" in shown
    form = shown.partition('id="signature_html"')[2].partition("</textarea>")[0]
    assert not [bad for bad in ("onclick", "alert", "<img", "<script") if bad in form]
    signed_in.submit(f"{path}/remove", page=path)
    assert addresses(signed_in)[0] == FORWARDER and "Frida Forward" in page(signed_in, path)


def test_a_signature_with_formatting_alone_says_the_same_as_text(signed_in: Pages) -> None:
    path = link(signed_in, "office@two.example")
    html = "<div><b>The Office</b></div><div>2nd floor</div>"
    assert signed_in.submit(path, {"signature_text": "", "signature_html": html}, page=path).status_code == 303
    assert "The Office\n2nd floor</textarea>" in page(signed_in, path)
    empty = {"signature_text": "", "signature_html": "<div><br></div>"}
    assert signed_in.submit(path, empty, page=path).status_code == 303
    assert "&lt;div" not in page(signed_in, path)


def test_no_address_of_another_is_taken_whatever_the_form_says(signed_in: Pages) -> None:
    for wrong in ("bob@one.example", "president@white.example", "x", "", "Forward@one.example\r\nBcc: x@y.example"):
        answer = signed_in.submit(NEW, {"address": wrong, "name": "My name"}, page=NEW)
        assert answer.status_code == 422 and "My name" in answer.get_data(as_text=True), wrong
    path = link(signed_in, FORWARDER)
    signed_in.submit(path, {"address": "bob@one.example", "name": "Bob"}, page=path)
    assert "bob@one.example" not in addresses(signed_in)
    assert signed_in.get(f"{LIST}/{'a' * 32}").status_code == 404


def test_two_identities_may_share_an_address_of_one_s_own(signed_in: Pages) -> None:
    assert signed_in.submit(NEW, {"address": "OFFICE@one.example", "name": "Second"}, page=NEW).status_code == 303
    assert signed_in.submit(NEW, {"address": "office@one.example", "name": "Third"}, page=NEW).status_code == 303
    assert addresses(signed_in).count("office@one.example") == 2


def test_any_address_is_taken_where_the_site_lets_people(app: Flask, signed_in: Pages) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, free_from=True)
    assert signed_in.submit(NEW, {"address": "me@else.example", "name": "Me"}, page=NEW).status_code == 303
    assert "me@else.example" in addresses(signed_in)
    held.settings = dataclasses.replace(held.settings, free_from=False)
    assert "me@else.example" not in addresses(signed_in)


def test_what_cannot_be_kept_comes_back_as_it_was_typed(signed_in: Pages, tables: Any) -> None:
    path = link(signed_in, FORWARDER)
    typed = {"name": "N", "reply_to": "nobody", "signature_text": "my sig", "signature_html": "<b>x</b>"}
    answer = signed_in.submit(path, typed, page=path)
    shown = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 422 and "This address has no @." in shown and "my sig" in shown and "<b>x</b>" in shown
    token = signed_in.token(path)
    Base.metadata.drop_all(tables)
    answer = signed_in.post(path, data={**typed, "reply_to": "", "csrf_token": token})
    assert answer.status_code == 503 and "my sig" in answer.get_data(as_text=True)
    answer = signed_in.post(f"{LIST}/{'a' * 32}", data={**typed, "csrf_token": token, "address": "office@one.example"})
    assert answer.status_code == 503 and "my sig" in answer.get_data(as_text=True)  # kept under an id that SQL knows
    assert addresses(signed_in)[0] == FORWARDER  # without SQL each address of the account stays a sender


def test_a_setting_is_known_without_sql_while_the_cache_knows_it(
    app: Flask, signed_in: Pages, tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Cookie": f"postern={signed_in.cookie()}"}
    with app.test_request_context("/", headers=headers):
        profile.keep_setting(current(), "special", {"sent": "X"})
        assert stored.read(tables, "1", "special") == {"sent": "X"}
        stored.write(tables, "1", "special", {"sent": "Y"})  # as another node does
        assert profile.setting(current(), "special") == {"sent": "X"}
        monkeypatch.setattr(profile, "FRESH_SECONDS", 0)
        assert profile.setting(current(), "special") == {"sent": "Y"}
        Base.metadata.drop_all(tables)
        assert profile.setting(current(), "special") == {"sent": "Y"}
        current().cache.forget("setting special")
        assert profile.setting(current(), "special") is None
        with pytest.raises(ProfileAway):
            profile.keep_setting(current(), "special", None)


def test_whom_a_message_was_sent_to_is_remembered_and_without_sql_nothing_happens(
    app: Flask, signed_in: Pages, tables: Any
) -> None:
    with app.test_request_context("/", headers={"Cookie": f"postern={signed_in.cookie()}"}):
        profile.wrote_to(current(), (Address("Fritz", "fritz@one.example"), Address("", "x@one.example")))
        assert [each.address for each in suggestions(tables, "1", "fri")] == ["fritz@one.example"]
        Base.metadata.drop_all(tables)
        profile.wrote_to(current(), (Address("Fritz", "fritz@one.example"),))
