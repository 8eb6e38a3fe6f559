"""Whom a person, a site and the provider let in or shut out: each their own, undone for a day, never a stranger's."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.blocklog.codes import Policy
from app.policy import lists, senders
from app.policy.rule import EVERYBODY, Scope, account_scope, site_scope
from app.policy.tables import Base
from tests.policy.rules import kept, rule
from tests.web.admin.world import ISP_ADMIN, OTHER_ADMIN, SITE_ADMIN, USER, ago, block, enter
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
MINE, SITE = account_scope("1"), site_scope("1")
PAGE, SITE_PAGE, EVERY_PAGE = "/filters/senders", "/admin/site/senders", "/admin/global/senders"
DENY = {"action": "deny", "days": "0", "what": "bank.example"}
WRONG = [
    ({"what": ""}, "nothing is there"),
    ({"what": "bank"}, "it is not a domain"),
    ({"what": "*.bank.example"}, "not about those below it"),
    ({"what": "192.0.2.0/28"}, "a network is one of /32"),
    ({"what": "1.2.3.4.5"}, "it is neither an address"),
    ({"what": "a b@bank.example"}, "it is not an address"),
    ({"what": "x" * 400}, "longer than 320"),
    ({"action": "burn"}, "Choose what to do"),
    ({"days": "9"}, "Choose for how long"),
    ({"what": "gmail.com", "action": "allow"}, "Anybody can get an address at gmail.com"),
    ({"what": "gmail.com"}, "all of them would be shut out"),
    ({"what": "10.0.0.0/8"}, "a large part of the Internet"),
    ({"what": "boss@two.example", "action": "allow"}, "a domain of your own provider"),
    ({"what": "forward@one.example", "about": "recipient"}, "would be shut out"),
]


def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))).split())


def add(browser: Pages, page: str = PAGE, **form: str) -> Any:
    return browser.submit(page, {**DENY, **form}, page=page, follow_redirects=True)


def rules(engine: Engine, scope: Scope = MINE) -> list[tuple[str, str, bool]]:
    found = senders.rules_of(engine, scope, ago(hours=0))
    return [(each.action, each.value, each.expires_at is None) for each in found]


def test_an_entry_is_added_in_any_spelling_and_taken_back(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    answer = add(browser, what="Bank <Info@BANK.example>", note="too\nmuch")
    assert "info@bank.example is shut out, from the next message on." in text(answer)
    assert rules(log) == [("deny", "info@bank.example", True)] and "too much" in text(answer)
    assert "stopped nothing yet" in text(answer)
    add(browser, what="192.0.2.7", action="allow", days="30")
    add(browser, what="@bank.example", action="nogrey", days="7")
    assert rules(log)[:2] == [("allow", "192.0.2.7/32", False), ("nogrey", "bank.example", False)]
    answer = add(browser, what="bank.example")
    assert rules(log)[1] == ("deny", "bank.example", True), "it takes the place of the other"
    undo = re.search(r"/settings/actions/\d+/undo", answer.get_data(as_text=True))
    assert undo
    answer = browser.submit(undo[0], {"next": PAGE}, page=PAGE, follow_redirects=True)
    assert rules(log)[1] == ("nogrey", "bank.example", False) and "as it was before" in text(answer)


def test_what_is_wrong_or_doubtful_stands_beside_what_was_typed(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    token = browser.token(PAGE)
    for form, said in WRONG:
        typed = {**DENY, **form, "note": "a note", "csrf_token": token}
        answer = browser.post(PAGE, data=typed, buffered=True)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and said in text(answer) and 'value="a note"' in page, form
        assert 'data-testid="field-error"' in page and rules(log) == []


def test_who_means_it_says_so(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    add(browser, what="gmail.com", sure="yes")
    add(browser, what="gmail.com", action="allow", sure="yes")
    add(browser, what="boss@two.example", action="allow", sure="yes")
    assert rules(log) == [("allow", "boss@two.example", True), ("deny", "gmail.com", True)]


def test_an_address_that_changes_is_asked_about_as_a_domain(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    answer = add(browser, what="bounce+7=me@list.example")
    assert answer.status_code == 422 and "Everybody at list.example" in text(answer)
    add(browser, what="bounce+7=me@list.example", **{"as": "domain"})
    add(browser, what="anna85@list.example", **{"as": "address"}, action="allow")
    add(browser, what="anna85@gmail.com")
    assert [value for _, value, _ in rules(log)] == ["anna85@gmail.com", "anna85@list.example", "list.example"]


def test_how_often_an_entry_acted_leads_to_these_rows(log: Engine, app: Flask) -> None:
    number, other = kept(log, rule("deny", "bank.example", MINE), rule("deny", "evil.example", EVERYBODY, locked=True))
    for hours in (1, 2):
        block(log, hours=hours, policy=Policy.rule, rule_id=number)
    block(log, policy=Policy.rule, rule_id=other)
    block(log, "2", policy=Policy.rule, rule_id=other)
    block(log)
    browser = enter(app, USER)
    page = browser.get(PAGE)
    assert "stopped 2 messages, the last" in text(page) and "stopped 1 message, the last" in text(page)
    rows = browser.get(f"/blocked?rule={number}").get_data(as_text=True)
    assert rows.count('data-testid="blocked-row"') == 2 and "Show everything" in rows
    assert browser.get("/blocked?rule=9999999999999").status_code == 200
    assert "stopped 2 messages in 7 days" in text(enter(app, ISP_ADMIN).get(EVERY_PAGE))
    assert "stopped 1 message" not in text(enter(app, OTHER_ADMIN).get(SITE_PAGE)), "nothing of another site's mail"


def test_what_holds_from_above_is_shown_and_not_removed(log: Engine, app: Flask) -> None:
    numbers = kept(
        log, rule("deny", "a.example", EVERYBODY, locked=True), rule("allow", "b.example", SITE),
        rule("deny", "c.example", site_scope("2")), rule("deny", "d.example", account_scope("2")),
    )  # fmt: skip
    browser = enter(app, USER)
    page = browser.get(PAGE).get_data(as_text=True)
    assert page.count('data-testid="inherited-row"') == 2 and 'data-testid="list-remove"' not in page
    assert "locked" in page and "c.example" not in page and "d.example" not in page
    for number in numbers:
        answer = browser.submit(f"{PAGE}/{number}/remove", page=PAGE, follow_redirects=True)
        assert "not yours to remove" in text(answer)
    assert [len(rules(log, scope)) for scope in (EVERYBODY, SITE, site_scope("2"), account_scope("2"))] == [1, 1, 1, 1]


def test_a_list_is_searched_and_turned_over(log: Engine, app: Flask) -> None:
    many = [rule("deny", f"a{number:03}.example", MINE) for number in range(120)]
    with log.begin() as connection:
        lists.add_all(connection, [*many])
    kept(log, rule("allow", "b_1.example", MINE))
    browser = enter(app, USER)
    first = browser.get(PAGE).get_data(as_text=True)
    assert first.count('data-testid="sender-row"') == 100 and "121 entries, page 1 of 2" in first
    assert browser.get(f"{PAGE}?page=2").get_data(as_text=True).count('data-testid="sender-row"') == 21
    assert browser.get(f"{PAGE}?page=99999999999999999999").status_code == 200
    assert browser.get(f"{PAGE}?q=B_1").get_data(as_text=True).count('data-testid="sender-row"') == 1
    assert browser.get(f"{PAGE}?action=allow").get_data(as_text=True).count('data-testid="sender-row"') == 1
    for odd in ("%25", "%00", "%ed%a0%80", "a" * 400):
        assert "Nothing in this list matches" in text(browser.get(f"{PAGE}?q={odd}.x&what={odd}"))


def test_administrators_keep_the_lists_of_their_own_site_and_no_other(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    answer = add(browser, SITE_PAGE, what="bank.example", locked="yes")
    assert rules(log, SITE) == [("deny", "bank.example", True)] and "locked" in text(answer)
    assert senders.rules_of(log, SITE, ago(hours=0))[0].origin == "admin"
    (number,) = (each.rule_id for each in senders.rules_of(log, SITE, ago(hours=0)))
    other = enter(app, OTHER_ADMIN)
    assert other.get(f"{SITE_PAGE}?site=1").status_code == 404 and other.get(EVERY_PAGE).status_code == 404
    assert "not yours" in text(other.submit(f"{SITE_PAGE}/{number}/remove", page=SITE_PAGE, follow_redirects=True))
    undo = re.search(r"/admin/site/senders/undo/\d+", answer.get_data(as_text=True))
    assert undo
    other.submit(undo[0], page=SITE_PAGE)
    assert rules(log, SITE) == [("deny", "bank.example", True)]
    user = enter(app, USER)
    for path in (SITE_PAGE, EVERY_PAGE, "/admin/site/spam", "/admin/global/spam", f"{SITE_PAGE}/import"):
        assert user.get(path).status_code == 404
    assert user.post(SITE_PAGE, data={**DENY, "csrf_token": user.token(PAGE)}).status_code == 404
    browser.submit(undo[0], page=SITE_PAGE)
    assert rules(log, SITE) == []


def test_the_provider_keeps_those_of_everybody_and_of_each_site(log: Engine, app: Flask) -> None:
    browser = enter(app, ISP_ADMIN)
    assert browser.get(SITE_PAGE).status_code == 303
    there = f"{SITE_PAGE}?site=2"
    add(browser, there, what="postmaster@other.example", about="recipient", action="nogrey")
    add(browser, EVERY_PAGE, what="bank.example", locked="yes")
    (every,) = senders.rules_of(log, EVERYBODY, ago(hours=0))
    assert every.locked and rules(log, site_scope("2")) == [("nogrey", "postmaster@other.example", True)]
    assert browser.get(f"{SITE_PAGE}?site=2").get_data(as_text=True).count('data-testid="inherited-row"') == 1
    browser.submit(f"{EVERY_PAGE}/{every.rule_id}/remove", page=EVERY_PAGE)
    assert rules(log, EVERYBODY) == []


def test_shutting_out_all_mail_to_somebody_is_asked_and_told(log: Engine, app: Flask) -> None:
    browser = enter(app, SITE_ADMIN)
    wish = {"what": "forward@one.example", "about": "recipient"}
    answer = add(browser, SITE_PAGE, **wish)
    assert answer.status_code == 422 and "Nobody could write to forward@one.example" in text(answer)
    assert "They could not be told by mail" in text(add(browser, SITE_PAGE, **wish, sure="yes"))
    assert rules(log, SITE) == [("deny", "forward@one.example", True)]


def test_where_nobody_asks_the_lists_none_is_offered(log: Engine, app: Flask) -> None:
    kept(log, rule("deny", "bank.example", MINE))
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, rules_asked=False)
    browser = enter(app, USER)
    page = browser.get(PAGE).get_data(as_text=True)
    assert 'data-testid="lists-unasked"' in page and 'data-testid="list-save"' not in page
    assert add(browser, what="evil.example").status_code == 409 and len(rules(log)) == 1
    assert "do not ask any" in text(enter(app, SITE_ADMIN).get(SITE_PAGE))


def test_what_was_typed_stays_while_sql_is_away_or_the_list_is_full(
    log: Engine, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = enter(app, USER)
    monkeypatch.setattr(senders, "MOST", 0)
    answer = add(browser, what="info@bank.example")
    assert answer.status_code == 507 and 'value="info@bank.example"' in answer.get_data(as_text=True)
    Base.metadata.drop_all(log)
    token = browser.token("/settings/sessions")
    answer = browser.post(PAGE, data={**DENY, "what": "info@bank.example", "csrf_token": token})
    assert answer.status_code == 503 and 'value="info@bank.example"' in answer.get_data(as_text=True)
