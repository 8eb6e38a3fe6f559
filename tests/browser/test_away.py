"""Away and forwarding in a browser, with a script and without: mail is answered, and sent on to who agreed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, update

from app.directory.tables import AccountRow, ServerRow
from tests.browser.audit import audit
from tests.browser.steps import sign_in, subjects
from tests.conftest import Resident, Site
from tests.smtpsink import Sink, Taken

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser


def letter(resident: Resident, subject: str) -> bytes:
    return f"From: carol@friends.example\r\nTo: {resident.address}\r\nSubject: {subject}\r\n\r\nText\r\n".encode()


def to(outgoing: Sink, *recipients: str) -> list[Taken]:
    return [each for each in outgoing.taken if each.recipients == [*recipients]]


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_mail_is_answered_while_somebody_is_away(
    open_context: Callable[..., BrowserContext], resident: Resident, outgoing: Sink, script: bool
):
    page = open_context(java_script_enabled=script).new_page()
    sign_in(page, resident)
    page.goto("/vacation")
    page.get_by_test_id("vacation-on").check()
    page.get_by_test_id("vacation-start").fill("2026-07-01")
    page.get_by_test_id("vacation-end").fill("2026-06-01")
    page.get_by_test_id("vacation-text").fill("Away.\n\nAsk Bob.")
    page.get_by_test_id("vacation-save").click()
    page.get_by_test_id("field-error").wait_for()
    assert page.get_by_test_id("vacation-text").input_value() == "Away.\n\nAsk Bob."
    assert not script or audit(page) == []
    page.get_by_test_id("vacation-end").fill("2036-06-01")
    if script:
        page.get_by_text("Answer with formatting").click()
        page.get_by_test_id("vacation-rich").click()
        page.keyboard.press("Control+b")
        page.keyboard.type("Away, ask Bob")
    page.get_by_test_id("vacation-save").click()
    page.locator('[data-testid="vacation-state"][data-on="true"]').wait_for()
    assert not script or audit(page) == []
    resident.mail.deliver(letter(resident, "Question"))
    (answer,) = [each for each in outgoing.taken if resident.address.encode() in each.content]
    assert b"Ask Bob." in answer.content and (b"<b>" in answer.content) is script
    page.goto("/mail/INBOX/")
    assert subjects(page) == ["Question"]
    page.get_by_test_id("answering-link").click()
    page.get_by_test_id("vacation-on").uncheck()
    page.get_by_test_id("vacation-save").click()
    page.locator('[data-testid="vacation-state"][data-on="false"]').wait_for()
    page.goto("/mail/INBOX/")
    assert page.get_by_test_id("answering-notice").count() == 0


def without_scripts(site: Site, resident: Resident) -> None:
    """Their mail lies on a server that keeps no scripts, and Exim answers."""
    mine = AccountRow.login == resident.mail.login
    with site.engine.begin() as rows:
        own = rows.scalar(select(AccountRow.server_id).where(mine))
        columns = dict(rows.execute(select(ServerRow.__table__).where(ServerRow.server_id == own)).mappings().one())
        columns |= dict.fromkeys(("sieve_host", "sieve_port", "sieve_security"))
        columns |= {"server_id": None, "name": f"sql-{resident.mail.login}", "vacation": "sql"}
        done = rows.execute(insert(ServerRow).values(columns))
        assert done.inserted_primary_key
        rows.execute(update(AccountRow).where(mine).values(server_id=done.inserted_primary_key[0]))


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_an_answer_out_of_sql_has_the_same_form(
    open_context: Callable[..., BrowserContext], site: Site, resident: Resident, script: bool
):
    without_scripts(site, resident)
    context = open_context(java_script_enabled=script)
    page, other = context.new_page(), context.new_page()
    sign_in(page, resident)
    for tab in (page, other):
        tab.goto("/vacation")
        tab.get_by_test_id("vacation-on").check()
    assert page.get_by_test_id("vacation-html").count() == 0
    other.get_by_test_id("vacation-text").fill("Out of another tab.")
    other.get_by_test_id("vacation-days").fill("0")
    other.get_by_test_id("vacation-save").click()
    other.get_by_test_id("field-error").wait_for()
    assert other.get_by_test_id("vacation-text").input_value() == "Out of another tab."
    other.get_by_test_id("vacation-days").fill("3")
    other.get_by_test_id("vacation-save").click()
    other.locator('[data-testid="vacation-state"][data-on="true"]').wait_for()
    page.get_by_test_id("vacation-text").fill("Mine.")
    page.get_by_test_id("vacation-save").press("Enter")
    page.get_by_test_id("filters-conflict").wait_for()
    assert "Out of another tab." in page.get_by_test_id("filters-conflict").inner_text()
    assert page.get_by_test_id("vacation-text").input_value() == "Mine."
    assert not script or audit(page) == []
    page.get_by_test_id("vacation-save").click()
    page.locator('[data-testid="vacation-state"][data-on="true"]').wait_for()
    assert page.get_by_test_id("vacation-text").input_value() == "Mine."
    assert not script or audit(page) == []
    page.goto("/mail/INBOX/")
    page.get_by_test_id("answering-link").click()
    page.get_by_test_id("vacation-on").uncheck()
    page.get_by_test_id("vacation-save").click()
    page.locator('[data-testid="vacation-state"][data-on="false"]').wait_for()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_mail_is_sent_on_once_the_target_agreed(
    open_context: Callable[..., BrowserContext], resident: Resident, outgoing: Sink, script: bool
):
    page = open_context(java_script_enabled=script).new_page()
    target = f"{resident.mail.login}@else.example"
    sign_in(page, resident)
    page.goto("/forwarding")
    page.get_by_test_id("forward-to").fill(target)
    page.get_by_test_id("forward-to").press("Enter")
    page.get_by_test_id("field-error").wait_for()
    assert page.get_by_test_id("forward-to").input_value() == target
    assert not script or audit(page) == []
    page.get_by_test_id("forward-password").fill(resident.password)
    page.get_by_test_id("forward-save").click()
    page.get_by_test_id("forward-asked").wait_for()
    assert page.get_by_test_id("forward-state").get_attribute("data-on") == "false"
    assert not script or audit(page) == []
    found = re.search(rb"\n +(\d{4} \d{4})\r?\n", to(outgoing, target)[-1].content)
    assert found
    page.get_by_test_id("forward-code").fill(found[1].decode())
    page.get_by_test_id("forward-code").press("Enter")
    page.locator('[data-testid="forward-state"][data-on="true"]').wait_for()
    assert page.get_by_test_id("forward-agreed-row").count() == 1
    assert not script or audit(page) == []
    resident.mail.deliver(letter(resident, "News"))
    assert b"Subject: News" in to(outgoing, target)[-1].content
    assert target.encode() in to(outgoing, resident.address)[-1].content
    page.get_by_test_id("forward-to").fill("")
    page.get_by_test_id("forward-save").click()
    page.locator('[data-testid="forward-state"][data-on="false"]').wait_for()
    page.goto("/mail/INBOX/")
    assert subjects(page) == ["News"]
