"""Logins as the IMAP, POP3 and submission servers log them."""

from __future__ import annotations

import imaplib
import time

import pytest

from app.blocklog.event import Line, SignedIn
from app.blocklog.formats.signin import PROGRAMS, Reader
from app.blocklog.stamp import Stamp
from tests.blocklog.lines import AT, line
from tests.conftest import MailAccount

DOVECOT = "user=<alice@isp.example>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, mpid=12, TLS, session=<x/y>"


@pytest.mark.parametrize(
    ("program", "text", "service", "login", "ip"),
    [
        ("dovecot", f"imap-login: Login: {DOVECOT}", "imap", "alice@isp.example", "203.0.113.9"),
        ("dovecot", f"pop3-login: Logged in: {DOVECOT}", "pop3", "alice@isp.example", "203.0.113.9"),
        ("dovecot", f"submission-login: Info: Login: {DOVECOT}", "smtp", "alice@isp.example", "203.0.113.9"),
        ("imap-login", f"Info: Logged in: {DOVECOT}", "imap", "alice@isp.example", "203.0.113.9"),
        ("imapd", "LOGIN, user=bob, ip=[::ffff:203.0.113.9], port=[4], protocol=IMAP", "imap", "bob", "203.0.113.9"),
        ("pop3d-ssl", "LOGIN, user=bob@x.example, ip=[2001:db8::1], port=[4]", "pop3", "bob@x.example", "2001:db8::1"),
        ("imap", "login: h.x.example [203.0.113.9] carol plaintext+TLS User logged in", "imap", "carol", "203.0.113.9"),
        ("pop3s", "login: [203.0.113.9] carol PLAIN User logged in SESSIONID=<x>", "pop3", "carol", "203.0.113.9"),
    ],
)
def test_a_login_is_read(program: str, text: str, service: str, login: str, ip: str):
    assert program in PROGRAMS
    assert list(Reader().read(line(text, program))) == [SignedIn(AT, service, login, ip)]


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("dovecot", f"imap-login: Disconnected (auth failed, 1 attempts in 2 secs): {DOVECOT}"),
        ("dovecot", f"imap-login: Aborted login (auth failed): user=<x>, Login: {DOVECOT}"),
        ("dovecot", f"imap-login: Login aborted: Logged in: {DOVECOT}"),
        ("dovecot", f"lmtp(12): Login: {DOVECOT}"),
        ("dovecot", f"Login: {DOVECOT}"),
        ("dovecot", "imap-login: Login: user=<>, method=PLAIN, rip=203.0.113.9"),
        ("imapd", "LOGIN FAILED, user=bob, ip=[203.0.113.9]"),
        ("imap", "badlogin: h.x.example [203.0.113.9] plaintext carol SASL: login: x [1.1.1.1] c P User logged in"),
    ],
)
def test_what_failed_is_no_login(program: str, text: str):
    assert list(Reader().read(line(text, program))) == []


@pytest.mark.servers
def test_logins_of_a_real_dovecot_are_read_of_its_own_log(mail_account: MailAccount):
    with imaplib.IMAP4("127.0.0.1", mail_account.server.imap_port) as client:
        client.login(mail_account.login, mail_account.password)
    stamp, read = Stamp("syslog"), Reader().read
    end, found = time.monotonic() + 20, []
    while not found and time.monotonic() < end:
        lines = [stamp.line(each) for each in mail_account.server.log().encode().splitlines()]
        known = [each for each in lines if isinstance(each, Line) and each.program in PROGRAMS]
        found = [event for each in known for event in read(each) if event.login == mail_account.login]
    assert [(each.service, each.ip) for each in found] == [("imap", "127.0.0.1")]
    assert all(isinstance(each, Line) for each in lines)


def test_a_user_s_text_is_no_second_login():
    text = "imap-login: Login: user=<a>, user=<bob>, method=PLAIN, rip=203.0.113.9"
    assert [event.login for event in Reader().read(line(text, "dovecot")) if isinstance(event, SignedIn)] == ["a"]
