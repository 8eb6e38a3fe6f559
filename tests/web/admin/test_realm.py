"""Who may see what of /admin: users nothing, a site's administrators their own site, the provider's everything."""

from __future__ import annotations

import dataclasses
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, select, update

from app.directory.tables import AccountRow
from app.policy.tables import ActionRow, Base, HostBlockRow, PolicySettingRow
from app.web.brand import DEFAULT, Brands
from tests.web.admin.world import IDS, ISP_ADMIN, OTHER_ADMIN, OTHER_USER, SITE_ADMIN, USER, block, enter
from tests.web.conftest import PASSWORD
from tests.web.pages import Pages, settled

pytestmark = pytest.mark.servers
OF_SITES = ("/admin", "/admin/totals", "/admin/unknown", "/admin/senders?q=shop.example", "/admin/accounts/1")
OF_PROVIDER = ("/admin/servers", "/admin/logs", "/admin/intake")
POSTS = ("/admin/servers", "/admin/servers/lengthen", "/admin/servers/let-in", "/admin/intake")
FORM = {"ip": "203.0.113.9", "reason": "x", "days": "7", "switch": "allow_other", "to": "off"}


def status(browser: Pages, path: str) -> int:
    """That of a page, which is read to its end: an account may have few requests at once."""
    return browser.get(path, buffered=True).status_code


def rows(engine: Engine, table: type[Base]) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table.__table__)) or 0


def test_a_user_finds_nothing_here_and_no_way_to_it(log: Engine, app: Flask) -> None:
    block(log)
    browser = enter(app, USER)
    for path in (*OF_SITES, *OF_PROVIDER):
        assert status(browser, path) == 404, path
    for path in POSTS:
        assert browser.submit(path, FORM, page="/settings/sessions").status_code == 404, path
    assert "/admin" not in browser.get("/settings/sessions").get_data(as_text=True)
    assert not any(rows(log, table) for table in (ActionRow, HostBlockRow, PolicySettingRow))


def test_a_site_s_administrator_finds_the_site_and_nothing_of_the_provider_s(log: Engine, app: Flask) -> None:
    block(log)
    browser = enter(app, SITE_ADMIN)
    for path in OF_SITES:
        page = browser.get(path)
        assert page.status_code == 200 and "/admin/intake" not in page.get_data(as_text=True), path
    for path in OF_PROVIDER:
        assert status(browser, path) == 404, path
    for path in POSTS:
        assert browser.submit(path, FORM, page="/settings/sessions").status_code == 404, path
    assert not rows(log, HostBlockRow) and not rows(log, PolicySettingRow)


def test_the_administrator_of_another_site_sees_nothing_of_this_one(log: Engine, app: Flask) -> None:
    block(log, sender="info@secret.example", rcpt="forward@one.example")
    block(log, "", sender="info@secret.example", rcpt="nobody@one.example", policy=18)
    block(log, "99", sender="info@secret.example", rcpt="gone@one.example")  # an account that is no more
    browser = enter(app, OTHER_ADMIN)
    for account in (IDS[USER], IDS[SITE_ADMIN], IDS[ISP_ADMIN], "99", "%", "1'", "q:forward@one.example", "u:x"):
        assert status(browser, f"/admin/accounts/{account}") == 404, account
        assert status(browser, f"/admin/accounts/{account}?site=1") == 404, account
        assert status(browser, f"/admin/accounts/{account}?site=2&view=received") == 404, account
    for path in ("/admin", "/admin/totals", "/admin/unknown", "/admin/senders?q=secret.example"):
        page = browser.get(path).get_data(as_text=True)
        assert "one.example" not in page and "forward@" not in page and "info@secret" not in page, path
        for site in ("1", "", "0", "2 OR 1", "1,2"):
            joined = f"{path}{'&' if '?' in path else '?'}site={site}"
            assert status(browser, joined) == (404 if site else 200), joined
    assert rows(log, ActionRow) == 0, "what was not seen was not looked at"


@pytest.mark.parametrize("odd", ["%00", "1%00", "%C3%A9", "%E2%80%A8", "a" * 701, "%F0%9F%98%80", "1%0A"])
def test_an_id_that_no_account_and_no_site_has_is_not_asked_of_sql(log: Engine, app: Flask, odd: str) -> None:
    """PostgreSQL and MariaDB answer it with an error, which would be taken for a log that is away, by everybody."""
    browser, asked = enter(app, ISP_ADMIN), []
    settled()
    event.listen(log, "before_cursor_execute", lambda *told: asked.append(str(told[3])))
    for path in (f"/admin/accounts/{odd}", f"/admin?site={odd}", f"/admin/totals?site={odd}"):
        assert status(browser, path) == 404, path
    assert status(browser, f"/admin/servers?ip={odd}") == 200
    assert not [each for each in asked if "\0" in each or "\\x" in each or not each.isascii()]


def test_rows_of_another_site_under_an_account_of_this_one_are_not_shown(log: Engine, app: Flask) -> None:
    """An account that has moved to another customer has rows of both."""
    block(log, IDS[OTHER_USER], "1", sender="info@before.example")
    block(log, IDS[OTHER_USER], "2", sender="info@after.example")
    page = enter(app, OTHER_ADMIN).get(f"/admin/accounts/{IDS[OTHER_USER]}").get_data(as_text=True)
    assert "after.example" in page and "before.example" not in page
    assert 'data-testid="account-day">1<' in page
    both = enter(app, ISP_ADMIN).get(f"/admin/accounts/{IDS[OTHER_USER]}").get_data(as_text=True)
    assert "after.example" in both and "before.example" in both and 'data-testid="account-day">2<' in both


def test_the_provider_s_administrator_sees_all_sites(log: Engine, app: Flask) -> None:
    block(log)
    block(log, IDS[OTHER_USER], "2")
    browser = enter(app, ISP_ADMIN)
    for path in (*OF_SITES, *OF_PROVIDER, "/admin?site=1", "/admin?site=2", f"/admin/accounts/{IDS[OTHER_USER]}"):
        assert status(browser, path) == 200, path


def test_nobody_gets_in_without_a_session_and_a_deep_link_survives_signing_in(log: Engine, app: Flask) -> None:
    block(log, sender="info@shop.example")
    browser: Pages = app.test_client()  # type: ignore[assignment]
    asked = browser.get("/admin/accounts/1?view=blocked&q=shop")
    assert asked.status_code == 303 and "/login" in asked.location
    done = browser.submit(asked.location, {"address": SITE_ADMIN, "password": PASSWORD}, page=asked.location)
    assert done.status_code == 303
    landed = browser.get(browser_next(asked.location))
    assert landed.status_code == 200 and "info@shop.example" in landed.get_data(as_text=True)


def browser_next(location: str) -> str:
    return parse_qs(urlsplit(location).query)["next"][0]


def test_a_form_of_another_site_changes_nothing(log: Engine, app: Flask) -> None:
    browser = enter(app, ISP_ADMIN)
    for path in POSTS:
        assert browser.post(path, data=FORM).status_code == 400, path
        foreign = browser.submit(path, FORM, page="/admin/intake", headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403, path
    assert not rows(log, HostBlockRow) and not rows(log, PolicySettingRow)


def test_a_brand_without_administration_has_none(log: Engine, app: Flask) -> None:
    browser = enter(app, ISP_ADMIN)
    brands = app.extensions["postern"].brands
    off = dataclasses.replace(brands.by_id[DEFAULT], off=frozenset({"admin"}))
    app.extensions["postern"].brands = Brands({**brands.by_id, DEFAULT: off})
    assert status(browser, "/admin") == 404 and status(browser, "/admin/intake") == 404
    assert "admin-link" not in browser.get("/settings/sessions").get_data(as_text=True)


def test_who_is_no_administrator_any_more_is_none_at_the_next_look_at_the_directory(log: Engine, app: Flask) -> None:
    engine = app.extensions["postern"].directory.engine
    with engine.begin() as connection:
        connection.execute(update(AccountRow.__table__).where(AccountRow.account_id == 2).values(role="user"))
    assert enter(app, SITE_ADMIN).get("/admin").status_code == 404


def test_a_log_that_is_away_and_a_policy_that_is_away_have_their_page(app: Flask, log: Engine) -> None:
    block(log)
    browser = enter(app, ISP_ADMIN)
    Base.metadata.drop_all(log)
    assert status(browser, "/admin") == 200, "without the policy no page is refused for its switches"
    assert status(browser, "/admin/accounts/1") == 503, "a look that cannot be written down is none"
    assert status(browser, "/admin/intake") == 503


@pytest.mark.parametrize("path", ["/admin/accounts/1", "/admin/servers", "/admin/intake", "/settings/looks"])
def test_while_sql_is_known_to_be_away_nobody_waits_for_it(app: Flask, log: Engine, path: str) -> None:
    browser = enter(app, ISP_ADMIN)
    app.extensions["postern"].profile_gate.failed()
    assert status(browser, path) == 503, "SQL is not asked: here it would answer"
    assert status(browser, "/admin/totals") == 200, "without the switches"
