"""The same mail without a mouse, without JavaScript, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.letters import fill
from tests.browser.steps import act, row, select, sign_in, subjects
from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = pytest.mark.browser


def test_the_keyboard_alone_is_enough(page: Page, resident: Resident):
    fill(resident)
    page.goto("/login")
    expect(page.get_by_test_id("address-input")).to_be_focused()
    page.keyboard.type(resident.address)
    page.keyboard.press("Tab")
    page.keyboard.type(resident.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/mail/INBOX/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 5")
    page.keyboard.press("e")
    expect(row(page, "Letter 5")).to_have_count(0)
    page.keyboard.press("z")
    expect(row(page, "Letter 5")).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.type("canteen")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("message-row")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.get_by_test_id("keyboard-help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("keyboard-help")).to_be_hidden()


def test_every_control_of_the_list_is_reached_by_tab(page: Page, resident: Resident):
    fill(resident, 1)
    sign_in(page, resident)
    page.wait_for_load_state("networkidle")
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        found = page.evaluate("document.activeElement.closest('[data-testid]')?.dataset.testid ?? ''")
        reached.add(found)
    wanted = {"search-input", "mailbox-link", "select-all", "view-unread", "sort-select", "message-select"}
    assert wanted | {"message-subject-link"} <= reached


def test_everything_works_without_javascript(open_context: Callable[..., BrowserContext], resident: Resident):
    fill(resident)
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, resident)
    assert subjects(page)[0] == "With a file"
    select(page, "Letter 1")
    act(page, "archive")
    expect(row(page, "Letter 1")).to_have_count(0)
    page.get_by_test_id("undo-button").click()
    expect(row(page, "Letter 1")).to_have_count(1)
    row(page, "Letter 2").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-body")).to_contain_text("This is the text of letter 2.")
    page.locator(".message-actions").get_by_test_id("action-trash").click()
    expect(page.get_by_test_id("message-list")).to_be_visible()
    expect(row(page, "Letter 2")).to_have_count(0)
    page.get_by_test_id("search-input").fill("bridge")
    page.get_by_test_id("search-input").press("Enter")
    expect(page.get_by_test_id("message-row")).to_have_count(1)
    row(page, "News of the week").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-frame").content_frame.get_by_text("The bridge opens.")).to_be_visible()
    page.get_by_test_id("account-menu").locator("summary").click()
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in-button")).to_be_visible()


def test_a_phone_shows_one_pane_and_nothing_is_cut_off(open_context: Callable[..., BrowserContext], resident: Resident):
    fill(resident)
    page = open_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    sign_in(page, resident)
    expect(page.get_by_test_id("message-list")).to_be_visible()
    expect(page.get_by_test_id("folder-tree")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    row(page, "Letter 3").get_by_test_id("message-subject-link").tap()
    expect(page.get_by_test_id("message-body")).to_be_visible()
    expect(page.get_by_test_id("message-list")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_test_id("back-to-list").tap()
    expect(page.get_by_test_id("message-list")).to_be_visible()
    page.get_by_role("button", name="Folders").first.tap()
    expect(page.get_by_test_id("folder-tree")).to_be_visible()
    page.locator('[data-testid="mailbox-link"][data-mailbox="Archive"]').tap()
    expect(page.get_by_test_id("empty-list")).to_be_visible()


def test_the_focus_goes_where_the_hand_expects_it(page: Page, resident: Resident, complaints: list[str]):
    fill(resident, 2)
    sign_in(page, resident)
    link = row(page, "Letter 1").get_by_test_id("message-subject-link")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")  # once more: into the message
    expect(page.get_by_test_id("message-subject")).to_be_focused()
    page.get_by_test_id("message-menu").click()
    page.get_by_test_id("show-headers").click()
    expect(page.get_by_test_id("message-headers")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_test_id("message-subject")).to_be_focused()
    page.locator(".message-bar").get_by_test_id("action-archive").press("Enter")
    expect(page.get_by_test_id("message-row")).to_have_count(3)
    page.get_by_test_id("undo-button").press("Enter")
    expect(page.get_by_test_id("message-row")).to_have_count(4)
    expect(page.get_by_role("heading", name="Inbox")).to_be_focused()
    row(page, "News of the week").get_by_test_id("message-subject-link").click()
    page.route("https://**", lambda route: route.fulfill(status=204))
    page.get_by_test_id("show-remote-once").press("Enter")
    expect(page.get_by_test_id("message-subject")).to_be_focused()
    # A frame in a process of its own may ask before the route holds there: the pictures' hosts have no name.
    complaints[:] = [each for each in complaints if "ERR_NAME_NOT_RESOLVED" not in each]


def test_a_page_of_headers_alone_has_its_list_beside_it_and_back_brings_the_list_of_its_folder(
    page: Page, resident: Resident
):
    fill(resident, 1)
    sign_in(page, resident)
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-body")).to_be_visible()
    message = page.url
    page.locator('[data-mailbox="Archive"]').click()
    expect(page.get_by_test_id("empty-list")).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")
    expect(row(page, "Letter 1")).to_be_visible()
    page.goto(f"{message}/headers")
    expect(row(page, "Letter 1")).to_be_visible()


def test_who_goes_on_before_a_message_is_there_gets_the_next_one(page: Page, resident: Resident):
    fill(resident, 2)
    sign_in(page, resident)
    asked: list[str] = []

    def first_is_slow(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            route.continue_()

    page.route(re.compile(r"/mail/INBOX/\d+/\d+$"), first_is_slow)
    row(page, "Letter 2").get_by_test_id("message-subject-link").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")
    expect(row(page, "Letter 1").get_by_test_id("message-subject-link")).to_be_focused()
