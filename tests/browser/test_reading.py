"""A day's reading on a wide screen: sign in, list, open, frame, search, file away, sign out."""

from __future__ import annotations

import imaplib
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.letters import fill, letter
from tests.browser.steps import act, open_folder, row, select, sign_in, subjects
from tests.browser.test_news import begin
from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
LATE = 6000  # ms that a busy machine may add; a page that is not seen asks every 15 s


def test_a_person_signs_in_and_sees_the_newest_message_first(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    assert subjects(page) == ["With a file", "News of the week", *(f"Letter {number}" for number in (5, 4, 3, 2, 1))]
    inbox = page.locator('[data-testid="mailbox-link"][data-mailbox="INBOX"]')
    expect(inbox.get_by_test_id("unread-count")).to_contain_text("7")
    expect(page).to_have_title("(7) Inbox · Postern")


def test_a_wrong_password_says_so_and_keeps_the_address(page: Page, resident: Resident, complaints: list[str]):
    page.goto("/login")
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill("not this one")
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("sign-in-error")).to_be_visible()
    expect(page.get_by_test_id("address-input")).to_have_value(resident.address)
    expect(page.get_by_test_id("password-input")).to_have_value("")
    assert [line for line in complaints if "401" in line] == complaints
    complaints.clear()


def test_opening_a_message_shows_it_and_marks_it_read(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    expect(row(page, "Letter 3")).to_have_attribute("data-seen", "false")
    row(page, "Letter 3").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 3")
    expect(page.get_by_test_id("message-from")).to_contain_text("carol@example.org")
    expect(page.get_by_test_id("message-body")).to_contain_text("This is the text of letter 3.")
    expect(row(page, "Letter 3")).to_have_attribute("data-seen", "true")
    page.reload()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 3")
    page.get_by_test_id("message-next").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 2")
    page.get_by_test_id("message-previous").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 3")


def test_html_stands_in_a_frame_and_fetches_nothing_until_asked(page: Page, resident: Resident):
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if "example.com" in request.url else None)
    page.route("**://*.example.com/**", lambda route: route.fulfill(status=200, content_type="image/png", body=b""))
    fill(resident)
    sign_in(page, resident)
    row(page, "News of the week").get_by_test_id("message-subject-link").click()
    frame = page.get_by_test_id("message-frame")
    expect(frame.content_frame.get_by_text("The bridge opens.")).to_be_visible()
    assert frame.get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    expect(page.get_by_test_id("remote-blocked")).to_be_visible()
    assert outside == []
    with page.expect_request("**://images.example.com/**"):
        page.get_by_test_id("show-remote-once").click()
    expect(page.get_by_test_id("remote-blocked")).to_have_count(0)
    expect(page.get_by_test_id("message-frame").content_frame.get_by_text("The bridge opens.")).to_be_visible()


def test_attachments_are_listed_and_downloaded_as_they_were_sent(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    row(page, "With a file").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("attachment")).to_have_count(2)
    with page.expect_download() as started:
        page.get_by_test_id("attachment-download").first.click()
    assert started.value.suggested_filename == "minutes.pdf"
    assert started.value.path().read_bytes().startswith(b"%PDF-1.4")
    with page.expect_download() as started:
        page.get_by_test_id("download-all").click()
    assert started.value.path().read_bytes().startswith(b"PK")


def test_search_finds_in_the_open_folder(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    page.get_by_test_id("search-input").fill("bridge")
    page.get_by_test_id("search-input").press("Enter")
    page.wait_for_url("**q=bridge*")
    expect(page.get_by_test_id("message-row")).to_have_count(1)
    assert subjects(page) == ["News of the week"]
    page.get_by_test_id("search-input").fill("nothing of the kind")
    page.get_by_test_id("search-input").press("Enter")
    expect(page.get_by_test_id("empty-list")).to_be_visible()


def test_archived_mail_comes_back_by_undo(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    select(page, "Letter 1", "Letter 2")
    expect(page.get_by_test_id("selection-count")).to_have_text("2 selected")
    act(page, "archive")
    expect(row(page, "Letter 1")).to_have_count(0)
    page.get_by_test_id("undo-button").dblclick()
    expect(row(page, "Letter 1")).to_have_count(1)
    expect(row(page, "Letter 2")).to_have_count(1)
    page.wait_for_timeout(300)  # until a second answer would have come
    expect(page.get_by_test_id("notice")).to_have_text("2 messages are back in Inbox.")


def test_junk_goes_to_junk_and_back(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    select(page, "Letter 4")
    act(page, "junk")
    expect(row(page, "Letter 4")).to_have_count(0)
    open_folder(page, "Junk")
    expect(row(page, "Letter 4")).to_have_count(1)
    select(page, "Letter 4")
    act(page, "notjunk")
    expect(page.get_by_test_id("empty-list")).to_be_visible()
    open_folder(page, "INBOX")
    expect(row(page, "Letter 4")).to_have_count(1)


def test_mail_moves_to_a_chosen_folder(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    select(page, "Letter 5")
    bar = page.get_by_test_id("selection-bar")
    if not bar.get_by_test_id("move-target").is_visible():
        bar.get_by_role("button", name="More").click()
    bar.get_by_test_id("move-target").select_option("Archive")
    if bar.get_by_test_id("action-move").is_visible():
        bar.get_by_test_id("action-move").click()
    expect(row(page, "Letter 5")).to_have_count(0)
    open_folder(page, "Archive")
    expect(row(page, "Letter 5")).to_have_count(1)


def test_deleted_mail_lies_in_the_trash(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    row(page, "Letter 2").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 2")
    page.locator(".message-actions").get_by_test_id("action-trash").click()
    expect(row(page, "Letter 2")).to_have_count(0)
    open_folder(page, "Trash")
    expect(row(page, "Letter 2")).to_have_count(1)


def test_the_order_and_the_view_are_in_the_address(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    page.get_by_test_id("sort-select").select_option("subject")
    page.wait_for_url("**sort=subject*")
    expect(page.get_by_test_id("message-subject-link").first).to_have_text("Letter 1")
    page.get_by_test_id("view-flagged").click()
    page.wait_for_url("**view=flagged*")
    expect(page.get_by_test_id("empty-list")).to_be_visible()


def test_new_mail_appears_within_five_seconds_without_a_reload(page: Page, resident: Resident):
    fill(resident, 1)
    begin(page, resident)
    page.evaluate("window.same = true")
    with page.expect_response("**/changes?*"):
        pass  # the longest wait begins directly after a poll
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.headers.get("x-postern-fragment", "")))
    resident.mail.deliver(letter(resident, "Fresh"))
    expect(row(page, "Fresh")).to_have_count(1, timeout=5000 + LATE)
    assert set(asked) == {"", "news"}  # the list's own asking extends no session
    expect(page).to_have_title("(4) Inbox · Postern")
    assert page.evaluate("window.same")


def test_new_mail_appears_also_where_as_much_went_as_came(page: Page, resident: Resident):
    fill(resident, 2)
    begin(page, resident)
    with page.expect_response("**/changes?*"):
        pass
    with imaplib.IMAP4("127.0.0.1", resident.mail.server.imap_port) as other:
        other.login(resident.mail.login, resident.mail.password)
        other.select("INBOX")
        other.store("1", "+FLAGS", "\\Deleted")
        other.expunge()
        resident.mail.deliver(letter(resident, "Fresh"))
    expect(row(page, "Fresh")).to_have_count(1, timeout=9000 + LATE)


def test_after_signing_out_the_back_button_shows_no_mail(page: Page, resident: Resident):
    fill(resident)
    sign_in(page, resident)
    row(page, "Letter 3").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 3")
    page.get_by_test_id("account-menu").locator("summary").click()
    page.get_by_test_id("sign-out").click()
    page.wait_for_url("**/login**")
    page.go_back()
    page.wait_for_timeout(500)
    assert "This is the text of letter 3." not in page.content()
    page.goto("/mail/INBOX/")
    expect(page.get_by_test_id("sign-in-button")).to_be_visible()
