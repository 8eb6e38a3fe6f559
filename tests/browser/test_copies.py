"""What is typed and cannot be saved lies in the browser, sealed: offered to its writer, and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.audit import audit
from tests.browser.conftest import Complaints
from tests.browser.steps import hold_time, sign_in
from tests.conftest import Resident, Site
from tests.visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
COPIES = "Object.keys(localStorage).filter((key) => key.startsWith('postern.copy.')).length"
WORDS = "Typed while the server was away\n"


def unreachable(context: BrowserContext) -> None:
    """From now on nothing that is written reaches the server."""
    context.route("**/compose", lambda route: route.abort() if route.request.method == "POST" else route.continue_())


def killed_while_writing(context: BrowserContext, resident: Resident, complaints: Complaints, path: str) -> None:
    """Signs in and writes; then the browser dies."""
    page = context.new_page()
    sign_in(page, resident)
    page.goto(path)
    if path != "/compose":
        page.get_by_test_id("compose-link").click()
    unreachable(context)
    page.get_by_test_id("compose-to").fill("bob@elsewhere.example")
    page.get_by_test_id("compose-subject").fill("Of the crash")
    page.get_by_test_id("compose-text").fill(WORDS)
    expect_copies(page, 1)
    page.close(run_before_unload=False)
    context.unroute("**/compose")
    complaints.clear()  # the browser's own words for what did not go out


def expect_copies(page: Page, count: int) -> None:
    for _ in range(200):
        if page.evaluate(f"() => {COPIES}") == count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"not {count} copies: {page.evaluate('() => ({...localStorage})')}")


def expect_kept(page: Page) -> None:
    """What was just typed is kept; with the page's clock held, it is not saved as well meanwhile."""
    page.clock.run_for(1500)
    expect_copies(page, 1)


@pytest.mark.parametrize(("width", "path"), [(1280, "/mail/INBOX/"), (390, "/compose")])
def test_what_was_typed_before_a_crash_is_offered_opened_and_saved(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, complaints: Complaints,
    width: int, path: str,
):  # fmt: skip
    context = open_context(viewport={"width": width, "height": 800})
    killed_while_writing(context, resident, complaints, path)
    page = context.new_page()
    page.goto("/mail/INBOX/")
    note = page.get_by_test_id("copy-note")
    expect(note).to_contain_text("Of the crash")
    assert audit(page) == []
    note.get_by_role("button", name="Open it").click()
    expect(page.get_by_test_id("compose-text")).to_have_value(WORDS)
    expect(page.get_by_test_id("compose-to")).to_have_value(re.compile("bob@elsewhere.example"))
    expect(page.get_by_test_id("compose-state")).to_have_text(re.compile("^Saved"))
    expect_copies(page, 0)
    expect(page.get_by_test_id("copy-note")).to_have_count(0)
    page.goto("/mail/Drafts/")
    expect(page.get_by_test_id("message-row")).to_have_count(1)
    expect(page.get_by_test_id("copy-note")).to_have_count(0)


def test_a_copy_outlives_signing_out_and_is_nothing_to_anybody_else(
    open_context: Callable[..., BrowserContext], make_resident: Callable[[], Resident], site: Site,
    complaints: Complaints,
):  # fmt: skip
    alice, bob = make_resident(), make_resident()
    context = open_context()
    killed_while_writing(context, alice, complaints, "/mail/INBOX/")
    page = context.new_page()
    page.goto("/mail/INBOX/")
    expect(page.get_by_test_id("copy-note")).to_be_visible()
    page.evaluate("() => localStorage.setItem('postern.folders', '[\"Private\"]')")
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in-button")).to_be_visible()
    left = page.evaluate("() => Object.entries(localStorage).flat().join(' ')")
    assert "Private" not in left and "crash" not in left and "Typed" not in left and alice.mail.login not in left
    expect_copies(page, 1)
    sign_in(page, bob)
    page.get_by_test_id("compose-link").click()
    expect(page.get_by_test_id("compose")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.get_by_test_id("copy-note")).to_have_count(0)
    page.goto("/mail/INBOX/")
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in-button")).to_be_visible()
    sign_in(page, alice)
    expect(page.get_by_test_id("copy-note")).to_contain_text("Of the crash")
    page.get_by_test_id("copy-note").get_by_role("button", name="Throw it away").click()
    expect(page.get_by_test_id("copy-note")).to_have_count(0)
    expect_copies(page, 0)


def test_what_is_saved_sent_or_discarded_leaves_no_copy(page: Page, resident: Resident, site: Site):
    page.clock.install()
    sign_in(page, resident)
    hold_time(page)
    for action in ("compose-save", "compose-discard", "compose-send"):
        page.get_by_test_id("compose-link").click()
        page.get_by_test_id("compose-to").fill("bob@elsewhere.example")
        page.get_by_test_id("compose-subject").fill(f"By {action}")
        page.get_by_test_id("compose-text").fill("words")
        expect_kept(page)
        page.get_by_test_id(action).click()
        expect_copies(page, 0)
        if action == "compose-save":
            page.get_by_test_id("compose-close").click()
        expect(page.get_by_test_id("compose")).to_have_count(0)


def test_a_tab_that_is_written_in_is_not_offered_to_another(page: Page, resident: Resident, complaints: Complaints):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    expect(page.get_by_test_id("compose")).to_be_visible()
    unreachable(page.context)
    page.get_by_test_id("compose-text").fill(WORDS)
    expect_copies(page, 1)
    other = page.context.new_page()
    with other.expect_response("**/compose/copies"):
        other.goto("/mail/INBOX/")
    other.wait_for_timeout(500)
    expect(other.get_by_test_id("copy-note")).to_have_count(0)
    complaints.clear()


def test_old_copies_and_those_beyond_twenty_are_thrown_away(page: Page, resident: Resident):
    sign_in(page, resident)
    page.evaluate(
        "() => { for (let n = 0; n < 30; n += 1) localStorage.setItem(`postern.copy.x.${n}`, `${Date.now() - n} x`);"
        " localStorage.setItem('postern.copy.x.old', `${Date.now() - 15 * 86400e3} x`); }"
    )
    page.goto("/mail/INBOX/")
    expect_copies(page, 20)
    assert page.evaluate("() => localStorage.getItem('postern.copy.x.old')") is None


def test_readers_without_a_copy_load_nothing_of_it(page: Page, resident: Resident):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, resident)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "write" in url or "copies" in url]


def test_the_keys_are_the_account_s_own_and_nobody_s_without_a_session(
    make_resident: Callable[[], Resident], site: Site, node
):
    alice, bob = make_resident().sign_in(node.url), make_resident().sign_in(node.url)
    own = alice.get("/compose/copies")
    assert own.status == 200 and own.headers["Cache-Control"] == "no-store"
    assert alice.get("/compose/copies").body == own.body != bob.get("/compose/copies").body
    assert Visitor(node.url).get("/compose/copies").status in (302, 303, 401)


@pytest.mark.parametrize("action", ["compose-send", "compose-save"])
def test_what_was_completed_after_signing_in_again_is_not_offered(
    page: Page, resident: Resident, site: Site, complaints: Complaints, action: str
):
    page.clock.install()
    sign_in(page, resident)
    page.goto("/compose")
    expect(page.locator('[data-testid="recipient-entry"][data-line="to"]')).to_be_focused()
    hold_time(page)
    page.get_by_test_id("compose-to").fill("bob@elsewhere.example")
    page.get_by_test_id("compose-subject").fill("Over the end")
    page.context.clear_cookies()
    page.get_by_test_id("compose-text").fill(WORDS)
    expect_kept(page)
    page.get_by_test_id(action).click()
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("address-input")).to_have_count(0)
    expect_copies(page, 0)
    expect(page.get_by_test_id("copy-note")).to_have_count(0)
    complaints.clear()  # the browser's own words for 401, and for what is asked while one types
