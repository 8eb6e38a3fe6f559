"""Writing and sending in a browser: nothing typed is lost, nothing is sent twice, with a script and without."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.audit import audit
from tests.browser.conftest import Complaints
from tests.browser.letters import fill
from tests.browser.steps import open_folder, row, sign_in, subjects
from tests.conftest import Resident, Site
from tests.smtpsink import Taken

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
FRIEND = "friend@elsewhere.example"
VIEWS = [(1280, "light"), (1280, "dark"), (768, "light"), (390, "dark"), (320, "light")]


def sent(site: Site, subject: str, *, within: float = 15) -> list[Taken]:
    """What the submission server took with this subject, once there is anything."""
    end = time.monotonic() + within
    line = f"\r\nSubject: {subject}".rstrip(" ") + "\r\n"
    while not (found := [each for each in site.smtp.taken if line.encode() in each.content]):
        if time.monotonic() > end:
            return []
        time.sleep(0.1)
    return found


def until_empty(page: Page, path: str, *, within: float = 15) -> None:
    """Loads a list until it shows nothing: the courier removes a draft last, after the server has taken the mail."""
    end = time.monotonic() + within
    while page.goto(path) and subjects(page):
        assert time.monotonic() < end, subjects(page)
        time.sleep(0.2)


def until_there(page: Page, path: str, subject: str, mark: str = "", *, within: float = 15) -> None:
    """Loads a list until it shows this mail (marked so): it is filed, and what it answers marked, after it was sent."""
    end = time.monotonic() + within
    while page.goto(path) and not (row(page, subject).get_by_title(mark) if mark else row(page, subject)).count():
        assert time.monotonic() < end, subjects(page)
        time.sleep(0.2)


def undo_for_a_minute(page: Page) -> None:
    """From the inbox and back: time enough to take back what is sent, however busy the machine is."""
    page.goto("/settings/writing")
    page.get_by_test_id("writing-undo").select_option("60")
    page.get_by_test_id("writing-save").click()
    expect(page.get_by_test_id("notice")).to_contain_text("saved")
    page.goto("/mail/INBOX/")


def write(page: Page, subject: str, text: str = "Hello\n") -> None:
    """Fill in a new message."""
    page.get_by_test_id("compose-to").fill(FRIEND)
    page.get_by_test_id("compose-subject").fill(subject)
    page.get_by_test_id("compose-text").fill(text)


def test_a_message_is_written_beside_the_mail_and_sent_once(page: Page, resident: Resident, site: Site):
    fill(resident, 1)
    sign_in(page, resident)
    page.keyboard.press("c")
    write(page, "From the panel")
    saved(page)
    page.get_by_test_id("compose-send").dblclick()
    expect(page.get_by_test_id("undo-button")).to_be_visible()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    (taken,) = sent(site, "From the panel")
    assert taken.recipients == [FRIEND] and taken.login == resident.mail.login
    until_there(page, "/mail/Sent/", "From the panel")
    expect(row(page, "From the panel")).to_have_count(1)
    until_empty(page, "/mail/Drafts/")
    assert len(sent(site, "From the panel")) == 1


def test_whom_somebody_wrote_to_is_suggested_the_next_time(page: Page, resident: Resident, site: Site):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "The first time")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    page.get_by_test_id("compose-link").click()
    expect(page.locator('[data-testid="recipient-entry"][data-line="to"]')).to_be_focused()
    page.keyboard.type("bob@example.org, frie")
    page.get_by_test_id("suggestion").click()
    expect(page.get_by_test_id("compose-to")).to_have_value(f"bob@example.org, {FRIEND}")


def test_sending_is_taken_back_and_the_draft_opens_again(page: Page, resident: Resident, site: Site):
    sign_in(page, resident)
    undo_for_a_minute(page)
    page.get_by_test_id("compose-link").click()
    write(page, "Too early", "Wait for me\n")
    page.get_by_test_id("compose-send").click()
    page.get_by_test_id("undo-button").click()
    expect(page.get_by_test_id("compose-text")).to_have_value("Wait for me\n")
    page.goto("/outbox")
    expect(page.get_by_test_id("empty-outbox")).to_be_visible()
    page.goto("/mail/Sent/")
    expect(page.get_by_test_id("empty-list")).to_be_visible()
    assert sent(site, "Too early", within=0) == []


def test_mistakes_stand_beside_their_field_and_doubts_are_asked_once(
    page: Page, resident: Resident, site: Site, complaints: Complaints
):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    page.get_by_test_id("compose-to").fill(f"{FRIEND}, carl")
    page.get_by_test_id("compose-text").fill("See the attached plan\n")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("compose-fault")).to_contain_text("“carl”")
    expect(page.locator('[data-testid="recipient-entry"][data-line="to"]')).to_be_focused()
    page.get_by_test_id("compose-to").fill(FRIEND)
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("compose-warning")).to_contain_text("no subject")
    expect(page.get_by_test_id("compose-warning")).to_contain_text("attachment")
    page.get_by_test_id("compose-send-anyway").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    assert len(sent(site, "")) == 1
    assert all("422" in each for each in complaints)  # the browser's own words for an answer that names mistakes
    complaints.clear()


def test_files_are_attached_taken_off_and_sent(page: Page, resident: Resident, site: Site):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "With files")
    names = ["plan <1>.txt", "Übersicht.pdf"]
    page.get_by_test_id("compose-attach").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": b"x" * 50_000} for name in names]
    )
    expect(page.get_by_test_id("compose-file-remove")).to_have_count(2)
    page.get_by_test_id("compose-file-remove").first.click()
    page.get_by_test_id("compose-send").click()
    (taken,) = sent(site, "With files")
    assert b"filename*=utf-8''%C3%9Cbersicht.pdf" in taken.content and b"plan" not in taken.content


def test_an_answer_quotes_goes_to_the_right_people_and_marks_what_it_answers(
    page: Page, resident: Resident, site: Site
):
    fill(resident, 1)
    sign_in(page, resident)
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")
    page.get_by_test_id("reply").click()
    expect(page.get_by_test_id("compose-subject")).to_have_value("Re: Letter 1")
    assert "\n> " in page.get_by_test_id("compose-text").input_value()
    page.get_by_test_id("compose-text").press("Control+Enter")
    (taken,) = sent(site, "Re: Letter 1")
    assert re.search(rb"^In-Reply-To: <", taken.content, re.MULTILINE)
    until_there(page, "/mail/INBOX/", "Letter 1", "Answered")
    expect(row(page, "Letter 1").get_by_title("Answered")).to_be_visible()


def test_who_answers_below_a_quote_begins_there(page: Page, resident: Resident):
    fill(resident, 1)
    sign_in(page, resident)
    page.goto("/settings/identities")
    page.get_by_test_id("identity-link").first.click()
    page.get_by_test_id("identity-signature").fill("Yours")
    page.get_by_test_id("identity-save").click()
    page.get_by_role("link", name="Preferences").click()
    page.get_by_test_id("writing-above").select_option("0")
    page.get_by_test_id("writing-save").click()
    expect(page.get_by_test_id("notice")).to_contain_text("saved")
    page.goto("/mail/INBOX/")
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("reply").click()
    expect(page.get_by_test_id("compose-text")).to_be_focused()
    page.keyboard.type("My answer")
    expect(page.get_by_test_id("compose-text")).to_have_value(
        re.compile(r"^On .* wrote:\n> This is the text of letter 1.\n\nMy answer\n-- \nYours\n$")
    )


def test_everything_works_without_a_script(open_context: Callable[..., BrowserContext], resident: Resident, site: Site):
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "By hand", "One\n")
    page.get_by_test_id("compose-attach").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"abc"})
    page.get_by_test_id("compose-save").click()
    expect(page.get_by_test_id("notice")).to_contain_text("saved")
    expect(page.get_by_test_id("compose-file")).to_have_count(1)
    page.get_by_test_id("compose-text").fill("One, two\n")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("undo-button")).to_be_visible()
    (taken,) = sent(site, "By hand")
    assert b"One, two" in taken.content and b"YWJj" in taken.content
    until_empty(page, "/mail/Drafts/")


@pytest.mark.parametrize("script", [True, False])
def test_who_was_signed_out_meanwhile_signs_in_and_the_message_is_sent(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, script: bool
):
    context = open_context(java_script_enabled=script)
    page = context.new_page()
    sign_in(page, resident)
    page.goto("/compose")
    write(page, f"After the end {script}", "Typed for an hour\n")
    context.clear_cookies()
    page.get_by_test_id("compose-send").click()
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill("wrong")
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("sign-in-error")).to_be_visible()
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("undo-button")).to_be_visible()
    (taken,) = sent(site, f"After the end {script}")
    assert b"Typed for an hour" in taken.content


def test_what_somebody_typed_is_neither_shown_nor_sent_for_whoever_signs_in_instead(
    open_context: Callable[..., BrowserContext], make_resident: Callable[..., Resident], site: Site
):
    writer, other = make_resident(), make_resident()
    context = open_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, writer)
    page.goto("/compose")
    write(page, "Private", "For my eyes\n")
    context.clear_cookies()
    page.get_by_test_id("compose-send").click()
    page.get_by_test_id("address-input").fill(other.address)
    page.get_by_test_id("password-input").fill(other.password)
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("notice")).to_contain_text("another account")
    assert "For my eyes" not in page.content()
    assert sent(site, "Private", within=5) == []
    page.goto("/mail/Drafts/")
    assert subjects(page) == []


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (768, "light"), (390, "dark"), (320, "light")]
)
def test_the_pages_of_writing_pass_the_audit(
    open_context: Callable[..., BrowserContext], resident: Resident, width: int, scheme: str
):
    page = open_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    sign_in(page, resident)
    page.goto(f"/compose?to={'x' * 60}@example.org, carl&cc=a@example.org&subject={'long ' * 60}&body=See attached")
    assert audit(page) == []
    with page.expect_response("**/compose"):
        page.get_by_test_id("compose-send").click()
    expect(page.locator("[data-testid=compose]:not([inert]) [data-testid=compose-fault]")).to_be_visible()
    assert audit(page) == []
    for path in ("/outbox", "/settings/writing", "/settings/texts", "/settings/texts/new"):
        page.goto(path)
        assert audit(page) == [], path


def attach(page: Page, name: str = "plan.txt", content: bytes = b"x" * 5000) -> None:
    page.get_by_test_id("compose-attach").set_input_files(
        {"name": name, "mimeType": "text/plain", "buffer": content}
    )


def saved(page: Page) -> None:
    expect(page.get_by_test_id("compose-state")).to_have_text(re.compile("^Saved"))


def test_a_draft_that_was_changed_in_another_tab_shows_both_and_takes_the_one_that_is_chosen(
    page: Page, resident: Resident, complaints: Complaints
):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "In two tabs")
    attach(page)
    expect(page.get_by_test_id("compose-file-remove")).to_have_count(1)
    saved(page)
    other = page.context.new_page()
    other.goto("/mail/Drafts/")
    row(other, "In two tabs").get_by_test_id("message-subject-link").click()
    other.locator('a[href*="/drafts/"]').first.click()
    other.get_by_test_id("compose-text").fill("From the other tab\n")
    expect(other.get_by_test_id("compose-state")).to_have_text("Not saved yet")
    saved(other)
    page.get_by_test_id("compose-text").fill("From the first tab\n")
    versions = page.get_by_test_id("conflict-versions")
    expect(versions).to_contain_text("From the first tab")
    expect(versions).to_contain_text("From the other tab")
    expect(page.get_by_test_id("compose-file")).to_contain_text("plan.txt")
    page.get_by_test_id("compose-text").fill("From the first tab once more\n")
    expect(page.get_by_test_id("compose-state")).to_have_text("Not saved yet")
    saved(page)
    page.get_by_test_id("conflict-other").click()
    expect(page.get_by_test_id("compose-text")).to_have_value("From the other tab\n")
    expect(page.get_by_test_id("compose-conflict")).to_have_count(0)
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    open_folder(page, "Drafts")
    expect(row(page, "In two tabs")).to_have_count(1)
    open_folder(page, "Trash")
    expect(row(page, "In two tabs")).to_contain_text("once more")


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_two_texts_of_a_draft_pass_the_audit(
    open_context: Callable[..., BrowserContext], resident: Resident, width: int, scheme: str
):
    page = open_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    sign_in(page, resident)
    page.goto("/compose?subject=Two&body=begun")
    page.get_by_test_id("compose-text").fill("first\n" * 9 + "mine " * 60)
    saved(page)
    uid = page.locator('[name="draft"]').input_value().split(".")
    other = page.context.new_page()
    other.goto(f"/drafts/{uid[1]}/{uid[2]}")
    other.get_by_test_id("compose-text").fill("first\n" * 9 + "theirs" * 60)
    other.get_by_test_id("compose-subject").fill("x" * 300)
    saved(other)
    page.get_by_test_id("compose-text").fill("first\n" * 9 + "mine " * 70)
    expect(page.get_by_test_id("compose-conflict")).to_be_visible()
    assert audit(page) == []


def test_a_file_taken_off_while_a_save_is_under_way_stays_off(page: Page, resident: Resident):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "Taken off")
    attach(page)
    expect(page.get_by_test_id("compose-file-remove")).to_have_count(1)
    saved(page)
    assert page.evaluate("() => dispatchEvent(new Event('beforeunload', { cancelable: true }))")  # all is saved
    page.route("**/compose", lambda route: (time.sleep(1), route.continue_()))
    page.get_by_test_id("compose-text").fill("More\n")
    page.get_by_test_id("compose-save").click()
    page.get_by_test_id("compose-file-remove").click()
    saved(page)
    expect(page.get_by_test_id("compose-file-remove")).to_be_hidden()
    expect(page.get_by_test_id("compose-file")).to_have_count(0)


def test_a_file_that_is_too_large_is_named_before_it_is_sent(page: Page, resident: Resident):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    expect(page.get_by_test_id("compose")).to_be_visible()
    page.evaluate("document.querySelector('.write-form').dataset.each = 1000")
    attach(page, "film.mov", b"x" * 1001)
    failed = page.get_by_test_id("compose-file-failed")
    expect(failed).to_contain_text("Too large")
    expect(page.get_by_test_id("compose-file")).to_have_count(0)
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("notice")).to_contain_text("film.mov is not attached")
    failed.get_by_role("button", name="Remove").click()
    expect(failed).to_have_count(0)
    page.evaluate("document.querySelector('.write-form').dataset.most = 1500")
    attach(page, "one.txt", b"x" * 1000)
    expect(page.get_by_test_id("compose-file")).to_have_count(1)
    attach(page, "two.txt", b"x" * 1000)
    expect(failed).to_contain_text("are left")


def test_what_was_typed_without_a_network_is_saved_when_it_is_back(
    page: Page, resident: Resident, complaints: Complaints
):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    expect(page.get_by_test_id("compose")).to_be_visible()
    page.context.set_offline(True)
    write(page, "On a train")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("notice")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    saved(page)
    complaints.clear()


def test_a_draft_that_was_just_closed_is_opened_again_from_the_list_beside_it(page: Page, resident: Resident):
    draft = f"From: {resident.address}\r\nTo: {FRIEND}\r\nSubject: Often opened\r\n\r\nOne\r\n"
    resident.mail.append(draft.encode(), mailbox="Drafts", flags=("\\Draft", "\\Seen"))
    sign_in(page, resident)
    open_folder(page, "Drafts")
    for before, after in (("One", "Two"), ("Two", "Three")):
        row(page, "Often opened").get_by_test_id("message-subject-link").click()
        page.get_by_test_id("edit-draft").click()
        expect(page.get_by_test_id("compose-text")).to_have_value(before)
        page.get_by_test_id("compose-text").fill(after)
        page.get_by_test_id("compose-close").click()
        expect(page.get_by_test_id("edit-draft")).to_have_count(0)  # of the draft as it was
        expect(page.get_by_role("heading", name="Drafts")).to_be_focused()


def test_the_focus_goes_back_to_where_writing_was_begun(page: Page, resident: Resident):
    fill(resident, 1)
    sign_in(page, resident)
    page.get_by_test_id("compose-link").focus()
    page.keyboard.press("Enter")
    expect(page.locator('[data-testid="recipient-entry"][data-line="to"]')).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("compose")).to_have_count(0)
    expect(page.get_by_test_id("compose-link")).to_be_focused()


def test_what_was_typed_before_the_script_was_there_is_saved_by_itself(page: Page, resident: Resident):
    sign_in(page, resident)
    page.route("**/js/write.js", lambda route: (time.sleep(1), route.continue_()))
    page.goto("/compose", wait_until="commit")
    page.get_by_test_id("compose-text").fill("Quicker than the script\n")
    saved(page)


def test_what_could_not_be_saved_is_not_left_as_if_it_were(page: Page, resident: Resident, complaints: Complaints):
    sign_in(page, resident)
    page.keyboard.press("c")
    page.get_by_test_id("compose-to").evaluate("(field) => { field.value = 'a'.repeat(70000); }")  # longer than is kept
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("compose-fault").first).to_be_visible()
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_text("The draft is not saved yet. It stays open.")).to_be_visible()
    expect(page.get_by_test_id("compose")).to_have_count(1)
    assert all("413" in each for each in complaints)
    complaints.clear()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_of_writing_begins_where_something_is_missing(
    open_context: Callable[..., BrowserContext], resident: Resident, scripts: bool
):
    page = open_context(viewport={"width": 390, "height": 800}, java_script_enabled=scripts).new_page()
    sign_in(page, resident)
    page.goto("/compose")
    focused = page.locator("[data-testid=recipient-entry]:focus" if scripts else "[data-testid=compose-to]:focus")
    expect(focused).to_have_count(1)
    page.goto(f"/compose?to={FRIEND}&subject=Known")
    expect(page.locator("[data-testid=compose-text]:focus")).to_have_count(1)


def test_mail_links_open_the_composer_and_the_browser_is_asked_to_send_others_here(
    open_context: Callable[..., BrowserContext], resident: Resident
):
    context = open_context()
    context.add_init_script("navigator.registerProtocolHandler = (...told) => { document.title = told.join(' '); }")
    page = context.new_page()
    page.goto("/compose?mailto=mailto%3Abob%40a.example%3Fsubject%3D1%2B1%26cc%3Dc%40a.example%26body%3Done%250D%250Atwo")
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_test_id("compose-to")).to_have_value(re.compile("bob@a.example"))
    expect(page.get_by_test_id("compose-cc")).to_have_value(re.compile("c@a.example"))
    expect(page.get_by_test_id("compose-subject")).to_have_value("1+1")
    expect(page.get_by_test_id("compose-text")).to_have_value(re.compile("^one\ntwo"))
    page.goto("/settings/writing")
    page.get_by_test_id("mailto-register").click()
    expect(page).to_have_title(re.compile(r"^mailto http.*/compose\?mailto=%s$"))
    resident.mail.append(b"From: x@a.example\r\nSubject: Call me\r\n\r\nWrite to carol@b.example, please.\r\n")
    page.goto("/mail/INBOX/")
    row(page, "Call me").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("message-body").get_by_role("link", name="carol@b.example").click()
    expect(page.get_by_test_id("compose-to")).to_have_value(re.compile("carol@b.example"))
    assert len(context.pages) == 1


@pytest.mark.parametrize("script", [True, False])
def test_a_text_that_is_written_again_and_again_is_put_into_a_message(
    open_context: Callable[..., BrowserContext], resident: Resident, script: bool
):
    page = open_context(java_script_enabled=script).new_page()
    sign_in(page, resident)
    page.goto("/settings/texts/new")
    page.get_by_test_id("text-name").fill("Thanks")
    page.get_by_test_id("text-subject").fill("Thank you")
    page.get_by_test_id("text-body").fill("thank you\nvery much")
    page.get_by_test_id("text-save").click()
    expect(page.get_by_test_id("text-row")).to_have_count(1)
    page.goto("/compose")
    page.get_by_test_id("compose-text").fill("Dear Bob, !")
    if script:
        expect(page.locator('[data-testid="recipient-entry"]').first).to_be_visible()  # else the form's button does it
        page.get_by_test_id("compose-text").evaluate("(area) => area.setSelectionRange(10, 10)")
    page.get_by_test_id("compose-texts-menu").click()
    page.get_by_test_id("compose-text-offer").click()
    expected = "Dear Bob, thank you\nvery much!" if script else "Dear Bob, !\nthank you\nvery much\n"
    expect(page.get_by_test_id("compose-text")).to_have_value(expected)
    expect(page.get_by_test_id("compose-subject")).to_have_value("Thank you")
    if script:
        assert audit(page) == []
        saved(page)
        page.get_by_test_id("compose-formatting").click()
        area = page.get_by_role("textbox", name="Message")
        expect(area).to_be_focused()
        page.get_by_test_id("compose-texts-menu").click()
        page.get_by_test_id("compose-text-offer").click()
        expect(area).to_contain_text(re.compile("thank you.*thank you", re.DOTALL))


@pytest.mark.parametrize("script", [True, False])
def test_what_was_typed_last_is_in_the_trash_once_it_is_discarded(
    open_context: Callable[..., BrowserContext], resident: Resident, script: bool
):
    page = open_context(java_script_enabled=script).new_page()
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "Thrown away", "Typed and never saved\n")
    page.get_by_test_id("compose-discard").click()
    with page.expect_response(lambda answer: answer.url.endswith("/undo")):  # a page that is left sends nothing more
        page.get_by_test_id("undo-button").click()
    page.goto("/mail/Drafts/")
    row(page, "Thrown away").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("edit-draft").click()
    expect(page.get_by_test_id("compose-text")).to_have_value("Typed and never saved\n")


def test_closing_without_a_script_saves_what_is_there_and_leaves_no_empty_draft(
    open_context: Callable[..., BrowserContext], resident: Resident
):
    page = open_context(java_script_enabled=False).new_page()
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    page.get_by_test_id("compose-save-close").click()
    expect(page).to_have_url(re.compile("/mail/INBOX/"))
    page.get_by_test_id("compose-link").click()
    write(page, "Closed")
    page.get_by_test_id("compose-save-close").click()
    expect(page.get_by_test_id("notice")).to_contain_text("saved")
    page.goto("/mail/Drafts/")
    assert subjects(page) == ["Closed"]


def test_nothing_is_typed_into_a_message_that_is_on_its_way_already(
    page: Page, resident: Resident, complaints: Complaints
):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "Slow line", "Before")
    saved(page)
    page.route("**/compose", lambda route: (page.keyboard.type("behind"), route.abort()))
    page.get_by_test_id("compose-text").press("Control+Enter")
    expect(page.get_by_test_id("notice")).to_contain_text("cannot be reached")
    expect(page.get_by_test_id("compose-text")).to_have_value("Before")
    expect(page.get_by_test_id("compose-text")).to_be_focused()
    page.unroute("**/compose")
    complaints.clear()


def test_the_wish_to_be_told_of_delivery_is_kept_with_the_draft(page: Page, resident: Resident):
    sign_in(page, resident)
    page.get_by_test_id("compose-link").click()
    write(page, "Tell me")
    saved(page)
    page.get_by_test_id("compose-later-menu").click()
    page.get_by_test_id("compose-notify").check()
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    page.goto("/mail/Drafts/")
    row(page, "Tell me").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("edit-draft").click()
    expect(page.get_by_test_id("compose-notify")).to_be_checked()


@pytest.mark.parametrize("size", [3, 3_000_000])
def test_files_that_do_not_ride_over_the_sign_in_are_named_and_nothing_is_sent_without_them(
    open_context: Callable[..., BrowserContext], resident: Resident, site: Site, size: int
):
    context = open_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, resident)
    page.goto("/compose")
    write(page, f"With a plan of {size}", "Typed for an hour\n")
    plan = {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"x" * size}
    page.get_by_test_id("compose-attach").set_input_files(plan)
    context.clear_cookies()
    page.get_by_test_id("compose-send").click()
    page.get_by_test_id("address-input").fill(resident.address)
    page.get_by_test_id("password-input").fill(resident.password)
    page.get_by_test_id("sign-in-button").click()
    expect(page.get_by_text("Not sent. Not attached: “plan.txt”.")).to_be_visible()
    expect(page.get_by_test_id("compose-text")).to_have_value("Typed for an hour\n")
    assert sent(site, f"With a plan of {size}", within=0) == []


def test_who_takes_back_a_message_while_writing_another_keeps_both(
    page: Page, resident: Resident, complaints: Complaints
):
    sign_in(page, resident)
    undo_for_a_minute(page)
    page.get_by_test_id("compose-link").click()
    write(page, "The first")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("undo-button")).to_be_visible()
    page.get_by_test_id("compose-link").click()
    expect(page.get_by_test_id("compose")).to_be_visible()
    page.route("**/compose", lambda route: route.abort())
    write(page, "The second", "Begun\n")
    page.get_by_test_id("undo-button").click()
    expect(page.get_by_text("The draft is not saved yet. It stays open.")).to_be_visible()
    expect(page.get_by_test_id("compose-subject")).to_have_value("The second")
    page.unroute("**/compose")
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    page.goto("/mail/Drafts/")
    assert sorted(subjects(page)) == ["The first", "The second"]
    complaints.clear()
