"""Opening messages on a real Dovecot, and header blocks of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.directory.account import Endpoint
from app.mail.connection import Connection
from app.mail.direct import close_direct, open_direct
from app.mail.errors import MessageGone, Renumbered
from app.mail.message import open_message, read_header
from app.mail.part import Place, slices
from tests.conftest import MailAccount
from tests.mail.boxes import Credentials

LETTER = b"Subject: Hi\r\nFrom: Bob <bob@x.example>\r\n\r\nhello\r\n"


def test_a_poisoned_header_is_read_as_far_as_it_goes():
    header = read_header(
        b"From: =?utf-8?q?n=0D=0ABcc:_x?= <a@b>\r\nSubject: =?utf-8?b?\xff?=\r\nDate: never\r\nSubject: second\r\n"
    )
    assert header.from_[0].name == "n Bcc: x" and header.date is None and "second" not in header.subject
    assert read_header(b"") == read_header(b"\xff\xfe\x00") and read_header(b"").from_ == ()


@pytest.fixture
def client(mail_account: MailAccount) -> Iterator[Connection]:
    opened = open_direct(
        Endpoint("127.0.0.1", mail_account.server.imap_port, "plain"),
        Credentials(mail_account.login, mail_account.password),
    )
    yield opened
    close_direct(opened)


@pytest.mark.servers
def test_opening_marks_read_only_when_asked(client: Connection, mail_account: MailAccount):
    mail_account.append(LETTER)
    uidvalidity = client.select("INBOX").uidvalidity or 0
    message = open_message(client, "INBOX", uidvalidity, 1, mark_seen=False)
    assert "\\Seen" not in message.flags and message.texts["1"].text == "hello\r\n" and not message.newly_seen
    assert open_message(client, "INBOX", uidvalidity, 1, mark_seen=True).newly_seen
    message = open_message(client, "INBOX", uidvalidity, 1, mark_seen=True)
    assert "\\Seen" in message.flags and not message.newly_seen


@pytest.mark.servers
def test_a_thousand_parts_and_fifty_thousand_headers_open(client: Connection, mail_account: MailAccount):
    parts = b"".join(b"--b\r\nContent-Type: text/plain\r\n\r\np\r\n" for _ in range(1500))
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(1000))
    mail_account.append(b"Subject: wide\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n")
    mail_account.append(b"Subject: deep\r\n" + nested + b"\r\nx\r\n")
    mail_account.append(b"Subject: long\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"\r\nx\r\n")
    uidvalidity = client.select("INBOX").uidvalidity or 0
    for uid, subject in ((1, "wide"), (2, "deep"), (3, "long")):
        message = open_message(client, "INBOX", uidvalidity, uid, mark_seen=True)
        assert message.header.subject == subject
        assert len(message.shown) <= 50 and sum(1 for _ in message.structure.walk()) <= 1000


@pytest.mark.servers
def test_the_wrong_message_is_never_opened(client: Connection, mail_account: MailAccount):
    mail_account.append(LETTER)
    uidvalidity = client.select("INBOX").uidvalidity or 0
    with pytest.raises(Renumbered):
        open_message(client, "INBOX", uidvalidity + 1, 1, mark_seen=True)
    for uid, section in ((99, ""), (1, "1"), (1, "2")):
        with pytest.raises(MessageGone):
            open_message(client, "INBOX", uidvalidity, uid, mark_seen=True, section=section)


@pytest.mark.servers
def test_slices_are_all_of_a_message(client: Connection, mail_account: MailAccount):
    from contextlib import nullcontext

    raw = LETTER + b"0123456789" * 1000
    mail_account.append(raw)
    place = Place("INBOX", client.select("INBOX").uidvalidity or 0, 1)
    for size in (1000, len(raw), len(raw) - 1, 100_000):
        assert b"".join(slices(lambda: nullcontext(client), place, "", expected=len(raw), size=size)) == raw
    for expected in (len(raw) + 1, len(raw) - 1):
        from app.mail.errors import ConnectionLost

        with pytest.raises(ConnectionLost):
            list(slices(lambda: nullcontext(client), place, "", expected=expected, size=1000))
