"""Recipients in a browser: chips by keyboard, pointer and pasting, whom a word may mean, a field that stays true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.audit import audit, tabbed
from tests.browser.conftest import Complaints
from tests.browser.steps import hold_time, row, sign_in
from tests.browser.test_writing import sent
from tests.conftest import Resident, Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

pytestmark = pytest.mark.browser
PASTE = """(entry, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  entry.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def entry(page: Page, line: str = "to") -> Locator:
    """Where the next recipient of a line is typed."""
    return page.locator(f'[data-testid="recipient-entry"][data-line="{line}"]')


def expect_chips(page: Page, *shown: str) -> None:
    """The chips show these names and addresses, for the eye only, once the server has read what was typed."""
    expect(page.get_by_test_id("recipient").locator(".chip-text bdi")).to_have_text([*shown], use_inner_text=True)


def keep(page: Page, name: str, address: str, groups: str = "") -> None:
    """A contact, made with its form."""
    page.goto("/contacts/new")
    page.get_by_test_id("contact-name").fill(name)
    page.get_by_test_id("contact-addresses").fill(address)
    page.get_by_test_id("contact-labels").fill(groups)
    page.get_by_test_id("contact-save").click()
    expect(page.get_by_test_id("notice")).to_contain_text("saved")


def begin(page: Page, resident: Resident) -> None:
    sign_in(page, resident)
    page.goto("/compose")
    expect(entry(page)).to_be_focused()


def test_recipients_are_chosen_walked_over_changed_and_taken_off_with_the_keyboard_alone(
    page: Page, resident: Resident
) -> None:
    sign_in(page, resident)
    page.keyboard.press("c")
    expect(entry(page)).to_be_focused()
    truth = page.get_by_test_id("compose-to")
    page.keyboard.type('ann@one.example,"Berg, Carla" <carla@one.example>;dora@one.example')
    page.keyboard.press("Enter")
    expect(truth).to_have_value('ann@one.example, "Berg, Carla" <carla@one.example>, dora@one.example')
    expect_chips(page, "ann@one.example", "Berg, Carla", "dora@one.example")
    page.keyboard.press("Backspace")
    expect(page.get_by_role("button", name="dora@one.example", exact=True)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    expect(truth).to_have_value("ann@one.example, dora@one.example")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(entry(page)).to_have_value("ann@one.example")
    page.keyboard.type("Ann <ann@two.example>")
    page.keyboard.press("Tab")
    expect(truth).to_have_value('dora@one.example, "Ann" <ann@two.example>')
    expect(page.get_by_test_id("recipient").last).to_contain_text("ann@two.example")  # for who listens
    assert tabbed(page, 1) == []
    expect(page.get_by_test_id("compose-state")).to_contain_text("Saved")


def test_a_pasted_list_becomes_chips_at_once_each_address_once_and_a_long_one_folds(
    page: Page, resident: Resident, complaints: Complaints
) -> None:
    begin(page, resident)
    entry(page).evaluate(PASTE, "Smith, Ann <ann@one.example>; Berg, Carla <carla@one.example>; <ANN@one.example>")
    expect(page.get_by_test_id("recipient")).to_have_count(2)
    expect_chips(page, "Smith, Ann", "Berg, Carla")
    entry(page).evaluate(PASTE, "\n".join(f"p{number}@one.example" for number in range(40)))
    more = page.get_by_test_id("recipients-more").first
    expect(more).to_have_text("and 34 more")
    assert audit(page) == []
    more.click()
    expect(more).to_be_hidden()
    expect(page.get_by_test_id("recipient").nth(20)).to_be_visible()
    assert audit(page) == []
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("compose-warning")).to_contain_text("All 42 people")
    complaints.clear()  # the browser's own words for an answer that asks


def test_what_is_no_address_says_so_at_once_and_a_likely_slip_is_asked_about(page: Page, resident: Resident) -> None:
    begin(page, resident)
    page.keyboard.type("carl,")
    fault = page.get_by_test_id("compose-fault")
    expect(fault).to_have_text("“carl” has no @.")
    expect(entry(page)).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("eve@gmial.com,")
    expect(fault).to_have_text("“carl” has no @. Is “eve@gmial.com” at gmail.com?")
    assert audit(page) == []
    page.get_by_test_id("recipient-remove").first.click()
    expect(fault).to_have_text("Is “eve@gmial.com” at gmail.com?")
    expect(entry(page)).not_to_have_attribute("aria-invalid", "true")
    page.get_by_test_id("recipient").get_by_role("button").first.dblclick()
    page.keyboard.type("eve@gmail.com,")
    expect(fault).to_be_hidden()


def test_contacts_and_groups_are_suggested_and_chosen_with_keys_or_the_pointer(page: Page, resident: Resident) -> None:
    sign_in(page, resident)
    keep(page, "Änne Öz", "aenne@one.example", "Choir")
    keep(page, "أحمد علي", "ahmed@one.example", "Choir")
    keep(page, "Chorus Line", "line@two.example")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/contacts/suggest" in request.url else None)
    page.clock.install()
    page.goto("/compose")
    expect(entry(page)).to_be_focused()
    hold_time(page)
    page.keyboard.type("cho")
    page.clock.run_for(1000)
    page.clock.resume()
    offered = page.get_by_test_id("suggestion")
    expect(offered).to_have_count(2)
    expect(offered.first).to_have_text("Choir2 people")
    expect(offered.first.locator("b")).to_have_text(["C", "h", "o"])
    assert len(asked) == 1  # one for all three keys
    expect(entry(page)).to_have_attribute("aria-activedescendant", "write-to-list-0")
    assert audit(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(offered).to_have_count(0)
    expect(page.get_by_test_id("compose")).to_be_visible()
    page.keyboard.type("i")
    expect(offered).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("compose-to")).to_have_value(
        '"Änne Öz" <aenne@one.example>, "أحمد علي" <ahmed@one.example>'
    )
    expect(entry(page)).to_be_focused()
    page.keyboard.type("an")  # who is chosen is not offered again
    page.wait_for_timeout(400)
    expect(offered).to_have_count(0)
    entry(page).fill("chor")
    offered.click()
    expect(page.get_by_test_id("recipient")).to_have_count(3)
    expect(entry(page)).to_be_focused()


def test_what_somebody_is_called_is_text_wherever_it_is_shown(page: Page, resident: Resident) -> None:
    name = "<img src=x onerror=alert(1)> " + "x" * 120
    sign_in(page, resident)
    keep(page, name, "img@one.example", "<b>Group</b>")
    page.goto("/compose")
    expect(entry(page)).to_be_focused()
    for typed, shown in (("img", name), ("group", "<b>Group</b>")):
        entry(page).press_sequentially(typed)
        expect(page.get_by_test_id("suggestion").first).to_contain_text(shown)
        assert audit(page) == []
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("recipient")).to_have_count(1)
    expect_chips(page, name)
    assert audit(page) == []
    assert page.locator(".write img, .write b b").count() == 0


@pytest.mark.parametrize("scripted", [True, False], ids=["with a script", "without a script"])
def test_an_answer_to_all_of_a_mailing_list_is_asked_about_and_one_click_sends_it(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, scripted: bool
) -> None:
    subject = f"To the list {scripted}"
    lines = ["From: Carol <carol@example.org>", "To: choir@lists.example", "List-Post: <mailto:choir@lists.example>"]
    resident.mail.append("\r\n".join([*lines, f"Subject: {subject}", "", "Who sings?\r\n"]).encode())
    page = open_context(java_script_enabled=scripted).new_page()
    sign_in(page, resident)
    row(page, subject).get_by_test_id("message-subject-link").click()
    page.get_by_test_id("reply-all").click()
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("compose-warning")).to_contain_text("everybody on the mailing list choir@lists.example")
    page.get_by_test_id("compose-send-anyway").click()
    expect(page.get_by_test_id("undo-button")).to_be_visible()
    (taken,) = sent(site, f"Re: {subject}")
    assert sorted(taken.recipients) == ["carol@example.org", "choir@lists.example"]
    assert b"crowd" not in taken.content.lower()


def test_a_chip_is_dragged_to_another_line(page: Page, resident: Resident) -> None:
    begin(page, resident)
    page.keyboard.type("ann@one.example,bob@one.example,")
    page.get_by_test_id("compose-copies").locator("summary").click()
    page.get_by_test_id("recipient").first.drag_to(entry(page, "bcc"))
    expect(page.get_by_test_id("compose-to")).to_have_value("bob@one.example")
    expect(page.get_by_test_id("compose-bcc")).to_have_value("ann@one.example")


@pytest.mark.parametrize("scripted", [True, False], ids=["with a script", "without a script"])
def test_the_field_is_filled_in_whole_as_ever_and_comes_back_from_a_draft(
    open_context: Callable[..., BrowserContext], resident: Resident, scripted: bool
) -> None:
    page = open_context(java_script_enabled=scripted, viewport={"width": 390, "height": 800}).new_page()
    sign_in(page, resident)
    page.goto("/compose")
    page.get_by_test_id("compose-to").fill("ann@one.example, carl")
    page.get_by_test_id("compose-to").fill("Ann <ann@one.example>, carl")
    if scripted:
        expect(page.get_by_test_id("compose-to")).to_have_value('"Ann" <ann@one.example>, carl')
    page.get_by_test_id("compose-save").click()
    expect(page.get_by_test_id("compose-state")).to_contain_text("Saved") if scripted else None
    page.goto("/mail/Drafts/")
    page.get_by_test_id("message-subject-link").click()
    page.get_by_test_id("edit-draft").click()
    expect(page.get_by_test_id("compose-to")).to_have_value(
        '"Ann" <ann@one.example>, carl' if scripted else "Ann <ann@one.example>, carl"
    )
    if scripted:
        expect_chips(page, "Ann", "carl")
        expect(page.get_by_test_id("compose-fault")).to_have_text("“carl” has no @.")
