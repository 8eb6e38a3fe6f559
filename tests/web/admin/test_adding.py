"""New accounts: what they get by themselves, what only the provider says, and names that are taken."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, insert

from app.directory.tables import AddressRow, ServerRow
from app.policy import away
from app.policy.away import Away
from tests.web.admin import world as people
from tests.web.admin.test_editing import actions, wrong
from tests.web.admin.test_importing import people_of
from tests.web.admin.world import ISP_ADMIN, OTHER_ADMIN, SITE_ADMIN, USER
from tests.web.conftest import add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
PAGE = "/admin/site/accounts/new"
FORM = {"username": "Zoe", "display_name": "Zoe", "kind": "forward", "forward_to": "x@else.example", "role": "user"}


def enter(app: Flask, address: str) -> Pages:
    browser = people.enter(app, address)
    browser.open = functools.partial(browser.open, buffered=True)  # type: ignore[method-assign]
    return browser


def add(browser: Pages, path: str = PAGE, **fields: str) -> Any:
    return browser.submit(path, {**FORM, **fields}, page=path)


def test_who_only_forwards_signs_in_with_the_password_that_was_typed(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    more = {"site_id": "2", "login": "root", "server": "1", "password_hash": "x"}
    assert add(browser, password="long enough 1", **more).status_code == 303
    made = people_of(log)["zoe"]
    assert (made.kind, made.server_id, made.login, made.role, made.site_id) == ("forward", None, None, "user", 1)
    fresh: Pages = app.test_client()  # type: ignore[assignment]
    assert fresh.sign_in("zoe@two.example", "long enough 1").status_code == 303
    done = actions(log)[-1]
    assert (done.verb, done.account_id) == ("account-add", str(made.account_id)) and "argon" not in done.detail
    away.keep(log, str(made.account_id), Away(True, "Away."), datetime.now(UTC), seen="")
    there = f"/admin/accounts/{made.account_id}"
    answer = browser.submit(f"{there}/undo/{done.id}", page=f"{there}/settings", follow_redirects=True)
    assert "is as it was before" in answer.get_data(as_text=True) and "zoe" not in people_of(log)
    assert away.away(log, str(made.account_id)) is None, "what it chose goes with it"
    assert fresh.get("/settings/sessions").status_code == 303, "signed out"


def test_a_mailbox_lies_where_most_of_the_site_do_or_where_the_provider_says(log: Engine, app: Flask) -> None:
    browser, provider = enter(app, SITE_ADMIN), enter(app, ISP_ADMIN)
    assert "Your provider has to choose" in wrong(add(browser, kind="mailbox"))
    with log.begin() as rows:
        for number in (1, 2):
            rows.execute(insert(ServerRow).values(server_id=number, name=f"box{number}", imap_host="imap.one.example"))
    there = f"{PAGE}?site=1"
    assert add(provider, there, kind="mailbox", server="2", login="u77", username="first").status_code == 303
    assert add(browser, kind="mailbox", server="1", username="second").status_code == 303
    made = people_of(log)
    assert (made["first"].server_id, made["first"].login) == (2, "u77")
    assert (made["second"].server_id, made["second"].login) == (2, "second@one.example")
    assert made["second"].forward_to is None


def test_a_name_on_the_mail_server_that_leads_elsewhere_is_refused_beside_its_field(log: Engine, app: Flask) -> None:
    with log.begin() as rows:
        rows.execute(insert(ServerRow).values(server_id=1, name="box", imap_host="imap.one.example"))
    add_account(app, 6, "ann", kind="mailbox", server_id=1, login="ann", forward_to=None)
    browser, provider, there = enter(app, SITE_ADMIN), enter(app, ISP_ADMIN), f"{PAGE}?site=1"
    answer = add(provider, there, kind="mailbox", server="1", login="../ann", username="first")
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and 'id="login-hint"' in html and "is no name of a mailbox" in html
    assert 'value="../ann"' in html and "first" not in people_of(log)
    assert "is no name of a mailbox" in wrong(add(browser, kind="mailbox", username="a/b"))
    assert add(provider, there, kind="mailbox", server="1", login="ab", username="a/b").status_code == 303
    assert people_of(log)["a/b"].login == "ab"


def test_names_that_are_taken_or_none_and_roles_that_are_not_theirs(log: Engine, app: Flask) -> None:
    with log.begin() as rows:
        rows.execute(insert(AddressRow).values(site_id=1, local="info", account_id=1))
    add_account(app, 6, "ann")
    browser, before = enter(app, SITE_ADMIN), people_of(log)
    for fields, why in (
        ({"username": "info"}, "has that name already"), ({"username": "ann"}, "already"),
        ({"username": "a b"}, "not the first part"), ({"username": "*"}, "not the first part"),
        ({"role": "isp_admin"}, "not yours to give"),
        ({"password": "short"}, "At least 10"), ({"forward_to": "nobody@one.example"}, "Nobody has"),
    ):  # fmt: skip
        answer = add(browser, **fields)
        assert why in wrong(answer), fields
        assert 'value="Zoe"' in answer.get_data(as_text=True), "what was typed is still there"
    assert people_of(log) == before and not actions(log)


def test_users_other_sites_and_forms_from_elsewhere_add_nobody(log: Engine, app: Flask) -> None:
    before = people_of(log)
    assert add(enter(app, USER), "/settings/sessions").status_code == 405
    assert enter(app, USER).get(PAGE).status_code == 404
    other = enter(app, OTHER_ADMIN)
    assert other.submit(f"{PAGE}?site=1", FORM, page=PAGE).status_code == 404
    assert enter(app, SITE_ADMIN).post(PAGE, data=FORM).status_code == 400
    assert people_of(log) == before
