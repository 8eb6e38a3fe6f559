"""A site's settings and addresses: what is its own administrators' to change, and what only the provider's."""

from __future__ import annotations

import functools
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, insert, select

from app.directory.tables import AccountRow, AddressRow, DomainRow, SiteRow
from tests.web.admin import world as people
from tests.web.admin.test_editing import actions, row, wrong
from tests.web.admin.world import IDS, ISP_ADMIN, OTHER_ADMIN, SITE_ADMIN, USER
from tests.web.conftest import add_account
from tests.web.pages import Pages, field

pytestmark = pytest.mark.servers
PAGE = "/admin/site"
FORM = {"primary_domain": "two.example", "time_zone": "Asia/Kolkata", "locale": "de", "log_days": "30",
        "filters_words": "Write a .forward.", "filters_page": "https://isp.example/x"}  # fmt: skip
OF_PROVIDER = {"brand": "", "forward_outside": "", "forward_here": "yes", "reset_passwords": "yes",
               "messages_per_hour": "9", "recipients_per_hour": "90"}  # fmt: skip


def enter(app: Flask, address: str) -> Pages:
    browser = people.enter(app, address)
    browser.open = functools.partial(browser.open, buffered=True)  # type: ignore[method-assign]
    return browser


def send(browser: Pages, fields: dict[str, str], path: str = PAGE) -> Any:
    page = browser.get(path)
    seen = {"seen": field(page, "seen"), "csrf_token": field(page, "csrf_token")}
    return browser.post(path, data={**seen, **fields})


def site(log: Engine, number: str = "1") -> Any:
    return row(log, number, SiteRow)


def addresses(log: Engine) -> dict[str, Any]:
    with log.connect() as connection:
        rows = connection.execute(select(AddressRow.__table__).where(AddressRow.site_id == 1)).all()
    return {f"{each.local} {each.domain_id}": each for each in rows}


def test_what_a_site_sets_and_what_the_provider_sets_for_it(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    assert send(browser, {**FORM, **OF_PROVIDER, "site_id": "2", "name": "x", "enabled": "no"}).status_code == 303
    now = site(log)
    assert (now.primary_domain, now.time_zone, now.locale, now.log_days) == ("two.example", "Asia/Kolkata", "de", 30)
    assert (now.filters_words, now.filters_page) == ("Write a .forward.", "https://isp.example/x")
    assert not now.forward_here
    assert (now.forward_outside, now.reset_passwords, now.messages_per_hour, now.name) == (True, False, None, "One")
    assert 'name="forward_outside"' not in browser.get(PAGE).get_data(as_text=True)
    provider = enter(app, ISP_ADMIN)
    assert send(provider, {**FORM, **OF_PROVIDER}, f"{PAGE}?site=1").status_code == 303
    now = site(log)
    assert (now.forward_outside, now.reset_passwords, now.messages_per_hour) == (False, True, 9) and now.enabled
    assert now.forward_here
    number = actions(log)[-1].id
    answer = browser.submit(f"{PAGE}/undo/{number}", page=PAGE, follow_redirects=True)
    assert "not yours to take back" in answer.get_data(as_text=True) and site(log).reset_passwords
    provider.submit(f"{PAGE}/undo/{number}?site=1", page=f"{PAGE}?site=1")
    assert not site(log).reset_passwords
    browser.submit(f"{PAGE}/undo/{actions(log)[0].id}", page=PAGE)
    assert site(log).primary_domain == "one.example"


def test_how_the_filter_learns_is_the_provider_s_to_say(log: Engine, app: Flask) -> None:
    ways = {"learning": "address", "learn_spam_to": "Spam@ISP.example", "learn_ham_to": "ham@isp.example"}
    own = enter(app, SITE_ADMIN)
    send(own, {**FORM, **ways})
    assert site(log).learning is None and 'name="learning"' not in own.get(PAGE).get_data(as_text=True)
    provider, page, form = enter(app, ISP_ADMIN), f"{PAGE}?site=1", {**FORM, **OF_PROVIDER, **ways}
    assert "copies are sent there" in wrong(send(provider, {**form, "learn_ham_to": ""}, page))
    assert "no address" in wrong(send(provider, {**form, "learn_ham_to": "ham"}, page))
    assert "must be one of" in wrong(send(provider, {**form, "learning": "magic"}, page))
    assert send(provider, form, page).status_code == 303
    now = site(log)
    assert (now.learning, now.learn_spam_to, now.learn_ham_to) == ("address", "spam@isp.example", "ham@isp.example")
    assert 'value="address" selected' in provider.get(page).get_data(as_text=True)


def test_what_is_wrong_with_a_site_stands_beside_its_field(log: Engine, app: Flask) -> None:
    before, browser = site(log), enter(app, SITE_ADMIN)
    for fields, said in (
        ({"primary_domain": "other.example"}, "own domains"), ({"time_zone": "Mars"}, "not a time zone"),
        ({"filters_page": "javascript:alert(1)"}, "not the address of a page"),
        ({"locale": "'"}, "not a language"), ({"log_days": "0"}, "At least one day"), ({"log_days": "x"}, "whole"),
        ({"seen": "0"}, "while you looked"),
    ):  # fmt: skip
        assert said in wrong(send(browser, {**FORM, **fields})), fields
    provider = enter(app, ISP_ADMIN)
    assert "no such brand" in wrong(send(provider, {**FORM, **OF_PROVIDER, "brand": "x"}, f"{PAGE}?site=1"))
    assert site(log) == before and not actions(log)


def test_another_site_s_administrators_and_users_find_nothing(log: Engine, app: Flask) -> None:
    enter(app, SITE_ADMIN).submit(f"{PAGE}/addresses", {"local": "x", "goes_to": "a@b.example"}, page=PAGE)
    held, before, number = addresses(log), site(log), actions(log)[-1].id
    other, user = enter(app, OTHER_ADMIN), enter(app, USER)
    remove = f"{PAGE}/addresses/{held['x 0'].address_id}/remove"
    for path in (PAGE, f"{PAGE}/addresses", remove, f"{PAGE}/undo/{number}"):
        assert other.submit(f"{path}?site=1", FORM, page="/settings/sessions").status_code == 404, path
        assert user.submit(path, FORM, page="/settings/sessions").status_code == 404, path
        other.submit(path, FORM, page="/settings/sessions")  # their own site: nothing of it is there
    assert addresses(log) == held and site(log) == before
    assert enter(app, ISP_ADMIN).get(PAGE).status_code == 404, "of which site?"


def test_a_catch_all_has_an_owner_and_an_alias_forwards(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)

    def add(**fields: str) -> Any:
        form = {"what": "alias", "local": "", "domain": "", "goes_to": "", **fields}
        return browser.submit(f"{PAGE}/addresses", form, page=PAGE)

    assert add(what="catch-all", local="ignored", goes_to="Forward@two.example").status_code == 303
    assert add(local="Team", domain="2", goes_to="a@else.example\nforward@one.example").status_code == 303
    rows = addresses(log)
    assert rows["* 0"].account_id == 1 and rows["* 0"].forward_to is None
    assert rows["team 2"].account_id is None and rows["team 2"].forward_to == "a@else.example, forward@one.example"
    for fields, said in (
        ({"local": "team", "domain": "2", "goes_to": "x@else.example"}, "this address already"),
        ({"local": "loop", "goes_to": "loop@two.example"}, "leads back"),
        ({"local": "ada", "goes_to": "x@else.example"}, "has that name"),
        ({"local": "x", "goes_to": ""}, "who gets"),
        ({"local": "x", "goes_to": "|cat"}, "no address"),
        ({"local": "", "goes_to": "x@else.example"}, "not the first part"),
        ({"local": "x", "domain": "9", "goes_to": "x@else.example"}, "not one of this site"),
    ):  # fmt: skip
        assert said in wrong(add(**fields)), fields
    page = unescape(re.sub(r"<[^>]+>", " ", browser.get(PAGE).get_data(as_text=True)))
    assert "catch-all" in page and "team@two.example" in page
    assert browser.submit(f"{PAGE}/addresses/{rows['team 2'].address_id}/remove", page=PAGE).status_code == 303
    assert "team 2" not in addresses(log)
    number = actions(log)[-1].id
    add_account(app, 8, "team")  # which has the name by now: an address that came back would take its mail
    with log.begin() as connection:
        connection.execute(delete(AddressRow.__table__).where(AddressRow.account_id == 8))
    answer = browser.submit(f"{PAGE}/undo/{number}", page=PAGE, follow_redirects=True)
    assert "Nothing was taken back" in answer.get_data(as_text=True) and "team 2" not in addresses(log)


def test_an_account_s_alias_is_removed_on_its_own_page_only(log: Engine, app: Flask) -> None:
    ida = addresses(log)["ida 0"]
    browser = enter(app, SITE_ADMIN)
    answer = browser.submit(f"{PAGE}/addresses/{ida.address_id}/remove", page=PAGE, follow_redirects=True)
    assert "gone already" in answer.get_data(as_text=True) and addresses(log)["ida 0"] == ida


def test_a_domain_that_is_gone_does_not_come_back_as_primary(log: Engine, app: Flask) -> None:
    with log.begin() as rows:
        rows.execute(insert(DomainRow).values(domain_id=12, name="old.example", site_id=1))
    browser = enter(app, SITE_ADMIN)
    send(browser, {**FORM, "primary_domain": "old.example"})
    send(browser, {**FORM, "primary_domain": "two.example"})
    with log.begin() as rows:
        rows.execute(delete(DomainRow.__table__).where(DomainRow.domain_id == 12))
    answer = browser.submit(f"{PAGE}/undo/{actions(log)[-1].id}", page=PAGE, follow_redirects=True)
    assert "Nothing was taken back" in answer.get_data(as_text=True) and site(log).primary_domain == "two.example"


def test_passwords_are_set_anew_where_the_site_lets_and_never_upwards(log: Engine, app: Flask) -> None:
    browser, ann = enter(app, SITE_ADMIN), f"/admin/accounts/{IDS[USER]}"
    there, page = f"{ann}/password", f"{ann}/settings"
    assert "account-set-password" not in browser.get(page).get_data(as_text=True)
    assert browser.submit(there, {"password": "long enough 1"}, page=page).status_code == 404
    send(enter(app, ISP_ADMIN), {**FORM, **OF_PROVIDER, "primary_domain": "one.example"}, f"{PAGE}?site=1")
    old = row(log, IDS[USER]).password_hash
    user = enter(app, USER)
    for typed, said in (("short", "At least 10"), ("forward@one.example", "own name"), ("x" * 257, "At most 256")):
        answer = browser.submit(there, {"password": typed}, page=page)
        assert said in wrong(answer) and f'value="{typed}"' not in answer.get_data(as_text=True)
    assert row(log, IDS[USER]).password_hash == old
    done = browser.submit(there, {"password": "long enough 1"}, page=page)
    assert done.status_code == 200 and "long enough" not in done.get_data(as_text=True)
    assert user.get("/settings/sessions").status_code == 303, "signed out everywhere"
    fresh: Pages = app.test_client()  # type: ignore[assignment]
    assert fresh.sign_in(USER, "long enough 1").status_code == 303
    for theirs in (ISP_ADMIN, SITE_ADMIN):
        path = f"/admin/accounts/{IDS[theirs]}/password"
        assert browser.submit(path, {"password": "long enough 1"}, page=page).status_code == 404, theirs
    with log.begin() as rows:
        mailbox = {"kind": "mailbox", "password_hash": None}
        rows.execute(AccountRow.__table__.update().where(AccountRow.account_id == 1).values(mailbox))
    assert browser.submit(there, {"password": ""}, page=page).status_code == 404, "its password is not ours"
