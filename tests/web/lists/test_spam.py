"""Settings of spam: inherited and said so, chosen within reason, locked from above, never anybody else's."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.policy import spam
from app.policy.actions import By
from app.policy.chosen import Chosen, write
from app.policy.rule import EVERYBODY, account_scope, site_scope
from app.policy.tables import Base
from app.web.lists.spam import SCORES
from tests.policy.rules import NOW
from tests.web.admin.world import ISP_ADMIN, OTHER_ADMIN, SITE_ADMIN, USER, enter
from tests.web.lists.test_senders import text
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
PAGE, SITE_PAGE, EVERY_PAGE = "/filters/spam", "/admin/site/spam", "/admin/global/spam"
WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"junk_score": "many"}, "junk_score", "It is no number from 0.5"),
    ({"junk_score": "15"}, "junk_score", "never reach the spam folder"),
    ({"reject_score": "4", "rbl": "0"}, "reject_score", "never reach the spam folder"),
    ({"rbl": "maybe"}, "rbl", "either on or off"),
    ({"languages": "these"}, "languages", "choose at least one"),
    ({"languages": "these", "language": "xx"}, "languages", "not languages"),
]


def save(browser: Pages, page: str = PAGE, **form: Any) -> Any:
    return browser.submit(page, form, page=page, follow_redirects=True)


def values(engine: Engine, account: str = "1", site: str = "1") -> dict[str, str]:
    return {name: each.value for name, each in spam.effective(engine, account_id=account, site=site).items()}


def row(answer: Any, name: str) -> str:
    found = re.search(rf'data-setting="{name}".*?(?=data-setting=|</form>)', answer.get_data(as_text=True), re.DOTALL)
    assert found
    return found[0]


def test_what_a_person_chooses_holds_and_is_reset_and_taken_back(log: Engine, app: Flask) -> None:
    spam.choose(log, By("2", "", "1"), site_scope("1"), "junk_score", "6", False, NOW)
    browser = enter(app, USER)
    page = browser.get(PAGE)
    assert "Your site says" not in text(page) and "As your site says: 6" in row(page, "junk_score")
    assert "As usual: 15" in row(page, "reject_score") and 'data-testid="spam-reset"' not in page.get_data(as_text=True)
    chosen = {"junk_score": "4,5", "rbl": "0", "greylist": "", "spam_action": "tag"}
    answer = save(browser, **chosen, languages="these", language=["fr", "de"])
    held = values(log)
    assert (held["junk_score"], held["rbl"], held["languages"], held["spam_action"]) == ("4.5", "0", "de fr", "tag")
    assert held["greylist"] == "1" and values(log, "2")["junk_score"] == "6"
    assert "Chosen here. Without: 6." in row(answer, "junk_score") and "As usual: on" in row(answer, "rbl")
    assert answer.get_data(as_text=True).count('data-testid="list-undo"') == 4
    answer = save(browser, reset="junk_score", junk_score="4.5", rbl="0", reject_score="20")
    assert values(log)["junk_score"] == "6" and values(log)["reject_score"] == "20", "nothing typed is lost"
    undo = re.search(r"/settings/actions/\d+/undo", answer.get_data(as_text=True))
    assert undo
    browser.submit(undo[0], {"next": PAGE}, page=PAGE)
    save(browser, languages="any")
    assert values(log)["languages"] == "" and values(log)["reject_score"] == "15"


def test_what_is_wrong_stands_beside_and_nothing_is_saved(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    token = browser.token(PAGE)
    for form, name, said in WRONG:
        answer = browser.post(PAGE, data={**form, "csrf_token": token}, buffered=True)
        found = row(answer, name)
        assert answer.status_code == 422 and said.lower() in found.lower() and 'data-testid="field-error"' in found
        assert values(log) == dict(spam.DEFAULTS)
        assert name not in SCORES or f'value="{form[name]}"' in found


def test_what_is_locked_above_is_shown_with_whom_and_not_changed(log: Engine, app: Flask) -> None:
    save(enter(app, ISP_ADMIN), EVERY_PAGE, reject_score="12", lock_reject_score="yes", lock_rbl="yes", rbl="")
    save(enter(app, SITE_ADMIN), SITE_PAGE, reject_score="30", spam_action="tag", lock_spam_action="yes")
    browser = enter(app, USER)
    page = browser.get(PAGE)
    said = {"reject_score": "provider says: 12", "rbl": "provider says: on", "spam_action": "your site says: only"}
    for name, words in said.items():
        assert words in row(page, name) and "locked" in row(page, name) and "<select" not in row(page, name)
    save(browser, reject_score="99", rbl="0", spam_action="junk", junk_score="7")
    held = values(log)
    assert (held["reject_score"], held["rbl"], held["spam_action"], held["junk_score"]) == ("12", "1", "tag", "7")
    answer = save(browser, junk_score="13")
    assert answer.status_code == 422, "above what is refused, whoever said so"


def test_administrators_choose_for_their_own_site_alone(log: Engine, app: Flask) -> None:
    browser = enter(app, OTHER_ADMIN)
    assert browser.get(f"{SITE_PAGE}?site=1").status_code == 404 and browser.get(EVERY_PAGE).status_code == 404
    forged = {"rbl": "0", "csrf_token": browser.token(SITE_PAGE)}
    assert browser.post(f"{SITE_PAGE}?site=1", data=forged).status_code == 404
    save(browser, SITE_PAGE, rbl="0")
    assert values(log)["rbl"] == "1" and values(log, "4", "2")["rbl"] == "0"
    provider = enter(app, ISP_ADMIN)
    answer = save(provider, f"{SITE_PAGE}?site=1", junk_score="8")
    assert values(log)["junk_score"] == "8" and values(log, "4", "2")["junk_score"] == "5"
    undo = re.search(r"/admin/site/senders/undo/\d+\?site=1", answer.get_data(as_text=True))
    assert undo
    assert browser.submit(undo[0], page=SITE_PAGE).status_code == 404
    provider.submit(undo[0], page=f"{SITE_PAGE}?site=1")
    assert values(log)["junk_score"] == "5"


def test_only_what_the_mail_servers_heed_is_offered(log: Engine, app: Flask) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, spam_asked=("junk_score",), learning=True)
    browser = enter(app, USER)
    page = browser.get(PAGE)
    assert page.get_data(as_text=True).count('data-testid="spam-setting"') == 1 and "block lists" in text(page)
    assert "the filter learns from each" in text(page)
    save(browser, rbl="0", junk_score="3")
    assert values(log)["rbl"] == "1" and values(log)["junk_score"] == "3"
    held.settings = dataclasses.replace(held.settings, spam_asked=(), learning=False)
    page = browser.get(PAGE)
    assert "Your provider decides all of this" in text(page) and "does not learn from that" in text(page)
    assert "POSTERN_SPAM_ASKED does not name" in text(enter(app, SITE_ADMIN).get(SITE_PAGE))


def test_what_was_typed_stays_while_sql_is_away(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    token = browser.token("/settings/sessions")
    Base.metadata.drop_all(log)
    answer = browser.post(PAGE, data={"junk_score": "4.5", "csrf_token": token})
    assert answer.status_code == 503 and 'value="4.5"' in answer.get_data(as_text=True)


def test_the_switch_of_the_intake_is_told(log: Engine, app: Flask) -> None:
    with log.begin() as connection:
        write(connection, EVERYBODY, "greylist_on", Chosen("0"), NOW)
        write(connection, account_scope("1"), "greylist", Chosen("1"), NOW)
    assert "not delayed at the moment" in text(enter(app, USER).get(PAGE))
