"""Who does not wait for an answer, or has another mail program at the same mailbox, sees what is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.letters import fill, letter
from tests.browser.steps import act, open_folder, row, select, sign_in
from tests.conftest import Resident
from tests.mail.boxes import opened

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser


def held(page: Page, address: str) -> list[Route]:
    """The answers to that address wait until each is told to go on."""
    waiting: list[Route] = []
    page.route(address, lambda route: waiting.append(route))
    return waiting


def let_go(page: Page, waiting: list[Route]) -> None:
    """The first of them goes on, as soon as it was asked for."""
    for _ in range(1000):
        if waiting:
            return waiting.pop(0).continue_()
        page.wait_for_timeout(20)
    raise AssertionError("nothing was asked for")


def expunge(resident: Resident, mailbox: str) -> None:
    """Another program empties a folder of its first message."""
    with opened(resident.mail.server.imap_port, resident.mail.login, resident.mail.password) as client:
        client.select(mailbox, write=True)
        client.ask(b"STORE", b"1", b"+FLAGS", b"(\\Deleted)")
        client.ask(b"EXPUNGE")


def test_who_has_gone_to_another_folder_stays_there_when_an_action_is_answered(page: Page, resident: Resident):
    fill(resident)
    resident.mail.append(letter(resident, "In Work"), mailbox="Work")
    sign_in(page, resident)
    waiting = held(page, "**/actions")
    select(page, "Letter 5")
    act(page, "archive")
    open_folder(page, "Work")
    expect(row(page, "In Work")).to_be_visible()
    with page.expect_response("**/mail/Work/"):  # asked for again: what was moved may lie in it
        let_go(page, waiting)
    expect(page.locator("#toasts")).to_contain_text("1 message moved to Archive.")
    expect(page.locator("#list-title")).to_have_text("Work")
    expect(row(page, "In Work")).to_be_visible()


def test_what_was_selected_while_an_action_was_on_its_way_stays_selected(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    waiting = held(page, "**/actions")
    select(page, "Letter 5")
    act(page, "read")
    row(page, "Letter 5").get_by_test_id("message-select").uncheck(force=True)
    select(page, "Letter 3", "Letter 4")
    let_go(page, waiting)
    expect(row(page, "Letter 5")).to_have_attribute("data-seen", "true")
    expect(page.locator("#toasts")).to_contain_text("marked as read")
    expect(page.get_by_test_id("selection-count")).to_have_text("2 selected")
    expect(row(page, "Letter 3").get_by_test_id("message-select")).to_be_checked()


def test_a_row_whose_message_is_gone_leaves_the_list_once_that_was_told(
    page: Page, resident: Resident, complaints: list[str]
):
    for number in range(2):
        resident.mail.append(letter(resident, f"Number {number}"), mailbox="Work")
    sign_in(page, resident)
    open_folder(page, "Work")
    expunge(resident, "Work")
    row(page, "Number 0").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("error-title")).to_have_text("This message is no longer here")
    expect(page.get_by_test_id("message-row")).to_have_count(1)
    page.locator("#reading").get_by_test_id("back-to-list").click()
    page.wait_for_url(re.compile(r"/mail/Work/$"))
    expect(row(page, "Number 1")).to_be_visible()
    complaints.clear()


def test_a_window_of_who_signed_out_shows_nobody_elses_mail_under_the_old_name(
    page: Page, make_resident: Callable[..., Resident], complaints: list[str]
):
    alice, bob = make_resident("alice"), make_resident("bob")
    fill(alice, 1)
    bob.mail.append(letter(bob, "For Bob"))
    sign_in(page, alice)
    other = page.context.new_page()
    other.goto("/mail/INBOX/")
    other.get_by_test_id("account-menu").click()
    other.get_by_test_id("sign-out").click()
    other.wait_for_url("**/login**")
    sign_in(other, bob)
    page.locator('[data-testid="mailbox-link"][data-mailbox="INBOX"]').click()
    expect(row(page, "For Bob")).to_be_visible()
    expect(page.get_by_test_id("account-menu")).to_contain_text(bob.address)
    complaints[:] = [each for each in complaints if "401" not in each]  # it asks for news in between, too
