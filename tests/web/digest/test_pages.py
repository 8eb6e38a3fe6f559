"""The choice of a digest, and its links: a page that asks, one action once, for one account and one row only."""

from __future__ import annotations

import dataclasses
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, update

from app.blocklog.codes import Outcome, Policy
from app.directory.tables import AccountRow
from app.policy import actions, senders
from app.policy.rule import account_scope
from app.policy.tables import Base as PolicyBase
from app.profile import settings as kept
from app.profile.tables import Base as ProfileBase
from app.web.blocked.asked import place_of
from app.web.digest import pages
from app.web.digest.due import SENT, SETTING
from app.web.digest.link import LASTS, Link, token
from tests.policy.amavis import amavis
from tests.web.blocked.rows import block, now, tables
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
KEPT: dict[str, Any] = {"outcome": Outcome.quarantined, "policy": Policy.spam, "stored_ref": "amavis:t3d7qJkAoigg"}


@pytest.fixture
def log(app: Flask) -> Engine:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(
        held.settings, public_url="https://x.example", notice_from="webmail@one.example", submission_url="smtps://x"
    )
    engine: Engine = held.database
    tables(engine)
    PolicyBase.metadata.create_all(engine)
    ProfileBase.metadata.create_all(engine)
    return engine


def path(app: Flask, row: str, action: str = "allow", account: str = "1", **more: Any) -> str:
    place = place_of(row)
    assert place is not None
    link = Link(account, "forward@one.example", *place, action, datetime.now(UTC) + LASTS)
    return f"/digest/{token(app.extensions['postern'].ring, dataclasses.replace(link, **more))}"


def rules(log: Engine) -> list[str]:
    return [f"{each.action} {each.value}" for each in senders.rules_of(log, account_scope("1"), now())]


def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))).split())


def test_a_link_asks_first_and_does_one_thing_once_without_a_session(app: Flask, log: Engine, browser: Pages) -> None:
    there = path(app, block(log))
    for _ in range(2):
        page = browser.get(there)
        assert page.status_code == 200 and "mail from info@bank.example is allowed for a year" in text(page)
    assert rules(log) == [] and actions.of_account(log, "1") == ()
    answer = browser.submit(there, page=there)
    assert 'data-testid="link-done"' in answer.get_data(as_text=True)
    assert rules(log) == ["allow info@bank.example"]
    assert browser.get("/blocked").status_code == 303, "nobody is signed in by it"
    assert actions.of_account(log, "1")[0].by.actor_id == "1"


def test_a_used_link_does_nothing_even_after_it_was_taken_back(app: Flask, log: Engine, browser: Pages) -> None:
    there = path(app, block(log))
    browser.submit(there, page=there)
    done = actions.of_account(log, "1")[0]
    actions.undo(log, done.by, done.id, datetime.now(UTC))
    answer = browser.post(there, data={"csrf_token": browser.token("/login")})
    assert "done already" in text(answer) and rules(log) == []
    assert 'data-testid="link-do"' not in browser.get(there).get_data(as_text=True)


def test_without_a_token_of_the_page_a_post_is_refused(app: Flask, log: Engine, browser: Pages) -> None:
    there = path(app, block(log))
    assert browser.post(there).status_code == 400
    assert browser.post(there, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert rules(log) == []


def test_forged_foreign_and_old_links_do_nothing(app: Flask, log: Engine, browser: Pages) -> None:
    mine, theirs = block(log), block(log, account="2")
    good = path(app, mine)
    csrf = {"csrf_token": browser.token("/login")}
    forged = [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "/digest/x",
        path(app, theirs),
        path(app, mine, account="2"),
    ]
    for there in forged:
        assert browser.get(there).status_code == browser.post(there, data=csrf).status_code == 404
    old = path(app, mine, expires=datetime.now(UTC) - timedelta(seconds=1))
    assert browser.get(old).status_code == browser.post(old, data=csrf).status_code == 410
    assert rules(log) == []


def test_a_disabled_account_s_links_are_gone(app: Flask, log: Engine, browser: Pages) -> None:
    there = path(app, block(log))
    with log.begin() as rows:
        rows.execute(update(AccountRow).values(enabled=False))
    assert browser.get(there).status_code == 404


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"policy": Policy.virus}, "allow"),
        ({"policy": Policy.dmarc}, "allow"),
        ({"sender_domain": "two.example"}, "allow"),
        ({}, "release"),
        ({}, "nogrey"),
        ({**KEPT, "policy": Policy.virus}, "release"),
    ],
)
def test_what_the_page_would_not_do_a_link_does_not_either(
    app: Flask, log: Engine, browser: Pages, fields: dict[str, Any], action: str
) -> None:
    there = path(app, block(log, **fields), action)
    answer = browser.post(there, data={"csrf_token": browser.token("/login")})
    assert 'data-testid="link-settled"' in answer.get_data(as_text=True) and rules(log) == []


def test_a_kept_message_is_released_by_its_link(app: Flask, log: Engine, browser: Pages) -> None:
    held = app.extensions["postern"]
    with amavis() as quarantine:
        held.settings = dataclasses.replace(held.settings, amavis_release=quarantine.address)
        there = path(app, block(log, **KEPT), "release")
        answer = browser.submit(there, page=there)
        assert answer.status_code == 409 and "does not give it out" in text(answer)
        quarantine.kept.add("t3d7qJkAoigg")
        assert "was released" in text(browser.submit(there, page=there))
        assert "nothing to do" in text(browser.get(there)) or "done already" in text(browser.get(there))
    assert quarantine.asked[-1]["recipient"] == "<forward@one.example>"


@pytest.mark.parametrize("action", ["allow", "release"])
def test_a_link_that_two_follow_at_the_same_moment_does_one_thing_once(
    app: Flask, log: Engine, browser: Pages, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    held = app.extensions["postern"]
    with amavis() as quarantine:
        held.settings = dataclasses.replace(held.settings, amavis_release=quarantine.address)
        quarantine.kept.add("t3d7qJkAoigg")
        there = path(app, block(log, **(KEPT if action == "release" else {})), action)
        both, looked = threading.Barrier(2, timeout=5), pages.Opened.offered.fget
        monkeypatch.setattr(pages.Opened, "offered", property(lambda its: (met(both), looked(its))[1]))
        form = {"csrf_token": browser.token("/login")}
        other: Pages = app.test_client()  # type: ignore[assignment]
        theirs = {"csrf_token": other.token("/login")}
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(who.post, there, data=data) for who, data in ((browser, form), (other, theirs))]
            answers = [text(each.result()) for each in jobs]
    assert sum("done already" in each for each in answers) == 1
    assert [each.verb for each in actions.of_account(log, "1")] == [action]
    assert len(quarantine.asked) == (action == "release")


def met(barrier: threading.Barrier) -> None:
    """Both have looked whether it was done; later looks wait for nobody."""
    with suppress(threading.BrokenBarrierError):
        barrier.wait()
    barrier.abort()


def test_a_digest_is_chosen_and_begins_then(log: Engine, signed_in: Pages) -> None:
    page = "/settings/digest"
    assert '"off" selected' in signed_in.get(page).get_data(as_text=True)
    signed_in.submit(page, {"every": "daily"}, page=page)
    assert kept.read(log, "1", SETTING) == {"every": "daily", "address": "forward@one.example"}
    begun = kept.read(log, "1", SENT)
    assert begun["every"] == "daily" and '"daily" selected' in signed_in.get(page).get_data(as_text=True)
    signed_in.submit(page, {"every": "daily"}, page=page)
    assert kept.read(log, "1", SENT) == begun
    assert signed_in.submit(page, {"every": "hourly"}, page=page).status_code == 400
    signed_in.submit(page, {"every": "off"}, page=page)
    assert kept.read(log, "1", SETTING) is None


def test_where_no_digests_are_sent_none_is_offered(app: Flask, log: Engine, signed_in: Pages) -> None:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, notice_from=None)
    page = signed_in.get("/settings/digest").get_data(as_text=True)
    assert "digest-away" in page and "digest-save" not in page


def test_without_sql_the_choice_stays_in_the_form(log: Engine, signed_in: Pages) -> None:
    page = "/settings/digest"
    csrf = signed_in.token(page)
    ProfileBase.metadata.drop_all(log)
    answer = signed_in.post(page, data={"every": "weekly", "csrf_token": csrf})
    assert answer.status_code == 503 and '"weekly" selected' in answer.get_data(as_text=True)
