"""Where is my mail: one answer from mailbox and log, and half of one while half of them is away."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.blocklog.codes import Accepted, Outcome, Policy, Resolved
from app.blocklog.tables import Base
from app.web import session
from tests.conftest import MailAccount
from tests.mail.boxes import letter
from tests.web.blocked.rows import block, now, recent
from tests.web.pages import Pages
from tests.web.test_session import set_server

pytestmark = pytest.mark.servers
BANK = "Bank <info@mail.bank.example>"


def said(browser: Pages, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))).split())


def test_one_search_tells_what_reached_somebody_and_what_did_not(
    log: Engine, reader: Pages, mail_account: MailAccount
) -> None:
    mail_account.deliver(*(letter(f"Statement {n}", sender=BANK) for n in range(6)), letter("Other"))
    mail_account.append(letter("Prize", sender=BANK), mailbox="Junk")
    for _ in range(2):
        block(
            log, account="5", policy=Policy.client, ago=timedelta(hours=3), detail=None,
            reason="Client host rejected: cannot find your reverse hostname", sender_domain="mail.bank.example",
        )  # fmt: skip
    arrived = {"resolved_at": now(), "resolved_how": Resolved.greylist_passed}
    block(log, account="5", policy=Policy.greylist, outcome=Outcome.delayed, **arrived)
    recent(log, account="5", sender_domain="bank.example", outcome=Accepted.inbox)
    page = said(reader, "/where?q=Bank.Example")
    assert "6 reached you and are in your inbox." in page and "1 is in your spam folder." in page
    assert "2 were refused, the last" in page and "because their server has no name." in page
    assert "1 was accepted for you" in page and "asked to come again" not in page  # it arrived
    html = reader.get("/where?q=bank.example").get_data(as_text=True)
    assert html.count('data-testid="where-message"') == 6 and "from:bank.example" in unescape(html)  # five and one
    first = re.search(r'href="(/mail/INBOX/\d+/\d+)"', html)
    assert first and reader.get(first[1]).status_code == 200


def test_who_only_looks_like_the_sender_is_not_counted(log: Engine, reader: Pages, mail_account: MailAccount) -> None:
    mail_account.deliver(
        letter("One", sender="x@bank.example.evil.example"), letter("Two", sender='"bank.example" <x@evil.example>')
    )
    block(log, account="5", sender_domain="bank.example.evil.example")
    recent(log, account="5", sender_domain="notbank.example")
    assert "nothing from bank.example has tried" in said(reader, "/where?q=bank.example")


def test_an_address_is_searched_for_as_one(log: Engine, reader: Pages, mail_account: MailAccount) -> None:
    mail_account.deliver(letter("One", sender=BANK), letter("Two", sender="x@mail.bank.example"))
    block(log, account="5", sender_local="x", sender_domain="mail.bank.example")
    block(log, account="5", sender_local="info", sender_domain="mail.bank.example")
    page = said(reader, "/where?q=x@mail.bank.example")
    assert "1 reached you" in page and "1 was refused" in page


def test_nothing_at_all_is_said_so_and_a_wait_is_offered(log: Engine, reader: Pages) -> None:
    page = said(reader, "/where?q=bank.example")
    assert "Nothing is in your inbox or spam folder, and nothing from bank.example has tried" in page
    assert "/expecting?q=bank.example" in reader.get("/where?q=bank.example").get_data(as_text=True)
    assert 'data-testid="where-answer"' not in reader.get("/where").get_data(as_text=True)


def test_a_search_in_a_folder_that_finds_nothing_leads_here(log: Engine, reader: Pages) -> None:
    page = reader.get("/mail/INBOX/?q=bank.example").get_data(as_text=True)
    assert 'href="/where?q=bank.example"' in page


def test_while_the_log_is_away_the_mailbox_answers(log: Engine, reader: Pages, mail_account: MailAccount) -> None:
    mail_account.deliver(letter("One", sender=BANK))
    Base.metadata.drop_all(log)
    page = said(reader, "/where?q=bank.example")
    assert "1 reached you" in page and "The log could not be searched" in page


def test_while_the_mail_server_is_away_the_log_answers(
    app: Flask, log: Engine, reader: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    block(log, account="5")
    monkeypatch.setattr(session, "CHECK_SECONDS", -1)
    set_server(app, state="down")
    page = said(reader, "/where?q=bank.example")
    assert "1 was refused" in page and "Your mailbox could not be searched" in page
    answer = reader.get(f"/expecting?q=bank.example&since={int(time.time())}")
    assert answer.status_code == 200 and "Refused" in answer.get_data(as_text=True)


def test_who_has_another_password_by_now_signs_in_again(log: Engine, reader: Pages, mail_account: MailAccount) -> None:
    mail_account.server.add_user(mail_account.login, "another")
    assert "why=password" in reader.get("/where?q=bank.example").location


@pytest.mark.parametrize("typed", ['" OR ALL "', "a\r\nb LOGOUT", "%00", "\\", "from:x", "🙂", "x" * 5000])
def test_what_is_typed_never_becomes_syntax(log: Engine, reader: Pages, typed: str) -> None:
    assert reader.get("/where", query_string={"q": typed}).status_code == 200
