"""Sending later, on, and to the others in a browser: with a script, without one, by the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.audit import audit
from tests.browser.letters import fill
from tests.browser.steps import row, sign_in
from tests.browser.test_writing import FRIEND, VIEWS, sent, until_there, write
from tests.conftest import Resident, Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser


def test_a_message_is_sent_tomorrow_taken_back_and_sent_now(page: Page, resident: Resident, site: Site):
    fill(resident, 1)
    sign_in(page, resident)
    page.keyboard.press("c")
    write(page, "Not today")
    page.get_by_test_id("compose-later-menu").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # the menu, not the panel
    expect(page.get_by_test_id("compose-later-offer").first).to_be_hidden()
    expect(page.get_by_test_id("compose")).to_have_count(1)
    page.keyboard.press("Enter")
    page.get_by_test_id("compose-later-offer").filter(has_text="Tomorrow").click()
    expect(page.get_by_test_id("notice").or_(page.locator("#toasts"))).to_contain_text("It will be sent on")
    expect(page.get_by_test_id("compose")).to_have_count(0)
    page.get_by_test_id("undo-button").click()
    expect(page.get_by_test_id("compose-subject")).to_have_value("Not today")
    page.get_by_test_id("compose-later-menu").click()
    page.get_by_test_id("compose-later-offer").last.click()
    expect(page.get_by_test_id("outbox-link")).to_be_visible()
    page.get_by_test_id("outbox-link").click()
    expect(page.get_by_test_id("outbox-due")).to_contain_text("08:00")
    assert not [each for each in site.smtp.taken if b"Not today" in each.content]
    page.get_by_test_id("outbox-now").click()
    assert len(sent(site, "Not today")) == 1


def test_without_a_script_a_time_is_typed_refused_and_typed_again(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site
):
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, resident)
    page.goto("/compose")
    write(page, "Typed time")
    page.get_by_test_id("compose-later-menu").click()
    page.get_by_test_id("compose-when").fill("2020-01-01T08:00")
    page.get_by_test_id("compose-later").click()
    expect(page.get_by_test_id("compose-fault")).to_have_text(re.compile("That time has passed"))
    expect(page.get_by_test_id("compose-text")).to_have_value("Hello\n")
    page.get_by_test_id("compose-later-offer").last.click()
    page.goto("/outbox")
    page.get_by_test_id("outbox-undo").click()
    expect(page.get_by_test_id("compose-subject")).to_have_value("Typed time")


def test_enter_in_a_field_without_a_script_keeps_the_draft_and_sends_nothing(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site
):
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, resident)
    page.goto("/compose")
    write(page, "Enter pressed")
    page.get_by_test_id("compose-to").press("Enter")
    expect(page).to_have_url(re.compile("/drafts/"))
    page.goto("/outbox")
    expect(page.get_by_test_id("empty-outbox")).to_be_visible()


def test_a_message_is_sent_on_as_it_is_from_its_menu(page: Page, resident: Resident, site: Site):
    resident.mail.append(b"From: a@x.example\r\nSubject: Pass it on\r\nMessage-ID: <p@x.example>\r\n\r\nBody\r\n")
    sign_in(page, resident)
    row(page, "Pass it on").click()
    page.get_by_test_id("message-menu").click()
    page.get_by_test_id("send-on").click()
    page.get_by_test_id("redirect-to").fill(FRIEND)
    page.get_by_test_id("redirect-send").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Pass it on")
    expect(page.get_by_test_id("undo-button")).to_be_visible()
    assert len(sent(site, "Pass it on")) == 1
    until_there(page, "/mail/Sent/", "Pass it on")
    row(page, "Pass it on").click()
    page.get_by_test_id("delivery-all").click()
    expect(page.get_by_test_id("delivery-recipient")).to_contain_text(FRIEND)


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_pages_of_sending_pass_the_audit(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, width: int, scheme: str
):
    page = open_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    sign_in(page, resident)
    page.goto(f"/compose?to={'x' * 50}@elsewhere.example&subject=Audit&body=x")
    page.get_by_test_id("compose-later-menu").click()
    assert audit(page) == [], "the menu"
    page.get_by_test_id("compose-when").fill("2020-01-01T08:00")
    page.get_by_test_id("compose-later").click()
    expect(page.get_by_test_id("compose-fault")).to_be_visible()
    assert audit(page) == [], "a time that has passed"
    page.get_by_test_id("compose-later-offer").last.click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    page.goto("/outbox")
    page.get_by_test_id("outbox-change").click()
    page.get_by_test_id("outbox-when").fill("2020-01-01T08:00")
    page.get_by_test_id("outbox-time").click()
    expect(page.get_by_test_id("outbox-fault")).to_be_visible()
    assert audit(page) == [], "the outbox"
    page.get_by_test_id("outbox-undo").click()
    expect(page.get_by_test_id("compose-subject")).to_have_value("Audit")
    resident.mail.append(b"From: a@x.example\r\nSubject: On\r\nMessage-ID: <o@x.example>\r\n\r\nBody\r\n")
    page.goto("/mail/INBOX/")
    url = row(page, "On").locator("a").first.get_attribute("href")
    page.goto(f"{(url or '').partition('?')[0]}/redirect")
    page.get_by_test_id("redirect-send").click()
    expect(page.get_by_test_id("field-error")).to_be_visible()
    assert audit(page) == [], "sending on"
