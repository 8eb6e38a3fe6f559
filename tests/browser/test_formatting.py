"""Writing with formatting in a browser: what is seen is what is sent, and back to plain text no word is lost."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert, select

from app.demo.pictures import landscape
from app.directory.tables import ANY_DOMAIN, AccountRow, AddressRow
from tests.browser.audit import audit
from tests.browser.letters import fill
from tests.browser.steps import open_folder, row, sign_in
from tests.browser.test_writing import FRIEND, sent
from tests.conftest import Resident, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
VIEWS = [(1280, "light"), (768, "dark"), (390, "light"), (320, "dark")]


def begin(page: Page, subject: str, text: str = "") -> None:
    """A new message, its text in the editor."""
    page.get_by_test_id("compose-link").click()
    page.get_by_test_id("compose-to").fill(FRIEND)
    page.get_by_test_id("compose-subject").fill(subject)
    page.get_by_test_id("compose-text").fill(text)
    page.get_by_test_id("compose-formatting").click()
    expect(page.get_by_test_id("compose-rich")).to_be_focused()


def open_draft(page: Page, subject: str) -> None:
    open_folder(page, "Drafts")
    row(page, subject).get_by_test_id("message-subject-link").click()
    page.get_by_test_id("edit-draft").click()


def press(page: Page, name: str) -> None:
    page.get_by_test_id("compose-toolbar").get_by_role("button", name=name, exact=True).click()


def taken(site: Site, subject: str) -> EmailMessage:
    """The one message with this subject, taken apart by Python's parser."""
    (found,) = sent(site, subject)
    return email.message_from_bytes(found.content, policy=email.policy.default)


def inner(page: Page) -> str:
    found: str = page.get_by_test_id("compose-rich").evaluate("element => element.innerHTML")
    return found.replace("\u200b", "")  # where the caret stands


def test_what_is_written_with_formatting_is_sent_as_html_and_as_text(page: Page, resident: Resident, site: Site):
    sign_in(page, resident)
    begin(page, "Formatted", "Hello  <Bob>\n\n> so it was\n")
    page.keyboard.press("End")
    page.keyboard.press("Control+b")
    page.keyboard.type(" bold")
    press(page, "Bold")
    page.keyboard.type(" see ")
    press(page, "Link")
    page.get_by_test_id("compose-address").fill("example.org/plan")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("compose-rich")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, "Bulleted list")
    page.keyboard.type("one")
    page.get_by_test_id("compose-send").click()
    message = taken(site, "Formatted")
    plain, html = message.iter_parts()
    assert message.get_content_type() == "multipart/alternative"
    assert [plain.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    words = " ".join(plain.get_content().split())
    assert words == "Hello <Bob> bold see example.org/plan - one > so it was"
    text = html.get_content()
    assert "<b>&nbsp;bold</b>" in text.replace("\xa0", "&nbsp;") or "<b> bold</b>" in text
    assert '<a href="https://example.org/plan">' in text and "<ul><li>one" in text
    assert '<blockquote type="cite" style="' in text and "&lt;Bob&gt;" in text


def test_the_editor_is_loaded_when_it_is_wanted_and_never_by_a_reader(page: Page, resident: Resident):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    fill(resident, 1)
    sign_in(page, resident)
    row(page, "Letter 1").get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text("Letter 1")
    assert [url for url in asked if "/vendor/squire" in url or "write" in url.rpartition("/")[2]] == []
    page.get_by_test_id("reply").click()
    page.get_by_test_id("compose-formatting").click()
    expect(page.get_by_test_id("compose-rich")).to_be_focused()
    assert len([url for url in asked if "/vendor/squire" in url or "/vendor/dompurify" in url]) == 2


def test_no_word_is_lost_on_the_way_to_formatting_and_back(page: Page, resident: Resident):
    text = "\n\nOne  two\n\n> quoted\n>> deeper\n\n-- \nAlice <b>"
    sign_in(page, resident)
    begin(page, "There and back", text)
    page.get_by_test_id("compose-formatting").click()
    expect(page.get_by_test_id("compose-text")).to_be_visible()
    expect(page.get_by_test_id("compose-text")).to_have_value(text)
    page.get_by_test_id("compose-formatting").click()
    expect(page.get_by_test_id("compose-rich")).to_be_focused()
    page.keyboard.press("Control+i")
    page.keyboard.type("mine")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_test_id("compose-formatting").click()
    assert "<i>mine</i>" in inner(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_test_id("compose-formatting").click()
    expect(page.get_by_test_id("compose-text")).to_have_value(re.compile("^mine"))


def test_a_draft_with_formatting_opens_again_as_it_was(page: Page, resident: Resident):
    sign_in(page, resident)
    begin(page, "To be continued", "First line\n> q\n")
    page.keyboard.press("Control+u")
    page.keyboard.type("now")
    saved(page)
    before = inner(page)
    close(page)
    open_draft(page, "To be continued")
    expect(page.get_by_test_id("compose-rich")).to_contain_text("First line")
    assert inner(page) == before
    page.wait_for_timeout(3500)
    expect(page.get_by_test_id("compose-state")).to_have_text("")  # nothing was changed, nothing is saved


def test_without_a_script_the_text_is_there_and_the_page_says_what_saving_does(
    page: Page, open_context: Callable[..., BrowserContext], resident: Resident
):
    sign_in(page, resident)
    begin(page, "No script", "Words\n")
    press(page, "Bulleted list")
    saved(page)
    plain = open_context(java_script_enabled=False).new_page()
    sign_in(plain, resident)
    open_draft(plain, "No script")
    expect(plain.get_by_test_id("compose-text")).to_have_value("- Words")
    expect(plain.get_by_test_id("compose-formatted")).to_be_visible()
    expect(plain.get_by_test_id("compose-formatting")).to_be_hidden()
    expect(page.get_by_test_id("compose-formatted")).to_have_count(0)


def test_without_a_script_formatting_is_kept_for_as_long_as_the_text_is_left_alone(
    page: Page, open_context: Callable[..., BrowserContext], resident: Resident
):
    sign_in(page, resident)
    begin(page, "Left alone", "Words\n")
    press(page, "Bulleted list")
    saved(page)
    plain = open_context(java_script_enabled=False).new_page()
    sign_in(plain, resident)
    open_draft(plain, "Left alone")
    for words, kept in (("- Words", 1), ("Other words", 0)):
        plain.get_by_test_id("compose-subject").fill(f"Now {kept}")
        plain.get_by_test_id("compose-text").fill(words)
        plain.get_by_test_id("compose-save").click()
        expect(plain.get_by_test_id("compose-subject")).to_have_value(f"Now {kept}")
        expect(plain.get_by_test_id("compose-formatted")).to_have_count(kept)


def png(colour: int = 1) -> str:
    return base64.b64encode(landscape(colour, width=30, height=20)).decode()


PASTE = """(element, [data, name, kind, type]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const options = { bubbles: true, cancelable: true };
  element.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, ...options })
    : new DragEvent("drop", { dataTransfer: transfer, ...options }));
}"""


def saved(page: Page) -> None:
    expect(page.get_by_test_id("compose-state")).to_have_text(re.compile("^Saved"))


def close(page: Page) -> None:
    """The panel goes once the draft is saved, which may move it in its folder."""
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)


def test_pictures_pasted_and_dropped_stand_in_the_text_and_go_with_it(page: Page, resident: Resident, site: Site):
    sign_in(page, resident)
    begin(page, "With pictures", "Look\n")
    area = page.get_by_test_id("compose-rich")
    area.evaluate(PASTE, [png(1), "pasted.png", "paste", "image/png"])
    expect(area.locator("img")).to_have_count(1)
    area.evaluate(PASTE, [png(2), "dropped.png", "drop", "image/png"])
    area.evaluate(PASTE, [base64.b64encode(b"<svg onload=alert(1)>").decode(), "x.svg", "drop", "image/svg+xml"])
    expect(area.locator("img")).to_have_count(2)
    expect(page.get_by_test_id("compose-file").filter(visible=True)).to_have_text(re.compile(r"x\.svg"))
    expect(page.locator(".write-files [data-cid]")).to_have_count(2)
    saved(page)
    expect(area.locator("img").first).to_have_js_property("naturalWidth", 30)
    close(page)
    open_draft(page, "With pictures")
    expect(area.locator("img")).to_have_count(2)
    for picture in area.locator("img").all():
        expect(picture).to_have_js_property("naturalWidth", 30)
    area.locator("img").last.evaluate("picture => picture.remove()")
    page.wait_for_timeout(300)
    page.get_by_test_id("compose-send").click()
    message = taken(site, "With pictures")
    assert message.get_content_type() == "multipart/mixed"
    body, attached = message.iter_parts()
    assert (attached.get_filename(), attached.get_content_disposition()) == ("x.svg", "attachment")
    _, related = body.iter_parts()
    html, picture = related.iter_parts()
    assert (related.get_content_type(), html.get_content_type()) == ("multipart/related", "text/html")
    assert picture.get_content() == landscape(1, width=30, height=20)
    assert f'<img src="cid:{picture["Content-ID"][1:-1]}" alt="pasted.png">' in html.get_content()


def test_an_answer_shows_and_sends_the_pictures_that_it_quotes(page: Page, resident: Resident, site: Site):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "carol@example.org", resident.address, "The view"
    message.set_content("Look")
    message.add_alternative('<p>Look <b>here</b></p><img src="cid:v@x"><img src="https://t.invalid/p">', subtype="html")
    related = message.get_payload(1)
    related.add_related(landscape(1, width=30, height=20), "image", "png", cid="<v@x>", filename="view.png")
    resident.mail.append(message.as_bytes())
    sign_in(page, resident)
    page.goto("/settings/writing")
    page.get_by_test_id("writing-rich").select_option("1")
    page.get_by_test_id("writing-save").click()
    page.goto("/mail/INBOX/")
    row(page, "The view").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("reply").click()
    picture = page.get_by_test_id("compose-rich").locator("blockquote img")
    expect(picture).to_have_count(1)
    expect(picture).to_have_js_property("naturalWidth", 30)
    expect(page.get_by_test_id("compose-file").filter(visible=True)).to_have_count(0)
    page.get_by_test_id("compose-send").click()
    answer = taken(site, "Re: The view")
    types = [part.get_content_type() for part in answer.walk()]
    assert types == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    html = answer.get_body(("html",))
    assert html is not None
    assert "<p>Look <b>here</b></p>" in html.get_content() and '<img src="cid:v@x" alt="">' in html.get_content()


def test_a_picture_that_comes_back_by_undo_is_sent(page: Page, resident: Resident, site: Site):
    sign_in(page, resident)
    begin(page, "Undone", "Look\n")
    area = page.get_by_test_id("compose-rich")
    area.evaluate(PASTE, [png(1), "pasted.png", "paste", "image/png"])
    expect(area.locator("img")).to_have_count(1)
    expect(page.locator(".write-files [data-cid]")).to_have_count(1)
    saved(page)
    page.keyboard.press("Control+a")
    page.keyboard.press("Backspace")
    expect(area.locator("img")).to_have_count(0)
    page.wait_for_timeout(3500)
    saved(page)
    page.keyboard.press("Control+z")
    expect(area.locator("img")).to_have_count(1)
    page.get_by_test_id("compose-send").click()
    content = [part.get_content_type() for part in taken(site, "Undone").walk()]
    assert content == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]


HOSTILE = (
    '<p>kind words</p><img src=x onerror="window.hit=1"><script>window.hit=2</script><svg onload="window.hit=3"></svg>'
    '<a href="javascript:window.hit=4" onclick="window.hit=5">press</a><iframe srcdoc="<script>parent.hit=6</script>">'
    '</iframe><form action="/logout"><button>b</button></form><style>*{display:none}</style><input autofocus '
    'onfocus="window.hit=7"><img src="https://tracker.invalid/p.gif"><div style="position:fixed;inset:0">over</div>'
)


def test_a_hostile_draft_and_a_hostile_paste_run_nothing(page: Page, resident: Resident):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    draft = f"From: x@example.org\r\nSubject: Trap\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n{HOSTILE}\r\n"
    resident.mail.append(draft.encode(), mailbox="Drafts", flags=("\\Draft", "\\Seen"))
    sign_in(page, resident)
    open_draft(page, "Trap")
    area = page.get_by_test_id("compose-rich")
    expect(area).to_contain_text("kind words")
    area.evaluate(
        """(element, html) => {
          const data = new DataTransfer();
          data.setData("text/html", html);
          element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        HOSTILE.replace("kind", "pasted"),
    )
    expect(area).to_contain_text("pasted words")
    area.get_by_text("press").first.click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    assert not re.search(r"<(?:script|svg|iframe|form|style|input|img)|javascript:| on\w+=| style=", inner(page))
    assert [url for url in asked if "tracker" in url] == []


def test_answers_begin_with_formatting_where_that_was_chosen(page: Page, resident: Resident, site: Site):
    fill(resident, 2)
    sign_in(page, resident)
    page.goto("/settings/writing")
    page.get_by_test_id("writing-rich").select_option("1")
    page.get_by_test_id("writing-save").click()
    page.goto("/mail/INBOX/")
    row(page, "Letter 2").get_by_test_id("message-subject-link").click()
    page.get_by_test_id("reply").click()
    area = page.get_by_test_id("compose-rich")
    expect(area.locator('blockquote[type="cite"]')).to_contain_text("This is the text of letter 2.")
    expect(area).to_be_focused()
    page.keyboard.type("Yes")
    page.keyboard.press("Control+Enter")
    html = taken(site, "Re: Letter 2").get_body(("html",))
    assert html is not None and html.get_content().startswith("<div>Yes</div>")


def add_alias(site: Site, resident: Resident) -> str:
    """One more address of the resident."""
    local, _, domain = resident.address.partition("@")
    with site.engine.begin() as connection:
        account = connection.execute(
            select(AccountRow.account_id, AccountRow.site_id).where(AccountRow.username == local)
        ).one()
        values = {"site_id": account.site_id, "domain_id": ANY_DOMAIN, "account_id": account.account_id}
        connection.execute(insert(AddressRow).values(local=f"office.{local}", **values))
    return f"office.{local}@{domain}"


def test_a_signature_with_formatting_stands_below_and_follows_the_sender(page: Page, resident: Resident, site: Site):
    office = add_alias(site, resident)
    sign_in(page, resident)
    for address in (resident.address, office):
        page.goto("/settings/identities")
        page.get_by_role("link", name=address, exact=True).click()
        page.get_by_text("Signature with formatting").click()
        page.get_by_test_id("identity-signature-rich").click()
        assert audit(page) == []
        page.set_viewport_size({"width": 390 if address == resident.address else 1280, "height": 800})
        assert audit(page) == []
        page.keyboard.type("Office, " if address == office else "Alice, ")
        page.keyboard.press("Control+b")
        page.keyboard.type("One Street")
        page.get_by_test_id("identity-save").click()
        expect(page.get_by_test_id("notice")).to_contain_text("was saved")
    page.goto("/mail/INBOX/")
    page.get_by_test_id("compose-link").click()
    text = page.get_by_test_id("compose-text")
    expect(text).to_have_value("\n\n-- \nAlice, One Street")
    page.get_by_test_id("compose-from").select_option(label=f" <{office}>")
    expect(text).to_have_value("\n\n-- \nOffice, One Street")
    page.get_by_test_id("compose-from").select_option(index=0)
    expect(text).to_have_value("\n\n-- \nAlice, One Street")
    page.goto("/settings/writing")
    page.get_by_test_id("writing-rich").select_option("1")
    page.get_by_test_id("writing-save").click()
    page.goto("/compose")
    area = page.get_by_test_id("compose-rich")
    expect(area.locator(".signature b")).to_have_text("One Street")
    area.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("Hello")
    page.get_by_test_id("compose-from").select_option(index=1)
    expect(area.locator(".signature")).to_contain_text("Office, One Street")
    expect(area).to_contain_text("Hello")
    area.locator(".signature b").click()
    page.keyboard.type("mine")
    page.get_by_test_id("compose-from").select_option(index=0)
    page.wait_for_timeout(500)
    expect(area.locator(".signature")).to_contain_text("mine")
    expect(area.locator(".signature")).to_contain_text("Office")


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_editor_is_readable_and_usable_at_every_width(
    open_context: Callable[..., BrowserContext], resident: Resident, width: int, scheme: str
):
    page = open_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    sign_in(page, resident)
    page.goto("/compose")
    page.get_by_test_id("compose-text").fill("One\n> two\n")
    page.get_by_test_id("compose-formatting").click()
    expect(page.get_by_test_id("compose-rich")).to_be_focused()
    press(page, "Link")
    assert audit(page) == []
    page.get_by_test_id("compose-address").fill("javascript:alert(1)")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("compose-address")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("compose-address")).to_be_hidden()
    expect(page.get_by_test_id("compose-rich")).to_be_focused()


def test_the_toolbar_is_used_with_the_keyboard_alone(page: Page, resident: Resident):
    sign_in(page, resident)
    begin(page, "Keys", "word")
    page.keyboard.press("Control+a")
    page.keyboard.press("Shift+Tab")
    tools = page.get_by_test_id("compose-toolbar")
    expect(tools.get_by_role("button", name="Bold")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("button", name="Italic")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tools.get_by_role("button", name="Italic")).to_have_attribute("aria-pressed", "true")
    assert "<i>word</i>" in inner(page)
