"""The servers that all other tests rely on do what the fixtures promise."""

from __future__ import annotations

import imaplib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from imapclient import IMAPClient

from app.demo.certificate import Authority, Certificate
from app.demo.dovecot import Dovecot

pytestmark = pytest.mark.servers
MAIL = b"From: a@example.org\r\nSubject: hello\r\n\r\nbody\r\n"


def sign_in(server: Dovecot, login: str, password: str) -> IMAPClient:
    client = IMAPClient("127.0.0.1", server.imap_port, ssl=False)
    client.login(login, password)
    return client


def test_a_fresh_account_has_the_special_mailboxes_and_no_mail(mail_account):
    client = sign_in(mail_account.server, mail_account.login, mail_account.password)
    names = {name: flags for flags, _, name in client.list_folders()}
    assert names.keys() == {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"}
    assert rb"\Trash" in names["Trash"]
    assert client.select_folder("INBOX")[b"EXISTS"] == 0
    assert client.has_capability("PREVIEW") and client.has_capability("LIST-STATUS")


def test_mail_comes_by_lmtp_by_append_and_by_filling(mail_account):
    mail_account.deliver(MAIL, MAIL)
    mail_account.server.fill(mail_account.login, [MAIL] * 10, mailbox="Many", flags="S")
    when = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
    mail_account.append(MAIL, mailbox='Grün & "x"', flags=["\\Seen", "$Label"], arrived=when)
    client = sign_in(mail_account.server, mail_account.login, mail_account.password)
    assert client.select_folder("INBOX")[b"EXISTS"] == 2
    assert client.select_folder("Many")[b"EXISTS"] == 10
    assert len(client.search("SEEN")) == 10
    client.select_folder('Grün & "x"')
    (row,) = client.fetch([1], ["FLAGS", "INTERNALDATE"]).values()
    assert b"$Label" in row[b"FLAGS"]
    assert row[b"INTERNALDATE"].astimezone(UTC) == when


def test_the_two_servers_know_different_accounts(make_account):
    one, two = make_account(0), make_account(1)
    sign_in(one.server, one.login, one.password)
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        sign_in(two.server, one.login, one.password)
    assert (one.logins(), two.logins()) == (1, 0)


def test_a_changed_password_counts_at_once(mail_account):
    sign_in(mail_account.server, mail_account.login, mail_account.password)
    mail_account.server.add_user(mail_account.login, "another")
    sign_in(mail_account.server, mail_account.login, "another")
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        sign_in(mail_account.server, mail_account.login, mail_account.password)


def test_a_master_user_opens_any_account(mail_account):
    client = sign_in(mail_account.server, f"{mail_account.login}*master", "master-password")
    assert client.select_folder("INBOX")[b"EXISTS"] == 0


def test_tls_is_verified_by_name_and_authority(dovecot: Dovecot, certificate: Certificate, tmp_path: Path):
    context = ssl.create_default_context(cadata=certificate.ca)
    assert imaplib.IMAP4_SSL("localhost", dovecot.imaps_port, ssl_context=context).logout()[0] == "BYE"
    foreign = ssl.create_default_context(cadata=Authority(tmp_path).file.read_text())
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL("localhost", dovecot.imaps_port, ssl_context=foreign)


def test_a_server_of_ones_own_keeps_its_port_and_mail_over_a_crash(server_folder: Path):
    server = Dovecot(server_folder, {"alice": "secret"}).start()
    try:
        server.deliver("alice", MAIL)
        port = server.imap_port
        server.kill()
        with pytest.raises(OSError):
            sign_in(server, "alice", "secret")
        server.start()
        assert server.imap_port == port
        assert sign_in(server, "alice", "secret").select_folder("INBOX")[b"EXISTS"] == 1
    finally:
        server.stop()


def test_quota_refuses_what_does_not_fit(server_folder: Path):
    server = Dovecot(server_folder, {"alice": "secret"}, quota="10K").start()
    try:
        with pytest.raises(ValueError, match="OVERQUOTA"):
            server.append("alice", MAIL + b"x" * 20000)
    finally:
        server.stop()


def test_redis_is_empty_at_the_beginning_of_each_test(redis):
    assert redis.dbsize() == 0
    redis.set("left", "over")


def test_redis_was_emptied_in_between(redis):
    assert redis.get("left") is None
