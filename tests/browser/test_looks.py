"""How it looks, measured: pages at four widths, light and dark, in both brands; focus; weight; small behaviours."""

from __future__ import annotations

import imaplib
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.demo import compose
from app.demo.messages import Mailbag
from app.demo.node import Node
from app.demo.words import Person
from tests.browser import addresses
from tests.browser.audit import audit, tabbed
from tests.browser.letters import fill, letter
from tests.browser.odd import fill_odd
from tests.browser.steps import act, hold_time, row, select, sign_in, subjects
from tests.browser.test_news import begin, pass_time
from tests.conftest import Resident, Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, CDPSession, Page, Route

pytestmark = pytest.mark.browser

OpenContext = Callable[..., "BrowserContext"]
# 320 px: 1280 at 400 % (WCAG 1.4.10).
VIEWS = [(1280, "light"), (1200, "dark"), (768, "light"), (390, "dark"), (320, "light")]
PAGE_BYTES = 60_000


def pages(page: Page) -> list[str]:
    """Addresses of every kind of page, found from the inbox that is open."""
    messages = addresses.messages(page)[:6]
    source = (f"{messages[0]}/headers", f"{messages[0]}/raw", "/mail/Nowhere/")
    away = ("/vacation", "/forwarding")
    return [*addresses.FOLDERS, *messages, *source, *addresses.OWN, *addresses.RULES, *away, *addresses.CONTACTS]


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_every_page_passes_the_audit(open_context: OpenContext, resident: Resident, width: int, scheme: str):
    fill(resident, 2)
    fill_odd(resident)
    page = open_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    page.goto("/login")
    assert audit(page) == []
    sign_in(page, resident)
    for address in pages(page):
        page.goto(address)
        page.wait_for_timeout(100)
        assert audit(page) == [], address
    page.goto("/mail/INBOX/")
    select(page, "Letter 1")
    assert audit(page) == [], "with a selection"


@pytest.fixture
def branded_node(site: Site, servers_folder: Path) -> Iterator[Node]:
    """A node that is also asked for under the name of the other brand."""
    node = site.node(servers_folder / "branded", POSTERN_TRUSTED_HOSTS="127.0.0.1,northgate.localhost")
    yield node.start(seconds=60)
    node.stop()


def test_a_brand_of_ones_own_passes_the_audit_in_light_and_dark(
    open_context: OpenContext, branded_node: Node, resident: Resident
):
    fill(resident, 1)
    for scheme in ("light", "dark"):
        base = f"http://northgate.localhost:{branded_node.port}"
        page = open_context(base_url=base, color_scheme=scheme).new_page()
        sign_in(page, resident)
        expect(page.locator(".mark-name")).to_have_text("Northgate Mail")
        assert audit(page) == []


def test_the_audit_finds_what_is_wrong(open_context: OpenContext):
    page = open_context().new_page()
    page.set_content(
        "<title>x</title><h2>Two</h2><p style='color:#999;background:#fff'>pale</p><button></button>"
        "<button style='width:12px;height:12px;padding:0'>y</button><i id=a></i><i id=a></i>"
        "<label for=none>z</label><div style='width:3000px'>wide</div>"
    )
    said = "\n".join(audit(page))
    for fault in ("no name", "smaller than 24 px", "id twice: a", "leads nowhere", "not one main", "no language",
                  "not h1", "outside landmarks", "contrast 2.8", "wider than the window"):  # fmt: skip
        assert fault in said, fault


def test_the_focus_is_always_seen(page: Page, resident: Resident):
    fill(resident, 2)
    sign_in(page, resident)
    assert tabbed(page, 40) == []
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-body")).to_be_visible()
    assert tabbed(page, 60) == []


def test_the_first_view_of_the_list_weighs_at_most_60_kilobytes(open_context: OpenContext, resident: Resident):
    owner = Person("Alice", resident.address)
    varied = [mail for mail in Mailbag(owner, now=datetime.now(UTC), size=0.25).samples() if mail.mailbox == "INBOX"]
    assert len(varied) >= 50
    for mail in varied[-50:]:
        resident.mail.append(mail.message, flags=mail.flags, arrived=mail.arrived)
    context = open_context()
    page = context.new_page()
    sign_in(page, resident)
    fresh = context.new_page()
    session: CDPSession = context.new_cdp_session(fresh)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    fresh.goto("/mail/INBOX/", wait_until="networkidle")
    assert len(sizes) > 10
    assert sum(sizes) <= PAGE_BYTES, f"{sum(sizes)} bytes in {len(sizes)} answers"


def test_what_was_looked_for_leaves_the_next_step_in_sight_however_long_it_is(
    open_context: OpenContext, resident: Resident
):
    page = open_context(viewport={"width": 390, "height": 800}).new_page()
    sign_in(page, resident)
    for address in (f"/mail/INBOX/?q={'x' * 250}", f"/received?q={'x' * 60}@{'y' * 60}.{'z' * 60}.example"):
        page.goto(address)
        boxes = [box for step in page.locator(".empty .button").all() if (box := step.bounding_box())]
        assert boxes, address
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes), address


def test_a_refused_action_is_taken_back_with_a_sentence(open_context: OpenContext, resident: Resident):
    fill(resident, 2)
    page = open_context().new_page()
    sign_in(page, resident)

    def fail(route: Route) -> None:
        route.abort()

    page.route("**/actions", fail)
    select(page, "Letter 1")
    act(page, "archive")
    expect(page.get_by_test_id("notice")).to_contain_text("look at the list again")
    expect(row(page, "Letter 1")).to_be_visible()
    select(page, "Letter 2")
    act(page, "flag")
    expect(row(page, "Letter 2")).to_have_attribute("data-flagged", "false")
    page.unroute("**/actions")
    with page.expect_response("**/actions"):
        act(page, "flag")
    expect(row(page, "Letter 2")).to_have_attribute("data-flagged", "true")
    page.reload()
    expect(row(page, "Letter 2")).to_have_attribute("data-flagged", "true")


def test_many_quick_actions_end_where_they_should(page: Page, resident: Resident):
    fill(resident, 5)
    sign_in(page, resident)
    row(page, "Letter 5").get_by_test_id("message-subject-link").focus()
    for _ in range(3):
        page.keyboard.press("e")
    expect(page.get_by_test_id("message-row")).to_have_count(4)
    page.wait_for_load_state("networkidle")
    assert subjects(page) == ["With a file", "News of the week", "Letter 2", "Letter 1"]
    page.reload()
    assert subjects(page) == ["With a file", "News of the week", "Letter 2", "Letter 1"]


def test_a_range_is_selected_with_shift_and_counted(page: Page, resident: Resident):
    fill(resident, 4)
    sign_in(page, resident)
    picks = page.get_by_test_id("message-select")
    picks.nth(1).click(force=True)
    picks.nth(4).click(force=True, modifiers=["Shift"])
    expect(page.get_by_test_id("selection-count")).to_have_text("4 selected")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("selection-bar")).to_have_count(0)
    page.get_by_test_id("select-all").check()
    expect(page.get_by_test_id("selection-count")).to_have_text("6 selected")
    page.get_by_test_id("selection-clear").click()
    expect(page.get_by_test_id("select-all")).not_to_be_checked()


def test_undo_is_offered_for_ten_seconds_and_longer_under_the_pointer(page: Page, resident: Resident):
    fill(resident, 2)
    page.clock.install()
    sign_in(page, resident)
    select(page, "Letter 1")
    hold_time(page)
    act(page, "trash")
    undo = page.get_by_test_id("undo-button")
    expect(undo).to_be_visible()
    undo.hover()
    page.clock.run_for(20_000)
    expect(undo).to_be_visible()
    page.mouse.move(600, 300)
    page.clock.run_for(9_000)
    expect(undo).to_be_visible()
    page.clock.run_for(2_000)
    expect(undo).to_have_count(0)


def test_news_wait_while_something_is_selected(page: Page, resident: Resident):
    fill(resident, 2)
    begin(page, resident)
    select(page, "Letter 1")
    resident.mail.deliver(letter(resident, "Fresh"))
    notice = page.get_by_test_id("new-mail-notice")
    pass_time(page, notice.is_visible)
    expect(notice).to_have_text("Show 1 new message")
    expect(row(page, "Fresh")).to_have_count(0)
    expect(page.get_by_test_id("selection-count")).to_have_text("1 selected")


def test_colours_and_the_lists_width_are_remembered(page: Page, resident: Resident):
    sign_in(page, resident)
    page.get_by_test_id("account-menu").locator("summary").click()
    for wanted in ("light", "dark"):
        page.get_by_test_id("theme-toggle").click()
        expect(page.locator("html")).to_have_attribute("data-theme", wanted)
    divider = page.get_by_role("separator")
    divider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    width = page.locator("#list").bounding_box()["width"]
    assert width == pytest.approx(484, abs=2)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.locator("#list").bounding_box()["width"] == pytest.approx(width, abs=1)


def test_back_leads_from_message_to_message_to_list(page: Page, resident: Resident):
    fill(resident, 3)
    sign_in(page, resident)
    for subject in ("Letter 1", "Letter 2"):
        row(page, subject).get_by_test_id("message-subject-link").click()
        expect(page.get_by_test_id("message-subject")).to_have_text(subject)
    page.go_back()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")
    page.go_back()
    expect(page.get_by_test_id("message-view")).to_have_count(0)
    assert page.url.endswith("/mail/INBOX/")
    page.go_forward()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")


@pytest.mark.parametrize("width", [768, 390])
def test_folders_open_on_narrow_screens_without_javascript(open_context: OpenContext, resident: Resident, width: int):
    page = open_context(viewport={"width": width, "height": 800}, java_script_enabled=False).new_page()
    sign_in(page, resident)
    expect(page.get_by_test_id("folder-tree")).to_be_hidden()
    page.get_by_test_id("folders-button" if width == 768 else "folders-button-phone").click()
    expect(page.get_by_test_id("folder-tree")).to_be_visible()
    page.locator('[data-mailbox="Archive"]').click()
    expect(page.get_by_test_id("empty-list")).to_be_visible()


def test_a_finger_on_a_tablet_finds_the_checkbox_and_bars_of_its_height(open_context: OpenContext, resident: Resident):
    fill(resident, 2)
    page = open_context(viewport={"width": 820, "height": 1180}, has_touch=True, is_mobile=True).new_page()
    sign_in(page, resident)
    box = row(page, "Letter 1").get_by_test_id("message-select")
    assert box.evaluate("e => getComputedStyle(e).opacity") == "1"
    box.tap()
    expect(page.get_by_test_id("selection-count")).to_have_text("1 selected")
    bar, list_ = (page.get_by_test_id(name).bounding_box() for name in ("selection-bar", "message-list"))
    assert bar["y"] + bar["height"] <= list_["y"] + 1  # over the list's head, not over its first message
    assert audit(page) == []
    page.get_by_test_id("selection-clear").tap()
    row(page, "Letter 2").get_by_test_id("message-subject-link").tap()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 2")
    for name in ("reply", "action-trash", "message-menu", "folders-button"):
        assert page.get_by_test_id(name).bounding_box()["height"] >= 44, name
    assert audit(page) == []


def small(page: Page) -> list[str]:
    """What can be pressed and is lower than a finger; a row's link fills its row, the skip link is for keyboards."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, select, summary, input:not([type=hidden])")]
          .filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true })
            && !e.matches(".skip, .row-subject, [type=checkbox]"))
          .map((e) => [e.getBoundingClientRect().height, e.dataset.testid ?? e.textContent.trim()])
          .filter(([high]) => high > 1 && high < 43.5).map(([high, name]) => `${name}: ${high}`)"""
    )
    return found


def test_on_a_phone_all_that_is_pressed_is_as_high_as_a_finger(open_context: OpenContext, resident: Resident):
    fill(resident, 1)
    page = open_context(viewport={"width": 320, "height": 700}, has_touch=True, is_mobile=True).new_page()
    page.goto("/login")
    assert small(page) == []
    sign_in(page, resident)
    assert small(page) == []
    for subject in ("With a file", "News of the week"):
        row(page, subject).get_by_test_id("message-subject-link").tap()
        expect(page.get_by_test_id("message-subject")).to_have_text(subject)
        assert small(page) == [], subject
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.get_by_test_id("back-to-list").tap()
    page.goto("/settings/sessions")
    assert small(page) == []


def test_a_phone_without_javascript_flags_and_moves_from_the_list(open_context: OpenContext, resident: Resident):
    fill(resident, 2)
    page = open_context(viewport={"width": 390, "height": 800}, java_script_enabled=False).new_page()
    sign_in(page, resident)
    row(page, "Letter 1").get_by_test_id("message-select").check()
    page.get_by_test_id("action-more").click()
    page.get_by_test_id("action-flag").click()
    expect(row(page, "Letter 1")).to_have_attribute("data-flagged", "true")
    row(page, "Letter 1").get_by_test_id("message-select").check()
    page.get_by_test_id("action-more").click()
    page.get_by_test_id("move-target").select_option("Archive")
    page.get_by_test_id("action-move").click()
    expect(row(page, "Letter 1")).to_have_count(0)


def test_what_takes_long_shows_progress_and_can_be_stopped(page: Page, resident: Resident):
    fill(resident, 2)
    sign_in(page, resident)
    page.route("**/mail/INBOX/?q=*", lambda route: None)  # never answered
    page.get_by_test_id("search-input").fill("letter")
    page.get_by_test_id("search-input").press("Enter")
    expect(page.locator("#progress")).to_be_visible()
    page.get_by_test_id("stop-button").click()
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.get_by_test_id("stop-button")).to_have_count(0, timeout=5000)  # after ten seconds it goes by itself
    expect(page.get_by_test_id("message-row")).to_have_count(4)
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")


def test_a_session_that_ended_leads_to_the_sign_in_page_and_back(page: Page, complaints: list[str], resident: Resident):
    fill(resident, 2)
    sign_in(page, resident)
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")
    page.context.clear_cookies()
    row(page, "Letter 2").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("sign-in-button")).to_be_visible()
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 2")
    complaints.clear()  # the 401


def test_a_script_that_does_not_arrive_leaves_a_page_that_works(open_context: OpenContext, resident: Resident):
    fill(resident, 1)
    page = open_context().new_page()
    page.route("**/js/list.js", lambda route: route.abort())
    sign_in(page, resident)
    expect(page.get_by_test_id("selection-bar")).to_be_visible()
    select(page, "Letter 1")
    act(page, "archive")
    expect(row(page, "Letter 1")).to_have_count(0)
    expect(page.get_by_test_id("undo-button")).to_be_visible()


def test_writing_opens_as_a_page_where_its_script_does_not_arrive(open_context: OpenContext, resident: Resident):
    page = open_context().new_page()
    page.route("**/js/write.js", lambda route: route.abort())
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    page.wait_for_url("**/compose")
    expect(page.get_by_test_id("compose-text")).to_be_visible()


def test_paper_shows_the_message_and_nothing_around_it(page: Page, resident: Resident):
    fill(resident, 1)
    sign_in(page, resident)
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})  # A4
    expect(page.get_by_test_id("message-body")).to_be_visible()
    for name in ("message-list", "folder-tree", "search-input", "message-menu", "compose-link-phone"):
        expect(page.get_by_test_id(name)).to_be_hidden()
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1280, "height": 800})
    row(page, "News of the week").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("News of the week")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    assert page.get_by_test_id("message-frame").bounding_box()["height"] > 900


def test_a_long_newsletter_is_printed_whole_from_a_page_of_its_own(page: Page, resident: Resident):
    owner, paper = Person("Alice", resident.address), Person("The Paper", "news@example.com")
    news = compose.letter(paper, owner, "News", datetime.now(UTC), message_id="long@example.com")
    news.set_content("plain")
    hiding = "header,h1{display:none!important;color:#fff!important}"
    news.add_alternative(f"<style>{hiding}</style>" + "<p>A line of the news.</p>" * 400, subtype="html")
    resident.mail.append(news.as_bytes())
    sign_in(page, resident)
    row(page, "News").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("message-menu").click()
    with page.expect_popup() as opened:
        page.get_by_test_id("open-alone").click()
    sheet = opened.value
    sheet.wait_for_load_state()
    expect(sheet).to_have_title("News")
    expect(sheet.get_by_text("From: The Paper <news@example.com>")).to_be_visible()
    expect(sheet.get_by_role("heading", name="News")).to_have_css("color", "rgb(26, 26, 26)")
    assert len(re.findall(rb"/Type */Page\b", sheet.pdf(format="A4"))) > 8


def test_a_printed_list_has_its_words_on_every_page(page: Page, resident: Resident):
    fill(resident, 30)
    sign_in(page, resident)
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", page.pdf(format="A4"), re.DOTALL)
    drawn = [zlib.decompressobj().decompress(each) for each in streams if each.startswith(b"\x78")]
    texts = [each.count(b" Tf") for each in drawn if b" Tf" in each]
    assert len(texts) == 2, "pages with words"
    assert sum(texts) > 30 * 3, "sender, subject and date of each"


def test_a_row_that_runs_from_right_to_left_begins_at_the_right(page: Page, resident: Resident):
    fill(resident, 1)
    resident.mail.append(b"Subject: =?utf-8?b?16HXmdeb15XXnSDXlNek15LXmdep15Q=?=\r\n\r\n")
    sign_in(page, resident)
    expect(page.locator(".row-text").first).to_have_css("direction", "rtl")
    expect(page.locator(".row-text").last).to_have_css("direction", "ltr")


def test_at_twice_the_size_every_item_of_the_menu_is_reached(open_context: OpenContext, resident: Resident):
    page = open_context(viewport={"width": 640, "height": 360}).new_page()  # 1280 × 720 at 200 %
    sign_in(page, resident)
    page.get_by_test_id("account-menu").locator("summary").click()
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in-button")).to_be_visible()


def test_forced_colours_and_long_names_leave_the_open_folder_and_its_count_in_sight(
    open_context: OpenContext, resident: Resident
):
    with imaplib.IMAP4("127.0.0.1", resident.mail.server.imap_port) as other:
        other.login(resident.mail.login, resident.mail.password)
        other.create("N" * 80)
    resident.mail.append(letter(resident, "Unread"), mailbox="N" * 80)
    page = open_context(forced_colors="active").new_page()
    sign_in(page, resident)
    count = page.locator(f'[data-mailbox="{"N" * 80}"]').get_by_test_id("unread-count").bounding_box()
    pane = page.get_by_test_id("folder-tree").bounding_box()
    assert count["x"] + count["width"] < pane["x"] + pane["width"]
    mark, plain = page.locator('[data-use="inbox"]').evaluate(
        "link => [getComputedStyle(link, '::before').backgroundColor, getComputedStyle(document.body).backgroundColor]"
    )
    assert mark not in (plain, "rgba(0, 0, 0, 0)")
