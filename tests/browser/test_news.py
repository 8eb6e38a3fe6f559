"""News while a page is open: what is in their way, where they stand, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.letters import fill, letter
from tests.browser.steps import open_folder, row, sign_in
from tests.conftest import Resident

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

    OpenContext = Callable[..., BrowserContext]

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 640}, "has_touch": True, "is_mobile": True}
TURNS = 200


def pass_time(page: Page, done: Callable[[], object]) -> None:
    """Lets the page's own clock run fast, so that polls follow each other, until what is waited for is there.

    Ever less fast: the page gives up an answer that takes ten of its seconds, however busy the machine is.
    """
    for turn in range(TURNS):
        if done():
            return
        page.clock.run_for(1000)
        page.wait_for_timeout(30 + turn)
    raise AssertionError("nothing came")


def entitled(page: Page, title: str) -> Callable[[], bool]:
    return lambda: page.title() == title


def begin(page: Page, resident: Resident) -> None:
    """Signed in, with a clock of our own, and watched: a poll has had the first counts."""
    told: list[int] = []
    page.on("response", lambda answer: told.append(answer.status) if "/changes" in answer.url else None)
    page.clock.install()
    sign_in(page, resident)
    pass_time(page, lambda: 200 in told)
    page.wait_for_load_state("networkidle")


def test_news_whose_list_could_not_be_had_are_told_again(open_context: OpenContext, resident: Resident):
    fill(resident, 1)
    page = open_context().new_page()
    begin(page, resident)

    failed: list[str] = []

    def fail(route: Route) -> None:
        failed.append(route.request.url)
        route.abort()

    page.route("**/mail/INBOX/", fail)
    resident.mail.deliver(letter(resident, "Fresh"))
    pass_time(page, lambda: failed)
    page.unroute("**/mail/INBOX/")
    pass_time(page, entitled(page, "(4) Inbox · Postern"))
    expect(row(page, "Fresh")).to_have_count(1)


def test_a_line_that_died_in_the_computers_sleep_is_given_up(open_context: OpenContext, resident: Resident):
    page = open_context().new_page()
    begin(page, resident)
    page.route("**/changes?*", lambda route: None)  # never answered
    with page.expect_event("requestfailed", lambda request: "/changes" in request.url):
        page.clock.run_for(15_000)
    page.unroute("**/changes?*")
    resident.mail.deliver(letter(resident, "Fresh"))
    pass_time(page, row(page, "Fresh").count)


def test_after_many_failures_a_page_that_is_seen_asks_every_quarter_of_a_minute(
    open_context: OpenContext, resident: Resident
):
    page = open_context().new_page()
    begin(page, resident)
    asked: list[str] = []

    def busy(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=429)

    page.route("**/changes?*", busy)
    for _ in range(40):  # ten minutes; doubled without an end, it would be asked eight times
        page.clock.run_for(15_000)
        page.wait_for_timeout(20)
    assert 20 <= len(asked) <= 42


def test_the_title_counts_what_somebody_marks(page: Page, resident: Resident):
    fill(resident, 1)
    sign_in(page, resident)
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    expect(page).to_have_title("(2) Letter 1 · Postern")
    page.keyboard.press("m")
    expect(page).to_have_title("(3) Inbox · Postern")
    page.keyboard.press("m")
    expect(page).to_have_title("(2) Inbox · Postern")


def test_a_search_is_not_made_again_for_news_and_its_title_still_counts(page: Page, resident: Resident):
    fill(resident, 1)
    begin(page, resident)
    page.get_by_test_id("search-input").fill("letter")
    page.get_by_test_id("search-input").press("Enter")
    expect(page).to_have_title("(3) “letter” in Inbox · Postern")
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "q=letter" in request.url else None)
    resident.mail.deliver(letter(resident, "Fresh"))
    pass_time(page, entitled(page, "(4) “letter” in Inbox · Postern"))
    assert searches == []


def test_on_a_phone_news_leave_the_place_in_the_list_behind_a_message(open_context: OpenContext, resident: Resident):
    fill(resident, 20)
    page = open_context(**PHONE).new_page()
    begin(page, resident)
    page.get_by_test_id("message-list").evaluate("list => { list.scrollTop = 600 }")
    row(page, "Letter 9").get_by_test_id("message-subject-link").tap()
    expect(page.get_by_test_id("message-body")).to_be_visible()
    resident.mail.deliver(letter(resident, "Fresh"))
    pass_time(page, entitled(page, "(22) Letter 9 · Postern"))
    page.get_by_test_id("back-to-list").tap()
    expect(page.get_by_test_id("new-mail-notice")).to_have_text("Show 1 new message")
    assert page.get_by_test_id("message-list").evaluate("list => list.scrollTop") == 600
    row(page, "Letter 9").get_by_test_id("message-subject-link").tap()
    expect(page.get_by_test_id("message-body")).to_be_visible()
    page.reload()  # the message alone: no list beside it
    resident.mail.deliver(letter(resident, "Fresher"))
    pass_time(page, entitled(page, "(23) Letter 9 · Postern"))


def test_the_search_box_is_that_of_the_folder_that_is_open(page: Page, resident: Resident):
    fill(resident, 1)
    sign_in(page, resident)
    box = page.get_by_test_id("search-input")
    open_folder(page, "Archive")
    expect(box).to_have_attribute("placeholder", "Search Archive")
    expect(page.get_by_label("Search in Archive")).to_be_visible()
    box.fill("letter")
    box.press("Enter")
    page.wait_for_url("**/mail/Archive/?q=letter")
    open_folder(page, "INBOX")
    expect(box).to_have_value("")
    page.go_back()
    expect(box).to_have_value("letter")


def test_a_page_whose_session_ended_says_so_and_leads_to_signing_in_and_back(
    open_context: OpenContext, resident: Resident
):
    page = open_context().new_page()
    begin(page, resident)
    notice = page.get_by_test_id("new-mail-notice")
    page.context.clear_cookies()
    pass_time(page, notice.is_visible)
    expect(notice).to_have_text("You are signed out. Sign in to see new mail")
    notice.get_by_role("link").click()
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    page.wait_for_url("**/mail/INBOX/")
    expect(page.get_by_test_id("new-mail-notice")).to_be_hidden()


def test_a_session_that_ends_between_news_and_their_list_leaves_the_page_where_it_is(
    open_context: OpenContext, resident: Resident
):
    page = open_context().new_page()
    begin(page, resident)
    where = page.url
    news = {"token": "9", "unseen": 90, "exists": 91, "uidnext": 92}
    page.route("**/changes?*", lambda route: route.fulfill(json=news))
    page.context.clear_cookies()
    notice = page.get_by_test_id("new-mail-notice")
    pass_time(page, lambda: page.url != where or notice.is_visible())
    assert page.url == where
    expect(notice).to_have_text("You are signed out. Sign in to see new mail")
