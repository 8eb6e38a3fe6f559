"""Mail from one provider to another and back: Chromium, submission at a real Postfix, LMTP into a real Dovecot."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from imapclient import IMAPClient
from playwright.sync_api import expect
from sqlalchemy import update

from app.demo import directory
from app.demo.certificate import Certificate
from app.demo.dovecot import Dovecot
from app.demo.process import free_port
from app.directory.tables import ServerRow
from tests.browser.steps import row, sign_in
from tests.browser.test_writing import until_empty, until_there
from tests.conftest import MailAccount, Resident, Site
from tests.postfix import Postfix

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OpenContext = Callable[..., "BrowserContext"]
no_postfix = pytest.mark.skipif(Postfix.missing() is not None, reason=str(Postfix.missing()))
DOMAINS = ("one.example", "two.example")
PLAN = bytes(range(256)) * 400


@dataclass(frozen=True)
class Provider:
    """A mail server with its Postfix; whoever has an account signs in at both with the address."""

    dovecot: Dovecot
    postfix: Postfix
    certificate: Certificate
    domain: str

    def resident(self, site: Site, name: str) -> Resident:
        """Somebody new, who is known to the site."""
        address = f"{name}.{free_port()}{time.time_ns() % 10**6}@{self.domain}"
        account = MailAccount(self.dovecot, address, "pa ss\u00e9")
        self.dovecot.add_user(address, account.password)
        with site.engine.begin() as connection:
            ports = {"imap": self.dovecot.imap_port, "submission": self.postfix.port}
            row = directory.put_server(connection, f"provider-{self.domain}", ports)
            here = {"submission_security": "starttls", "submission_host": "localhost", "tls_ca": self.certificate.ca}
            connection.execute(update(ServerRow).where(ServerRow.server_id == row).values(**here))
            directory.put_account(connection, address, account.login, row)
        return Resident(address, account)


@pytest.fixture(scope="module")
def providers(servers_folder: Path, certificate: Certificate) -> Iterator[list[Provider]]:
    """Two providers, each of which hands the other's mail over."""
    with ExitStack() as ends:
        dovecots = []
        for domain in DOMAINS:
            dovecots.append(Dovecot(servers_folder / f"mail.{domain}", sasl=True).start())
            ends.callback(dovecots[-1].stop)
        lmtp = {domain: dovecot.lmtp_port for domain, dovecot in zip(DOMAINS, dovecots, strict=True)}
        found = []
        for domain, dovecot in zip(DOMAINS, dovecots, strict=True):
            postfix = Postfix(servers_folder / f"mx.{domain}", certificate, sasl=dovecot.sasl_port, lmtp=lmtp)
            found.append(Provider(dovecot, ends.enter_context(postfix), certificate, domain))
        yield found


def lying(person: Resident, mailbox: str) -> list[bytes]:
    """All messages of a mailbox, as they lie there."""
    with IMAPClient("127.0.0.1", person.mail.server.imap_port, ssl=False) as client:
        client.plain_login(person.mail.login, person.mail.password)
        if not client.folder_exists(mailbox):
            return []
        client.select_folder(mailbox, readonly=True)
        return [bytes(told[b"BODY[]"]) for told in client.fetch(client.search(), ["BODY.PEEK[]"]).values()]


def arrived(page: Page, person: Resident, subject: str, log: Callable[[], str] = str) -> None:
    """The inbox shows it at last, and it is opened."""
    end = time.monotonic() + 25
    while not any(f"\r\nSubject: {subject}\r\n".encode() in each for each in lying(person, "INBOX")):
        assert time.monotonic() < end, log()
        time.sleep(0.1)
    page.goto("/mail/INBOX/")
    expect(row(page, subject)).to_have_count(1)
    row(page, subject).get_by_test_id("message-subject-link").click()
    expect(page.get_by_test_id("message-subject")).to_have_text(subject)


def begin(page: Page, to: str, subject: str, text: str) -> None:
    page.get_by_test_id("compose-link").click()
    page.get_by_test_id("compose-to").fill(to)
    page.get_by_test_id("compose-subject").fill(subject)
    page.get_by_test_id("compose-text").fill(text)


def attach(page: Page, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.get_by_test_id("compose-attach").set_input_files(file)


def header(raw: bytes, name: str) -> str:
    return str(message_from_bytes(raw, policy=policy.default)[name] or "")


@no_postfix
@pytest.mark.parametrize("script", [True, False])
def test_a_message_with_a_file_is_sent_found_answered_and_the_answer_belongs_to_it(
    open_context: OpenContext, site: Site, providers: list[Provider], script: bool
):
    alice, bob = providers[0].resident(site, "alice"), providers[1].resident(site, "bob")
    here = open_context(java_script_enabled=script).new_page()
    sign_in(here, alice)
    begin(here, f"Bob <{bob.address}>", "The plan", "Dear Bob,\n\nhere it is.\nFrom me\n.\n")
    attach(here, "Pl\u00e4ne 2026.bin", PLAN)
    here.get_by_test_id("compose-send").click()
    expect(here.get_by_test_id("undo-button")).to_be_visible()

    there = open_context(java_script_enabled=script).new_page()
    sign_in(there, bob)
    arrived(there, bob, "The plan", lambda: providers[0].postfix.log)
    expect(there.get_by_test_id("message-body")).to_contain_text("here it is.\nFrom me\n.")
    with there.expect_download() as begun:
        there.get_by_test_id("attachment-download").first.click()
    assert begun.value.suggested_filename == "Pl\u00e4ne 2026.bin"
    assert begun.value.path().read_bytes() == PLAN
    there.get_by_test_id("reply").click()
    expect(there.get_by_test_id("compose-to")).to_have_value(re.compile(re.escape(alice.address)))
    there.get_by_test_id("compose-text").fill("Thank you\n")
    there.get_by_test_id("compose-send").click()
    expect(there.get_by_test_id("undo-button")).to_be_visible()

    arrived(here, alice, "Re: The plan", lambda: providers[1].postfix.log)
    (sent,), (answer,) = lying(alice, "Sent"), lying(alice, "INBOX")
    assert header(sent, "Message-ID") in header(answer, "References").split()
    assert header(answer, "In-Reply-To") == header(sent, "Message-ID")
    assert f"sasl_username={alice.address}" in providers[0].postfix.log
    assert b"with ESMTPSA" in lying(bob, "INBOX")[0]  # as the Postfix wrote into Received: under TLS, signed in
    until_empty(here, "/mail/Drafts/")
    until_there(there, "/mail/INBOX/", "The plan", "Answered")


@no_postfix
def test_a_recipient_whom_the_submission_server_refuses_is_named_and_the_draft_opens_again(
    open_context: OpenContext, site: Site, providers: list[Provider]
):
    alice = providers[0].resident(site, "alice")
    page = open_context().new_page()
    sign_in(page, alice)
    begin(page, "nobody@one.example", "To nobody", "Hello\n")
    page.get_by_test_id("compose-send").click()
    expect(page.get_by_test_id("undo-button")).to_be_visible()
    end = time.monotonic() + 20
    while "no such user" not in page.content() and time.monotonic() < end:
        page.goto("/outbox")
    expect(page.get_by_text("no such user").first).to_be_visible()
    assert lying(alice, "Sent") == []
