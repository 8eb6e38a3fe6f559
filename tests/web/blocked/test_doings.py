"""What was done: one's own, in pages, with the looks of administrators among them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.policy import actions, senders
from app.policy.actions import By
from app.policy.asking import changed
from app.policy.rule import Rule, account_scope
from app.policy.tables import Base
from app.policy.value import Kind
from app.profile.tables import Base as ProfileBase
from app.web.blocked import doings
from tests.web.blocked.rows import now
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
PAGE = "/settings/actions"
ME = By("1", "1", "1")


@pytest.fixture
def database(app: Flask) -> Engine:
    engine: Engine = app.extensions["postern"].database
    Base.metadata.create_all(engine)
    ProfileBase.metadata.create_all(engine)
    return engine


def rule(value: str, **more: object) -> Rule:
    return Rule(account_scope("1"), "deny", Kind.domain, value, now(), **more)  # type: ignore[arg-type]


def page(browser: Pages, path: str = PAGE) -> str:
    return browser.get(path).get_data(as_text=True)


def test_rules_are_listed_and_removed(database: Engine, signed_in: Pages) -> None:
    assert "empty-actions" in page(signed_in)
    actions.add_rule(database, ME, rule("shop.example", note="<b>"))
    changed(database, lambda each: senders.add(each, rule("locked.example", locked=True)))
    shown = page(signed_in)
    assert shown.count('data-testid="rule-row"') == 2 and shown.count('data-testid="rule-remove"') == 1
    assert "&lt;b&gt;" in shown
    found = re.search(r"/settings/actions/rules/(\d+)/remove", shown)
    assert found
    for _ in range(2):
        assert signed_in.submit(found[0], page=PAGE).status_code == 303
    assert page(signed_in).count('data-testid="rule-row"') == 1


def test_what_administrators_did_is_shown_and_is_not_one_s_own_to_take_back(database: Engine, signed_in: Pages) -> None:
    actions.recorded(database, By("9", "1", "1"), "look", "1", now())
    actions.add_rule(database, By("9", "1", "1"), rule("shop.example"))
    shown = page(signed_in)
    assert shown.count("by an administrator") == 2 and 'data-testid="action-undo"' not in shown
    number = actions.of_account(database, "1")[0].id
    signed_in.submit(f"{PAGE}/{number}/undo", page=PAGE)
    assert "shop.example" in page(signed_in)


def test_after_a_day_there_is_no_way_back_and_older_ones_are_on_the_next_page(
    database: Engine, signed_in: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doings, "PER_PAGE", 2)
    for number in range(3):
        actions.recorded(database, ME, "report", f"{number}.example", now() - timedelta(days=2 - number))
    shown = page(signed_in)
    assert "2.example" in shown and "0.example" not in shown and 'data-testid="action-undo"' not in shown
    older = re.search(r'href="([^"]+)" rel="next"', shown)
    assert older and "0.example" in page(signed_in, unescape(older[1]))


@pytest.mark.parametrize("number", ["2147483648", "9223372036854775807", "9" * 19, "9" * 30, "-" + "9" * 30, "٣"])
def test_a_number_that_no_id_can_have_is_nobody_s_fault(database: Engine, signed_in: Pages, number: str) -> None:
    """SQL's error about it would be taken for its silence, and rules be away for everybody."""
    for path in (f"{PAGE}/{number}/undo", f"{PAGE}/rules/{number}/remove"):
        assert signed_in.submit(path, page=PAGE).status_code in (303, 404), path
        signed_in.get(PAGE, buffered=True)  # says what was flashed
    assert signed_in.get(f"{PAGE}?before={number}", buffered=True).status_code == 200
