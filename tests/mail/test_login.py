"""The login dialogue, driven without a socket; then against real and scripted servers."""

from __future__ import annotations

import base64
import time

import pytest

from app.directory.account import Endpoint
from app.mail.direct import close_direct, open_direct
from app.mail.errors import (
    BadArgument,
    CannotDo,
    ConnectionLost,
    MailError,
    NotAuthorized,
    PasswordExpired,
    ServerAway,
    SignInRefused,
    SignInUnavailable,
    TooManyConnections,
)
from app.mail.login import Credentials, MasterUser, Step, dialogue
from app.mail.note import Note
from tests.scripted import Peer, Scripted

ALICE = Credentials("alice", "secret")


def drive(*heard: bytes, credentials: Credentials = ALICE, security: str = "plain") -> tuple[list[bytes | Step], Note]:
    """Run a dialogue on answers; return what it sent and did, and the note."""
    steps: list[bytes | Step] = []
    lines = list(heard)
    talk = dialogue(credentials, security=security)
    answer: tuple[bytes, ...] | None = None
    try:
        while True:
            step = talk.send(answer)
            answer = None
            if step is Step.HEAR:
                answer = (lines.pop(0),)
            else:
                steps.append(step)
    except StopIteration as end:
        assert not lines
        return steps, end.value


def plain(*words: str) -> bytes:
    return base64.b64encode("\0".join(words).encode())


def test_one_line_signs_in_where_the_server_offers_sasl_ir() -> None:
    steps, note = drive(b"* OK [CAPABILITY AUTH=PLAIN SASL-IR] hi", b"S1 OK [CAPABILITY X] in")
    assert steps == [b"S1 AUTHENTICATE PLAIN " + plain("", "alice", "secret") + b"\r\n"]
    assert note.capabilities == ("X",)
    assert time.time() - 60 < note.authenticated_at <= time.time()


def test_without_sasl_ir_the_message_waits_for_its_continuation() -> None:
    steps, _ = drive(b"* OK [CAPABILITY AUTH=PLAIN] hi", b"+ ", b"S1 OK [CAPABILITY X] in")
    assert steps == [b"S1 AUTHENTICATE PLAIN\r\n", plain("", "alice", "secret") + b"\r\n"]


def test_without_plain_a_login_with_literals() -> None:
    who = Credentials('a"b', "p\r\nA1 LOGOUT")
    steps, _ = drive(b"* OK [CAPABILITY X] hi", b"+ go", b"+ go", b"S1 OK [CAPABILITY X] in", credentials=who)
    assert steps == [b"S1 LOGIN {3}\r\n", b'a"b {12}\r\n', b"p\r\nA1 LOGOUT\r\n"]
    steps, _ = drive(b"* OK [CAPABILITY LITERAL+] hi", b"S1 OK [CAPABILITY X] in")
    assert steps == [b"S1 LOGIN {5+}\r\nalice {6+}\r\nsecret\r\n"]


def test_capabilities_are_asked_for_where_nobody_told_them() -> None:
    steps, note = drive(
        b"* OK hi", b"* CAPABILITY AUTH=PLAIN SASL-IR", b"S1 OK", b"S2 OK in", b"* CAPABILITY NEW", b"S3 OK"
    )
    assert [step for step in steps if step != steps[1]] == [b"S1 CAPABILITY\r\n", b"S3 CAPABILITY\r\n"]
    assert note.capabilities == ("NEW",)


def test_the_clients_address_is_told_before_the_login() -> None:
    who = Credentials("alice", "secret", network="203.0.113.9")
    steps, _ = drive(b"* OK [CAPABILITY ID AUTH=PLAIN SASL-IR] hi", b"* ID NIL", b"S1 OK", b"S2 OK [CAPABILITY X] in",
                     credentials=who)  # fmt: skip
    assert steps[0] == b'S1 ID ("x-originating-ip" "203.0.113.9")\r\n'


def test_after_starttls_nothing_counts_that_was_said_before() -> None:
    steps, _ = drive(
        b"* OK [CAPABILITY STARTTLS LITERAL+] hi", b"S1 OK", b"* CAPABILITY AUTH=PLAIN SASL-IR", b"S2 OK",
        b"S3 OK [CAPABILITY X] in", security="starttls",
    )  # fmt: skip
    assert steps[:3] == [b"S1 STARTTLS\r\n", Step.UPGRADE, b"S2 CAPABILITY\r\n"]


def test_a_master_user_names_whose_mailbox_it_wants() -> None:
    who = Credentials("alice", "", master=MasterUser("m", "mp"))
    steps, _ = drive(b"* OK [CAPABILITY AUTH=PLAIN SASL-IR] hi", b"S1 OK [CAPABILITY X] in", credentials=who)
    assert steps == [b"S1 AUTHENTICATE PLAIN " + plain("alice", "m", "mp") + b"\r\n"]
    steps, _ = drive(b"* OK [CAPABILITY LITERAL+] hi", b"S1 OK [CAPABILITY X] in", credentials=who)
    assert steps == [b"S1 LOGIN {7+}\r\nalice*m {2+}\r\nmp\r\n"]


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"* PREAUTH [CAPABILITY X] welcome", ServerAway),
        (b"* BYE busy", ServerAway),
        (b"* BYE [UNAVAILABLE] later", SignInUnavailable),
        (b"+ OK", ServerAway),
        (b"220 smtp.example", ServerAway),
    ],
)
def test_greetings_that_are_refused(greeting: bytes, error: type[MailError]) -> None:
    with pytest.raises(error):
        drive(greeting)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"S1 NO [AUTHENTICATIONFAILED] no", SignInRefused),
        (b"S1 NO no", SignInRefused),
        (b"S1 NO [UNAVAILABLE] later", SignInUnavailable),
        (b"S1 NO [LIMIT] many", TooManyConnections),
        (b"S1 NO [EXPIRED] old", PasswordExpired),
        (b"S1 NO [AUTHORIZATIONFAILED] not you", NotAuthorized),
        (b"S1 BAD what", SignInUnavailable),
        (b"* BYE [LIMIT] many", TooManyConnections),
        (b"* BYE gone", ServerAway),
        (b"+ what", ConnectionLost),
        (b"X9 OK in", ConnectionLost),
    ],
)
def test_answers_to_a_login(answer: bytes, error: type[MailError]) -> None:
    with pytest.raises(error) as raised:
        drive(b"* OK [CAPABILITY AUTH=PLAIN SASL-IR] hi", answer)
    assert "secret" not in str(raised.value)


def test_a_password_is_never_sent_where_login_is_disabled() -> None:
    with pytest.raises(CannotDo):
        drive(b"* OK [CAPABILITY LOGINDISABLED] hi")


@pytest.mark.parametrize("capability", [b"AUTH=PLAIN SASL-IR", b"LITERAL+"])
def test_nul_in_a_login_is_refused(capability: bytes) -> None:
    with pytest.raises(BadArgument):
        drive(b"* OK [CAPABILITY " + capability + b"] hi", credentials=Credentials("alice\0bob", "x"))


@pytest.mark.parametrize("capability", [b"AUTH=PLAIN SASL-IR", b"LITERAL+"])
def test_a_line_beyond_64_kilobytes_is_refused_here(capability: bytes) -> None:
    talk = dialogue(Credentials("alice", "x" * 70_000), security="plain")
    assert talk.send(None) is Step.HEAR
    with pytest.raises(BadArgument, match="64 KB"):
        talk.send((b"* OK [CAPABILITY " + capability + b"] hi",))


def test_credentials_show_no_password() -> None:
    who = Credentials("alice", "secret", master=MasterUser("m", "mp-secret"))
    assert "secret" not in repr(who)


@pytest.mark.servers
def test_a_command_slipped_in_before_tls_ends_it() -> None:
    def slip(peer: Peer) -> None:
        tag = peer.line().split()[0]
        peer.send(tag + b" OK begin\r\n* CAPABILITY AUTH=PLAIN\r\n")
        peer.line()

    with Scripted(greeting=b"* OK [CAPABILITY STARTTLS] hi\r\n", conversation=slip) as server:
        with pytest.raises(ServerAway, match="plain text"):
            open_direct(Endpoint("127.0.0.1", server.port, "starttls"), ALICE)
        assert server.names() == ["STARTTLS"]


@pytest.mark.servers
def test_a_login_ends_in_time_however_much_the_server_says() -> None:
    def flood(peer: Peer, tag: bytes) -> None:
        while True:
            peer.send(b"* OK " + b"x" * 3_000_000 + b"\r\n")

    with Scripted({"AUTHENTICATE": flood}) as server, pytest.raises(ServerAway, match="timed out"):
        open_direct(Endpoint("127.0.0.1", server.port, "plain"), ALICE, login=0.3)


@pytest.mark.servers
def test_a_server_without_sasl_ir_is_signed_in_to() -> None:
    for capabilities in (b"IMAP4rev1", b"IMAP4rev1 LITERAL+"):
        with Scripted(greeting=b"* OK hi\r\n", capabilities=capabilities) as server:
            client = open_direct(Endpoint("127.0.0.1", server.port, "plain"), ALICE)
            assert client.select("INBOX").exists == 2
            close_direct(client)
            assert server.names()[:3] == ["CAPABILITY", "LOGIN", "SELECT"]


@pytest.mark.servers
def test_nobody_listening_is_a_server_that_is_away() -> None:
    with Scripted() as server:
        port = server.port
    with pytest.raises(ServerAway):
        open_direct(Endpoint("127.0.0.1", port, "plain"), ALICE)
