"""Connections of the keeper's own: TLS in both forms, parking in IDLE, waking, odd servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.demo.certificate import Authority, Certificate
from app.demo.dovecot import Dovecot
from app.directory.account import Endpoint, Server
from app.keeper.lease import Borrower, Login
from app.mail.errors import MailError, ServerAway, Untrusted
from app.mail.login import MasterUser
from tests import dovecot24
from tests.conftest import MailAccount
from tests.keeper.places import SECRET, Deadlines, KeeperProcess, Limits, login_of, place, until
from tests.proxy import Proxy
from tests.scripted import Peer, Scripted

pytestmark = pytest.mark.servers

MAIL = b"Subject: one\r\n\r\n" + b"body\r\n" * 20_000


@pytest.fixture(params=["tls", "starttls"])
def secure(request: pytest.FixtureRequest, mail_account: MailAccount, certificate: Certificate) -> Endpoint:
    """The account's server over TLS, in both forms."""
    server = mail_account.server
    port = server.imaps_port if request.param == "tls" else server.imap_port
    return place(port, request.param, host="localhost", ca=certificate.ca)


def test_a_tls_connection_is_lent_again_and_again(
    keeper: KeeperProcess, mail_account: MailAccount, secure: Endpoint
) -> None:
    mail_account.deliver(MAIL)
    borrower, login = keeper.borrower(), login_of(mail_account, endpoint=secure)
    for _ in range(5):
        with borrower.lease(login) as client:
            assert client.select("INBOX").exists == 1
            body = client.ask(b"UID FETCH", b"1", b"(BODY.PEEK[])").untagged[0][1]
            assert body.endswith(MAIL[-1000:])
    assert (mail_account.logins(), borrower.counters().kept) == (1, 4)


def test_a_large_message_goes_up_through_the_pump(
    keeper: KeeperProcess, mail_account: MailAccount, secure: Endpoint
) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account, endpoint=secure)
    big = b"Subject: big\r\n\r\n" + b"x" * 76 + b"\r\n" * 40_000
    with borrower.lease(login) as client:
        client.append("INBOX", big * 20)
    with borrower.lease(login) as client:
        client.select("INBOX")
        assert (
            client.ask(b"UID FETCH", b"1", b"(RFC822.SIZE)").untagged[0][0].endswith(b"RFC822.SIZE %d)" % len(big * 20))
        )


def test_an_aborted_tls_lease_ends_the_connection(
    keeper: KeeperProcess, mail_account: MailAccount, secure: Endpoint
) -> None:
    mail_account.deliver(MAIL)
    borrower, login = keeper.borrower(), login_of(mail_account, endpoint=secure)
    with borrower.lease(login) as client:
        client.select("INBOX")
    before = keeper.descriptors()
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), borrower.lease(login) as client:
            client.io.start((b"UID FETCH", b"1", b"(BODY.PEEK[])"))
            raise ZeroDivisionError
    until(lambda: keeper.count("idle", "lent") == 0)
    until(lambda: keeper.descriptors() <= before)


def test_what_a_worker_left_unread_in_the_pump_is_seen_by_the_keeper(
    keeper: KeeperProcess, mail_account: MailAccount, secure: Endpoint
) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account, endpoint=secure)
    with borrower.lease(login) as client:
        client.select("INBOX")
        mail_account.deliver(b"Subject: two\r\n\r\n\r\n")
        client.io.sock.sendall(b"X1 NOOP\r\n")  # behind our own reader's back: its answer waits in the pair, unread
        until(lambda: b"X1 OK" in client.io.sock.recv(65_536, socket.MSG_PEEK))
    with borrower.lease(login) as client:  # `X1 OK` was seen, an answer to nothing that was asked: not lent again
        assert client.select("INBOX").exists == 1
    assert mail_account.logins() == 2


def test_a_certificate_of_another_name_is_refused(
    keeper: KeeperProcess,
    mail_account: MailAccount,
    authority: Authority,
    server_folder: Path,
    certificate: Certificate,
) -> None:
    other = Dovecot(server_folder, {"alice": "secret"}, tls=authority.issue("other.example")).start()
    try:
        account = MailAccount(other, "alice", "secret")
        where = place(other.imaps_port, "tls", host="localhost", ca=certificate.ca)
        for borrower in (keeper.borrower(), Borrower(None, SECRET, Limits(), Deadlines())):
            with (
                pytest.raises(Untrusted, match="doesn't match|not valid"),
                borrower.lease(login_of(account, endpoint=where)),
            ):
                raise AssertionError("lent")
        assert other.logins() == 0
    finally:
        other.stop()


def test_a_certificate_of_a_foreign_authority_is_refused(
    keeper: KeeperProcess, mail_account: MailAccount, server_folder: Path
) -> None:
    foreign = Authority(server_folder / "foreign").issue("localhost")
    where = place(mail_account.server.imaps_port, "tls", host="localhost", ca=foreign.ca)
    with pytest.raises(Untrusted), keeper.borrower().lease(login_of(mail_account, endpoint=where)):
        raise AssertionError("lent")


def test_a_pinned_certificate_needs_no_authority_and_another_pin_is_refused(
    keeper: KeeperProcess, mail_account: MailAccount, certificate: Certificate
) -> None:
    port = mail_account.server.imaps_port
    with keeper.borrower().lease(login_of(mail_account, endpoint=place(port, "tls", pin=certificate.pin))):
        pass
    with (
        pytest.raises(Untrusted),
        keeper.borrower().lease(login_of(mail_account, endpoint=place(port, "tls", pin="00" * 32))),
    ):
        raise AssertionError("lent")


def test_starttls_is_never_left_out(keeper: KeeperProcess, server_folder: Path) -> None:
    plain = Dovecot(server_folder, {"alice": "secret"}).start()  # without a certificate
    try:
        where = place(plain.imap_port, "starttls")
        with (
            pytest.raises(MailError),
            keeper.borrower().lease(login_of(MailAccount(plain, "alice", "secret"), endpoint=where)),
        ):
            raise AssertionError("lent")
        assert plain.logins() == 0
    finally:
        plain.stop()


def test_a_command_slipped_in_before_tls_ends_the_login(keeper: KeeperProcess) -> None:
    def slip(peer: Peer) -> None:
        peer.send(peer.line().split()[0] + b" OK begin\r\n* CAPABILITY AUTH=PLAIN\r\n")
        peer.line()

    with Scripted(greeting=b"* OK [CAPABILITY STARTTLS] hi\r\n", conversation=slip) as server:
        login = Login(Server("odd", place(server.port, "starttls")), "id:odd", "odd", "secret")
        with pytest.raises(ServerAway, match="plain text"), keeper.borrower().lease(login):
            raise AssertionError("lent")
        assert server.names() == ["STARTTLS"]


def test_a_master_user_opens_a_mailbox_without_its_password(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    master = MasterUser("master", "master-password")
    borrower = keeper.borrower()
    borrower.sign_in(login_of(mail_account, master=master))  # with the user's own password
    with borrower.lease(login_of(mail_account, password="", master=master)) as client:
        client.select("INBOX")
    with pytest.raises(MailError):
        borrower.sign_in(login_of(mail_account, password="wrong", master=master))
    with (
        pytest.raises(MailError),
        borrower.lease(login_of(mail_account, password="", master=MasterUser("master", "no"))),
    ):
        raise AssertionError("lent")


def test_an_unused_connection_is_parked_and_wakes_with_the_news(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(park_after=0.3)
    borrower = keeper.borrower()
    with Proxy(mail_account.server.imap_port) as proxy:
        login = login_of(mail_account, port=proxy.port)
        with borrower.lease(login) as client:
            client.select("INBOX")
        until(lambda: keeper.count("parked") == 1)
        mail_account.deliver(b"Subject: one\r\n\r\n\r\n")
        time.sleep(1)
        with proxy.counting() as counts, borrower.lease(login) as client:
            assert client.select("INBOX").exists == 1
        assert counts.commands == ["NOOP"]
    assert borrower.counters().kept == 1


def test_a_parked_connection_that_the_server_ends_is_gone_and_nobody_notices(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(park_after=0.2)
    borrower = keeper.borrower()
    with Proxy(mail_account.server.imap_port) as proxy:
        login = login_of(mail_account, port=proxy.port)
        with borrower.lease(login):
            pass
        until(lambda: keeper.count("parked") == 1)
        proxy.cut()
        until(lambda: keeper.count("parked", "idle") == 0)
        with borrower.lease(login):
            pass
    assert borrower.counters().repeated == 0


def test_a_borrower_gets_an_answer_while_idle_is_not_confirmed(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(park_after=0.2)
    borrower = keeper.borrower()
    with Proxy(mail_account.server.imap_port) as proxy:
        login = login_of(mail_account, port=proxy.port)
        with borrower.lease(login):
            proxy.fault("stall")  # handing back asks nothing of the mail server, IDLE a moment later does
        until(lambda: keeper.count("parking") == 1)
        threading.Timer(0.2, proxy.clear).start()
        with borrower.lease(login):
            pass
        until(lambda: keeper.count("parked") == 1)
        proxy.fault("stall", once=True)  # `DONE` is never answered: after a second it is closed and replaced
        with borrower.lease(login):
            pass
        proxy.clear()
    assert (borrower.counters().kept, borrower.counters().fresh) == (1, 2)


def test_parked_connections_over_tls_wake(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount, secure: Endpoint
) -> None:
    keeper = make_keeper(park_after=0.2)
    borrower, login = keeper.borrower(), login_of(mail_account, endpoint=secure)
    for _ in range(3):
        with borrower.lease(login) as client:
            client.select("INBOX")
        until(lambda: keeper.count("parked") == 1)
    assert mail_account.logins() == 1


@pytest.mark.parametrize("version", dovecot24.VERSIONS)
def test_a_hibernated_connection_wakes(
    make_keeper: Callable[..., KeeperProcess], server_folder: Path, version: str
) -> None:
    if version == "2.4" and (reason := dovecot24.missing()):
        pytest.skip(reason)
    options = "imap_hibernate_timeout = 1s\nlog_debug = event=imap_client_hibernated\n"
    server = dovecot24.VERSIONS[version](server_folder, {"alice": "secret"}, hibernate=True, options=options).start()
    try:
        account = MailAccount(server, "alice", "secret")
        keeper = make_keeper(park_after=0.2)
        borrower = keeper.borrower()
        with borrower.lease(login_of(account)) as client:
            client.select("INBOX")
        until(lambda: "hibernate" in server.log())
        if "notifications not supported" in server.log():
            pytest.skip("inotify's instances are used up: fs.inotify.max_user_instances")
        account.deliver(b"Subject: one\r\n\r\n\r\n")
        time.sleep(0.5)
        with borrower.lease(login_of(account)) as client:
            assert client.select("INBOX").exists == 1
        assert (borrower.counters().kept, server.logins()) == (1, 1)
    finally:
        server.stop()


def test_a_server_that_falls_silent_during_login_is_away(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    with Proxy(mail_account.server.imap_port) as proxy:
        proxy.fault("stall")
        with pytest.raises(ServerAway), keeper.borrower().lease(login_of(mail_account, port=proxy.port)):
            raise AssertionError("lent")
