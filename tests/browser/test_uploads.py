"""Files of a message in the browser: several at once, each with its progress; what fails says so beside the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.audit import audit
from tests.browser.conftest import Complaints
from tests.browser.steps import row, sign_in
from tests.browser.test_writing import attach, saved, write
from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = pytest.mark.browser


def begun(page: Page, resident: Resident, subject: str) -> None:
    """A message that is being written."""
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, subject)


def files(*names: str) -> list[dict[str, object]]:
    return [{"name": name, "mimeType": "text/plain", "buffer": name.encode() * 100} for name in names]


def test_several_files_are_attached_at_once_and_stay_with_the_draft(page: Page, resident: Resident):
    begun(page, resident, "Five files")
    puts: list[str] = []
    page.on("request", lambda each: puts.append(each.url) if each.method == "PUT" else None)
    page.get_by_test_id("compose-attach").set_input_files(files("a.txt", "b.txt", "c.txt", "d.txt", "e.txt"))  # type: ignore[arg-type]
    expect(page.get_by_test_id("compose-file")).to_have_count(5)
    expect(page.get_by_test_id("compose-file-sending")).to_have_count(0)
    saved(page)
    assert len(puts) == 5
    page.get_by_test_id("compose-file-remove").first.click()
    saved(page)
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    page.goto("/mail/Drafts/")
    expect(page.get_by_test_id("message-row")).to_have_count(1)
    row(page, "Five files").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("edit-draft").click()
    expect(page.get_by_test_id("compose-file")).to_have_count(4)
    assert page.evaluate("() => dispatchEvent(new Event('beforeunload', { cancelable: true }))")


def test_a_file_is_dropped_and_a_busy_server_is_asked_again(page: Page, resident: Resident, complaints: Complaints):
    begun(page, resident, "Busy")
    answers = [429, 503]

    def busy(route: Route) -> None:
        if answers:
            wait = {"Retry-After": "1", "Content-Type": "text/html"}
            route.fulfill(status=answers.pop(), headers=wait, body="<p>no</p>")
        else:
            route.continue_()

    page.route("**/compose/files**", busy)
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
          const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
          document.querySelector(".write-form").dispatchEvent(event);
        }"""
    )
    expect(page.get_by_test_id("compose-file")).to_contain_text("dropped.txt", timeout=10_000)
    assert answers == [] and all("503" in each or "429" in each for each in complaints)
    complaints.clear()


def test_a_file_that_fails_says_why_beside_it_and_can_be_tried_again(
    page: Page, resident: Resident, complaints: Complaints
):
    begun(page, resident, "Broken line")
    page.route("**/compose/files**", lambda route: route.abort())
    attach(page, "plan.txt")
    failed = page.get_by_test_id("compose-file-failed")
    expect(failed).to_contain_text("cannot be reached")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("notice")).to_contain_text("plan.txt is not attached")
    page.unroute("**/compose/files**")
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("compose-file")).to_have_count(1)
    expect(failed).to_have_count(0)
    assert all("ERR_FAILED" in each for each in complaints)
    complaints.clear()


def test_a_session_that_ends_during_an_upload_keeps_the_text_and_names_the_file(
    page: Page, resident: Resident, complaints: Complaints
):
    begun(page, resident, "Signed out")
    page.get_by_test_id("compose-text").fill("Typed for an hour")
    page.context.clear_cookies()
    attach(page, "plan.txt")
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("compose-text")).to_have_value("Typed for an hour")
    expect(page.get_by_test_id("notice").filter(has_text="plan.txt")).to_be_visible()
    assert all("401" in each or "400" in each for each in complaints)  # of the file, and of a check of recipients
    complaints.clear()


def test_an_upload_can_be_stopped(page: Page, resident: Resident):
    begun(page, resident, "Stopped")
    page.route("**/compose/files**", lambda route: None)  # never answered
    attach(page, "film.mov")
    sending = page.get_by_test_id("compose-file-sending")
    expect(sending.locator("progress")).to_be_visible()
    sending.get_by_role("button", name="Stop").click()
    expect(sending).to_have_count(0)
    saved(page)
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (768, "dark"), (390, "light")])
def test_files_on_their_way_and_failed_ones_pass_the_audit(
    open_context: Callable[..., BrowserContext], resident: Resident, width: int, scheme: str
):
    page = open_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    sign_in(page, resident)
    page.goto("/compose")
    attach(page, "A fairly long name of a plan that nobody can remember.txt")
    expect(page.get_by_test_id("compose-file")).to_have_count(1)
    page.route("**/compose/files**", lambda route: None)
    attach(page, "on its way with a name that is long.mov")
    page.evaluate("document.querySelector('.write-form').dataset.each = 1000")
    attach(page, "too-large-and-a-name-without-any-space-in-it-at-all.mov", b"x" * 1001)
    expect(page.get_by_test_id("compose-file-failed")).to_be_visible()
    assert audit(page) == []
