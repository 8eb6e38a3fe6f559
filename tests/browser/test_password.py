"""A new password in a browser, with a script and without: set by the site's own command, asked of a real Dovecot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.audit import audit
from tests.browser.steps import sign_in
from tests.browser.test_writing import write
from tests.conftest import Resident, Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
NEW = "gravel tuba onion lamp"


def change(page: Page, current: str, new: str, again: str = "") -> None:
    page.get_by_test_id("password-current").fill(current)
    page.get_by_test_id("password-new").fill(new)
    page.get_by_test_id("password-again").fill(again or new)
    page.get_by_test_id("password-again").press("Enter")


@pytest.mark.parametrize(("script", "width"), [(True, 1280), (False, 390)])
def test_a_new_password_goes_on_here_and_ends_everything_else(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, script: bool, width: int
) -> None:
    elsewhere = open_context().new_page()
    sign_in(elsewhere, resident)
    page = open_context(java_script_enabled=script, viewport={"width": width, "height": 800}).new_page()
    sign_in(page, resident)
    page.goto("/settings/sessions")
    page.get_by_role("link", name="Password", exact=True).click()
    if not script:
        change(page, "not this one", NEW)
        expect(page.get_by_test_id("field-error")).to_have_text("This is not your current password.")
        expect(page.get_by_test_id("password-new")).to_have_value("")
    change(page, resident.password, "used before, says the site")
    expect(page.get_by_test_id("field-error")).to_contain_text("It was used before.")
    change(page, resident.password, NEW, "gravel tuba onion lamb")
    expect(page.get_by_test_id("field-error")).to_have_text("This is not the same as the line above.")
    change(page, resident.password, NEW)
    expect(page.locator("#toasts")).to_contain_text("Your password is changed")
    if script:
        assert audit(page) == []
    page.get_by_test_id("back-to-list").click()
    page.wait_for_url("**/mail/INBOX/")
    elsewhere.goto("/mail/INBOX/")
    expect(elsewhere.get_by_test_id("password-input")).to_be_visible()
    for password, wrong in ((resident.password, 1), (NEW, 0)) if script else ((NEW, 0),):
        elsewhere.get_by_test_id("address-input").fill(resident.address)
        elsewhere.get_by_test_id("password-input").fill(password)
        elsewhere.get_by_test_id("sign-in-button").click()
        expect(elsewhere.get_by_test_id("sign-in-error")).to_have_count(wrong)
    elsewhere.wait_for_url("**/mail/INBOX/")


def test_what_was_to_be_sent_later_is_a_draft_again_and_its_writer_is_told(page: Page, resident: Resident, site: Site):
    sign_in(page, resident)
    page.keyboard.press("c")
    write(page, "Not today <b>")
    page.get_by_test_id("compose-later-menu").click()
    page.get_by_test_id("compose-later-offer").last.click()
    expect(page.get_by_test_id("outbox-link")).to_be_visible()
    page.goto("/settings/password")
    change(page, resident.password, NEW)
    told = page.locator("#toasts")
    expect(told).to_contain_text("drafts again")
    expect(told).to_contain_text("“Not today <b>”")
    expect(page.get_by_test_id("outbox-link")).to_have_count(0)
    page.goto("/mail/Drafts/")
    expect(page.get_by_test_id("message-row")).to_have_count(1)
    site.smtp.logins[resident.mail.login] = NEW
