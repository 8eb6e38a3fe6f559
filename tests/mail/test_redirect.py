"""A message sent on: with Resent- fields in front, whole, and without what only its owner may see."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.mail.address import BadAddress
from app.mail.draft import digest, fetch, save
from app.mail.errors import BadArgument, CannotDo
from app.mail.header import Address
from app.mail.message import open_message
from app.mail.redirect import redirect
from tests.mail.boxes import opened

ALICE, BOB = Address("Alice", "alice@example.org"), Address("Bob", "bob@straße.example")
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OPTIONS = {"message_id": "<r@example.org>", "date": NOW}
LETTER = (
    b"Return-Path: <x@x.org>\r\nDKIM-Signature: v=1; b=abc\r\n\tdef\r\nFrom: Carl <carl@x.org>\r\nbcc : eve@x.org,\r\n"
    b" mallory@x.org\r\nSubject: \xfc  spaced\r\nX-Postern-Origin: x\r\nTo: alice@example.org\r\n"
    b"Delivered-To: a\r\n\r\n"
    b"Body\r\nBcc: stays\r\n" + b"line \xff\r\n" * 100
)
FRONT = (
    b"Resent-Date: Mon, 01 Jun 2026 12:00:00 +0000\r\nResent-From: Alice <alice@example.org>\r\n"
    b"Resent-To: Bob <bob@xn--strae-oqa.example>\r\nResent-Message-ID: <r@example.org>\r\n"
)


@pytest.fixture
def client(mail_account):
    mail_account.append(LETTER)
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as connection:
        yield connection


@pytest.fixture
def message(client):
    return open_message(client, "INBOX", client.select("INBOX").uidvalidity, 1, mark_seen=False)


@pytest.mark.servers
def test_a_message_goes_on_as_it_is(client, message):
    saved = save(client, "Drafts", redirect(client, message, ALICE, [BOB], **OPTIONS))
    client.select("Drafts")
    whole = fetch(client, saved.uid, b"BODY.PEEK[]")[b"BODY[]"]
    assert whole == FRONT + (
        b"DKIM-Signature: v=1; b=abc\r\n\tdef\r\nFrom: Carl <carl@x.org>\r\nSubject: \xfc  spaced\r\n"
        b"To: alice@example.org\r\n\r\nBody\r\nBcc: stays\r\n" + b"line \xff\r\n" * 100
    )
    assert digest(client, "Drafts", saved.uidvalidity, saved.uid) == (len(whole), hashlib.sha256(whole).hexdigest())


@pytest.mark.servers
def test_what_cannot_be_sent_on_is_refused(client, message):
    with pytest.raises(BadAddress):
        redirect(client, message, ALICE, [Address("", "bob@")], **OPTIONS)
    with pytest.raises(BadArgument):
        redirect(client, message, ALICE, [BOB], message_id="<r@x>\r\nBcc: x@y.org", date=NOW)
    with pytest.raises(CannotDo):
        redirect(client, replace(message, section="2"), ALICE, [BOB], **OPTIONS)
