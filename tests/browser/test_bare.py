"""Writing on mail servers that cannot put messages together: a file lies aside until the message is whole."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.demo import directory
from app.demo.pictures import landscape
from app.demo.pymap import Pymap
from tests.browser.steps import sign_in
from tests.browser.test_formatting import PASTE, open_draft, png, saved, taken
from tests.browser.test_formatting import begin as begin_formatted
from tests.browser.test_journeys import PLAN, attach, begin, header, lying
from tests.conftest import MailAccount, Resident, Site
from tests.proxy import Proxy

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
OpenContext = Callable[..., "BrowserContext"]


@pytest.fixture(scope="module")
def bare(servers_folder: Path) -> Iterator[Pymap]:
    """A mail server without UIDPLUS, special folders, keywords, CATENATE."""
    server = Pymap(servers_folder / "bare", {"bare@one.example": "secret"}).start()
    yield server
    server.stop()


def reached(site: Site, account: MailAccount, address: str, port: int) -> Resident:
    """The person of this account, whose mail server is reached at `port`."""
    site.smtp.logins[account.login] = account.password
    with site.engine.begin() as connection:
        ports = {"imap": port, "submission": site.smtp.port}
        row = directory.put_server(connection, f"bare-{port}", ports)
        directory.put_account(connection, address, account.login, row)
    return Resident(address, account)


@pytest.fixture
def bob(bare: Pymap, site: Site) -> Resident:
    """Somebody on the bare mail server."""
    return reached(site, MailAccount(bare, "bare@one.example", "secret"), "bare@one.example", bare.imap_port)  # type: ignore[arg-type]


@pytest.fixture
def carol(make_account: Callable[..., MailAccount], site: Site) -> Iterator[Resident]:
    """Somebody on a Dovecot that does not offer CATENATE."""
    account = make_account()
    with Proxy(account.server.imap_port) as proxy:
        proxy.hidden = b"CATENATE"
        yield reached(site, account, f"carol.{account.login}@one.example", proxy.port)


@pytest.mark.slow
@pytest.mark.parametrize("script", [True, False])
def test_on_a_bare_mail_server_a_message_is_saved_sent_and_filed(
    open_context: OpenContext, site: Site, bob: Resident, script: bool
):
    page = open_context(java_script_enabled=script).new_page()
    sign_in(page, bob)
    subject = f"Bare {script}"
    begin(page, "friend@elsewhere.example", subject, "One\n")
    attach(page, "plan.bin", PLAN)
    page.get_by_test_id("compose-save").click()
    expect(page.get_by_test_id("compose-state" if script else "notice")).to_contain_text(re.compile("saved", re.I))
    page.get_by_test_id("compose-text").fill("One, two\n")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    end = time.monotonic() + 25
    while not (filed := [each for each in lying(bob, "Sent") if header(each, "Subject") == subject]):
        assert time.monotonic() < end, site.smtp.taken[-1:]
        time.sleep(0.1)
    (mail,) = (each for each in site.smtp.taken if f"\r\nSubject: {subject}\r\n".encode() in each.content)
    for raw in (mail.content, *filed):
        parts = list(message_from_bytes(raw, policy=policy.default).iter_attachments())
        assert [part.get_payload(decode=True) for part in parts] == [PLAN] and b"One, two" in raw
    assert len(filed) == 1
    while [each for each in lying(bob, "Drafts") if header(each, "Subject") == subject]:
        assert time.monotonic() < end
        time.sleep(0.2)


def picture_lies(page: Page) -> str:
    """In which part of its message the one picture of the draft lies, once it is seen in the text."""
    picture = page.get_by_test_id("compose-rich").locator("img")
    expect(picture).to_have_count(1)
    expect(picture).to_have_js_property("naturalWidth", 30)
    file = page.locator(".write-files [data-cid] input")
    expect(file).to_have_count(1)
    section: str = json.loads(file.input_value())[1]
    return section


def test_a_picture_in_the_text_of_a_draft_is_seen_whenever_it_is_opened_and_sent_with_it(
    page: Page, bob: Resident, site: Site
):
    sign_in(page, bob)
    begin_formatted(page, "Always seen", "Look\n")
    page.get_by_test_id("compose-rich").evaluate(PASTE, [png(), "pasted.png", "paste", "image/png"])
    assert picture_lies(page) == "TEXT"
    saved(page)
    page.goto("/mail/INBOX/")  # as whoever closes the tab: nothing puts the message together
    open_draft(page, "Always seen")
    assert picture_lies(page) == "TEXT"
    page.keyboard.type("More. ")
    saved(page)
    assert picture_lies(page) == "TEXT"
    page.get_by_test_id("compose-close").click()
    expect(page.get_by_test_id("compose")).to_have_count(0)
    page.goto("/mail/INBOX/")
    open_draft(page, "Always seen")
    assert picture_lies(page) not in ("TEXT", "")
    page.get_by_test_id("compose-send").click()
    message = taken(site, "Always seen")
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    assert list(message.walk())[-1].get_content() == landscape(1, width=30, height=20)


def test_without_a_script_a_draft_keeps_the_picture_that_lies_aside(
    page: Page, open_context: OpenContext, carol: Resident, site: Site
):
    sign_in(page, carol)
    begin_formatted(page, "No script here", "Look\n")
    page.get_by_test_id("compose-rich").evaluate(PASTE, [png(), "pasted.png", "paste", "image/png"])
    assert picture_lies(page) == "TEXT"
    saved(page)
    page.goto("/mail/INBOX/")
    open_draft(page, "No script here")
    assert picture_lies(page) == "TEXT"
    plain = open_context(java_script_enabled=False).new_page()
    sign_in(plain, carol)
    open_draft(plain, "No script here")
    plain.get_by_test_id("compose-send").click()
    expect(plain.get_by_test_id("compose")).to_have_count(0)
    assert list(taken(site, "No script here").walk())[-1].get_content() == landscape(1, width=30, height=20)
