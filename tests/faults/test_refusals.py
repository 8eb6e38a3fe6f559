"""What a mail server says when it does not let somebody in, hangs up, or cannot prove who it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.demo.certificate import Authority, Certificate
from app.demo.dovecot import Dovecot
from tests.conftest import MakeAccount
from tests.faults.world import INBOX, Person, World, letter, said, title, unused
from tests.proxy import Proxy
from tests.scripted import Answer as Line
from tests.scripted import Peer, Scripted

pytestmark = pytest.mark.servers

REFUSALS = {
    b"NO [UNAVAILABLE] auth service is down": (503, "Your mail server is busy"),
    b"NO [INUSE] locked": (503, "Your mail server is busy"),
    b"NO [SERVERBUG] internal error": (503, "Your mail server is busy"),
    b"NO [LIMIT] as many as may be": (503, "Too many connections to your mailbox"),
    b"NO [EXPIRED] too old": (403, "Your password has expired"),
    b"BAD what": (503, "Your mail server is busy"),
}
BYES = {
    b"* BYE [UNAVAILABLE] soon": (503, "Your mail server is busy"),
    b"* BYE [LIMIT] enough": (503, "Too many connections to your mailbox"),
    b"* BYE going down": (503, "Your mail server does not answer"),
}


@pytest.mark.parametrize("words", REFUSALS)
def test_each_refusal_of_a_sign_in_has_its_screen_and_none_is_a_wrong_password(
    world: World, dovecot: Dovecot, words: bytes
):
    status, heading = REFUSALS[words]
    with Scripted({"AUTHENTICATE": b"%t " + words + b"\r\n"}) as server:
        person = world.person(unused(dovecot), port=server.port)
        answer = person.sign_in()
        assert (answer.status, said(answer).split(". ")[0]) == (status, heading)
        assert "not right" not in answer.text
        assert words.split(b"] ")[-1].decode() not in answer.text.split("<form", 1)[0], "the server's own words"
        assert bool(answer.headers["Retry-After"]) == (status == 503)
        assert person.visitor.get(INBOX).status == 303, "nobody is signed in"


@pytest.mark.parametrize("words", REFUSALS)
def test_the_same_refusal_later_signs_nobody_out(world: World, bob: Person, proxy: Proxy, words: bytes):
    status, heading = REFUSALS[words]
    with Scripted({"AUTHENTICATE": b"%t " + words + b"\r\n"}) as server:
        _redirect(proxy, server.port)
        answer = bob.list()
        assert (answer.status, title(answer)) == (status, heading)
    _redirect(proxy, bob.mail.server.imap_port)
    assert bob.list().status == 200, "the session is as it was"


@pytest.mark.parametrize("words", BYES)
def test_a_server_that_hangs_up_at_once_is_away_or_full(world: World, bob: Person, proxy: Proxy, words: bytes):
    status, heading = BYES[words]
    with Scripted(greeting=words + b"\r\n", conversation=lambda _peer: None) as server:
        _redirect(proxy, server.port)
        answer = bob.list()
        assert (answer.status, title(answer)) == (status, heading)
        answer = world.person(bob.mail, port=server.port).sign_in()
        assert (answer.status, said(answer).split(". ")[0]) == (status, heading)
    _redirect(proxy, bob.mail.server.imap_port)
    assert bob.list().status == 200


def test_a_farewell_to_a_kept_connection_is_not_noticed(bob: Person, proxy: Proxy):
    """BYE in the pause between two pages: a fresh login, once, and the page."""
    before = bob.mail.logins()
    for _ in range(3):
        proxy.cut()
        assert bob.list().status == 200
    assert bob.mail.logins() - before <= 4


@pytest.mark.parametrize("name", ["SELECT", "UID FETCH"])
def test_a_farewell_inside_a_page_is_repeated_once_and_then_told(world: World, dovecot: Dovecot, name: str):
    said_once: list[bytes] = []

    def leave(peer: Peer, tag: bytes) -> None:
        said_once.append(tag)
        peer.send(b"* BYE idle for too long\r\n")
        peer.sock.shutdown(2)

    table: dict[str, Line] = {name: leave, "UID FETCH": b"%t OK nothing\r\n"} | {name: leave}
    with Scripted(table) as server:
        person = world.person(unused(dovecot), port=server.port).signed_in()
        answer = person.visitor.get("/mail/INBOX/9/1")
        assert (answer.status, title(answer)) == (502, "The connection to your mail server broke")
        assert "Try again" in answer.text
        assert len(said_once) == 2


def test_what_changes_something_is_never_repeated(world: World, dovecot: Dovecot):
    stores: list[bytes] = []

    def leave(peer: Peer, tag: bytes) -> None:
        stores.append(tag)
        peer.sock.shutdown(2)

    flags = b"* 1 FETCH (UID 1 FLAGS ())\r\n%t OK\r\n"
    with Scripted({"UID FETCH": flags, "UID STORE": leave, "LIST": b"%t OK\r\n"}) as server:
        person = world.person(unused(dovecot), port=server.port).signed_in()
        token = person.visitor.token("/settings/sessions")
        answer = person.act("flag", "/mail/INBOX/9/1", token=token)
        assert (answer.status, title(answer)) == (502, "The connection to your mail server broke")
        assert "may or may not have been done" in answer.text
        assert len(stores) == 1


def test_a_password_changed_on_the_server_is_told_at_the_next_login(bob: Person, proxy: Proxy):
    bob.mail.server.add_user(bob.mail.login, "another-password")
    path = bob.paths()[0]  # the kept connection serves until it signs in anew
    proxy.cut()
    answer = bob.visitor.get(path)
    assert answer.status == 303 and "/login?" in answer.location
    form = bob.visitor.follow(answer)
    assert said(form) == "Your mail password was changed. Sign in with the new one."
    assert bob.list().status == 303, "the session is over"
    again = bob.visitor.sign_in(bob.address, "another-password")
    assert again.status == 303
    assert bob.visitor.get(path).status == 200


@pytest.mark.parametrize("fault", ["expired", "another name", "unknown authority"])
def test_a_server_that_cannot_prove_itself_gets_no_password(
    world: World, dovecot: Dovecot, authority: Authority, server_folder: Path, make_account: MakeAccount, fault: str
):
    certificate = _bad(authority, server_folder, fault)
    with_tls = Dovecot(server_folder / "tls", tls=certificate, options="auth_verbose = yes\n").start()
    try:
        mail = make_account(with_tls)
        for security, port in (("tls", with_tls.imaps_port), ("starttls", with_tls.imap_port)):
            person = world.person(mail, port=port, security=security, ca=Path(authority.file).read_text())
            for answer in (person.sign_in(), person.sign_in()):
                assert answer.status == 502
                assert said(answer).startswith("The mail server could not be checked")
            assert person.visitor.get(INBOX).status == 303
        assert with_tls.logins(mail.login) == 0
        assert mail.login not in with_tls.log(), "not even the login was told"
        assert "Untrusted" in world.node.log()
    finally:
        with_tls.stop()


def test_a_certificate_that_expires_while_people_read_is_told_and_plain_text_is_not_tried(
    world: World, authority: Authority, certificate: Certificate, server_folder: Path, make_account: MakeAccount
):
    good = Dovecot(server_folder / "tls", tls=certificate).start()
    mail = make_account(good)
    person = world.person(mail, port=good.imaps_port, security="tls", ca=certificate.ca).signed_in()
    good.append(mail.login, letter())
    assert person.list().status == 200
    good.stop()
    bad = Dovecot(server_folder / "tls", {mail.login: mail.password}, tls=authority.issue("localhost", days=-1))
    bad.ports = good.ports
    bad.start()
    before = bad.logins(mail.login)  # the log is one file
    try:
        answer = person.list()
        assert (answer.status, title(answer)) == (502, "The mail server could not be checked")
        assert "Your password was not sent to it." in answer.text
        assert bad.logins(mail.login) == before
    finally:
        bad.stop()


def _redirect(proxy: Proxy, port: int) -> None:
    proxy.target = ("127.0.0.1", port)
    proxy.cut()


def _bad(authority: Authority, folder: Path, fault: str) -> Certificate:
    if fault == "expired":
        return authority.issue("localhost", "127.0.0.1", days=-1)
    if fault == "another name":
        return authority.issue("mail.example")
    return Authority(folder / "other").issue("localhost", "127.0.0.1")
