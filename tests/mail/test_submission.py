"""Submission on a real server, and against a peer that does everything a server may do."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from app.demo.certificate import Authority, Certificate
from app.directory.account import Endpoint, Security
from app.mail.errors import (
    BadArgument,
    CannotDo,
    ConnectionLost,
    Declined,
    ServerAway,
    SignInRefused,
    SignInUnavailable,
    Untrusted,
)
from app.mail.login import Credentials, MasterUser
from app.mail.submission import Accepted, Patience, Refused, Submission, Unknown, largest, open_submission
from tests.smtpsink import Peer, Script, Sink

pytestmark = pytest.mark.servers

BOB = Credentials("bob", "pa ss\u00e9")
LETTER = b"Message-ID: <1@one.example>\r\nSubject: hi\r\n\r\n.a dot\r\nend\r\n"
LONG = Patience(connect=20, login=20, reply=20, silence=20, verdict=20)
SHORT = Patience(connect=2, login=2, reply=1, silence=1, verdict=0.3)  # of a server that says nothing
TO = ("ann@one.example", "cem@one.example")


def opened(port: int, credentials: Credentials = BOB, security: Security = "plain", **trust: Any) -> Submission:
    return open_submission(Endpoint("127.0.0.1", port, security, **trust), credentials, patience=LONG)


def said(
    port: int, *, recipients: tuple[str, ...] = TO, patience: Patience = LONG, **options: Any
) -> Accepted | Refused | Unknown:
    with open_submission(Endpoint("127.0.0.1", port, "plain"), BOB, patience=patience) as submission:
        assert submission.envelope("bob@one.example", recipients, **options) == ()
        submission.body([LETTER])
        return submission.finish()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink({"bob": "pa ss\u00e9"}) as server:
        yield server


def test_a_message_arrives_as_it_was_with_its_envelope(sink: Sink) -> None:
    assert isinstance(said(sink.port, size=len(LETTER)), Accepted)
    (taken,) = sink.taken
    assert (taken.sender, taken.recipients, taken.login) == ("bob@one.example", list(TO), "bob")
    assert taken.content == LETTER and taken.message_id == "<1@one.example>"


def test_a_server_refuses_one_recipient_and_the_others_are_not_sent_to_by_that(sink: Sink) -> None:
    sink.refuse["cem@one.example"] = "550 5.1.1 nobody of that name"
    with opened(sink.port) as submission:
        (refusal,) = submission.envelope("bob@one.example", TO)
        assert (refusal.address, refusal.code, refusal.enhanced) == ("cem@one.example", 550, "5.1.1")
        assert refusal.text == "nobody of that name" and refusal.permanent
    assert sink.taken == []
    with opened(sink.port) as submission:
        assert submission.envelope("bob@one.example", TO)
        submission.body([LETTER])
        assert isinstance(submission.finish(), Accepted)
    assert sink.taken[0].recipients == ["ann@one.example"]


def test_the_largest_message_is_told_without_signing_in(sink: Sink) -> None:
    assert largest(Endpoint("127.0.0.1", sink.port, "plain")) == 50_000_000
    with Sink({}, options={"data_size_limit": None}) as endless:
        assert largest(Endpoint("127.0.0.1", endless.port, "plain")) is None
    with pytest.raises(ServerAway):
        largest(Endpoint("127.0.0.1", endless.port, "plain"))


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_dots_and_line_ends_survive_however_the_message_is_cut(sink: Sink, piece: int) -> None:
    text = b"A: b\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\nno end"
    with opened(sink.port) as submission:
        submission.envelope("bob@one.example", TO)
        submission.body(text[at : at + piece] for at in range(0, len(text), piece))
        submission.finish()
    assert sink.taken[0].content == text + b"\r\n"


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_bare_line_ends_never_leave_so_that_nothing_is_smuggled(piece: int) -> None:
    text = b"A: b\r\n\r\nx\n.\r\nMAIL FROM:<evil@x.example>\r.\ry\r"
    with Script() as script:
        with opened(script.port) as submission:
            submission.envelope("bob@one.example", TO)
            submission.body(text[at : at + piece] for at in range(0, len(text), piece))
            assert isinstance(submission.finish(), Accepted)
        assert script.messages == [b"A: b\r\n\r\nx\r\n.\r\nMAIL FROM:<evil@x.example>\r\n.\r\ny\r\n"]


def test_over_starttls_the_certificate_is_checked(certificate: Certificate, authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    with Sink({"bob": "pa ss\u00e9"}, tls=context) as sink:
        with opened(sink.port, security="starttls", ca=certificate.ca) as submission:
            submission.envelope("bob@one.example", TO)
            submission.body([LETTER])
            assert isinstance(submission.finish(), Accepted)
        with pytest.raises(Untrusted):
            opened(sink.port, security="starttls")
        with pytest.raises(Untrusted):
            opened(sink.port, security="starttls", ca=certificate.ca, name="other.example")
        with opened(sink.port, security="starttls", pin=certificate.pin):
            pass
        with pytest.raises(Untrusted):
            opened(sink.port, security="starttls", pin="0" * 64)


def test_without_starttls_no_password_leaves() -> None:
    with Script({"STARTTLS": b"502 no\r\n"}) as script:
        with pytest.raises(CannotDo):
            opened(script.port, security="starttls")
        assert not [line for line in script.lines if line.startswith(b"AUTH")]
    slipped = {"STARTTLS": b"220 go\r\n250 slipped in\r\n"}
    with Script(slipped) as script, pytest.raises(ServerAway, match="plain text"):
        opened(script.port, security="starttls")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"535 5.7.8 wrong\r\n", SignInRefused),
        (b"454 4.7.0 later\r\n", SignInUnavailable),
        (b"538 5.7.11 encrypt\r\n", CannotDo),
        (b"421 4.3.2 closing\r\n", ServerAway),
        (None, ServerAway),
        (b"nonsense\r\n", ServerAway),
    ],
)
def test_each_answer_to_a_login_is_an_error_of_its_own(answer: bytes | None, kind: type[Exception]) -> None:
    with Script({"AUTH": answer}) as script, pytest.raises(kind) as caught:
        opened(script.port)
    assert type(caught.value) is kind and "pa ss" not in str(caught.value)


@pytest.mark.parametrize("greeting", [b"554 5.3.2 no\r\n", b"421 busy\r\n", b"", b"* OK\r\n", b"220-" * 5000])
def test_a_server_that_does_not_greet_is_away(greeting: bytes) -> None:
    with Script(greeting=greeting) as script:
        start = time.monotonic()
        with pytest.raises(ServerAway):
            open_submission(Endpoint("127.0.0.1", script.port, "plain"), BOB, patience=SHORT)
        assert time.monotonic() - start < 15  # each line is waited for: one or two seconds, as SHORT says


def test_a_server_without_auth_or_with_login_only() -> None:
    with Script(capabilities=("SIZE 10",)) as script, pytest.raises(CannotDo):
        opened(script.port)
    answers = {"AUTH LOGIN": b"334 VXNlcm5hbWU6\r\n", "Ym9i".upper(): b"334 UGFzc3dvcmQ6\r\n", "CGEG": b"235 in\r\n"}
    with Script(answers, capabilities=("AUTH LOGIN",)) as script, opened(script.port):
        assert script.lines[-1] == b"cGEgc3PDqQ=="


def test_a_master_user_speaks_for_the_login() -> None:
    master = Credentials("bob", "", master=MasterUser("boss", "secret"))
    with Script() as script, opened(script.port, master):
        assert script.lines[-1] == b"AUTH PLAIN Ym9iAGJvc3MAc2VjcmV0"


@pytest.mark.parametrize("capabilities", [("AUTH PLAIN",), ("PIPELINING", "AUTH PLAIN")])
def test_all_recipients_refused_for_good_and_for_now(capabilities: tuple[str, ...]) -> None:
    answers = {"RCPT TO:<ANN@": b"550 5.1.1 no\r\n", "RCPT TO:<CEM@": b"451 4.7.1 greylisted\r\n"}
    with Script(answers, capabilities=capabilities) as script:
        with opened(script.port) as submission:
            refusals = submission.envelope("bob@one.example", TO)
        assert [(each.address, each.permanent) for each in refusals] == [(TO[0], True), (TO[1], False)]
        assert b"DATA" not in script.lines


@pytest.mark.parametrize("capabilities", [("AUTH PLAIN",), ("PIPELINING", "AUTH PLAIN")])
def test_many_recipients_each_get_their_own_answer(capabilities: tuple[str, ...]) -> None:
    many = [f"r{number}@one.example" for number in range(130)]
    answers = {"RCPT TO:<R49@": b"550 no\r\n", "RCPT TO:<R50@": b"550 no\r\n", "RCPT TO:<R129@": b"550 no\r\n"}
    with Script(answers, capabilities=capabilities) as script, opened(script.port) as submission:
        refused = [each.address for each in submission.envelope("bob@one.example", many)]
    assert refused == [many[49], many[50], many[129]]


@pytest.mark.parametrize(("answer", "permanent"), [(b"553 5.7.1 not yours\r\n", True), (b"451 4.3.0 later\r\n", False)])
def test_a_refused_sender_is_declined(answer: bytes, permanent: bool) -> None:
    with Script({"MAIL": answer}) as script, opened(script.port) as submission:
        with pytest.raises(Declined) as caught:
            submission.envelope("bob@one.example", TO)
        assert caught.value.permanent is permanent


def test_a_message_beyond_the_servers_size_is_declined_before_it_moves() -> None:
    with Script() as script, opened(script.port) as submission:
        assert submission.limit == 1_000_000
        with pytest.raises(Declined):
            submission.envelope("bob@one.example", TO, size=1_000_001)
        assert not [line for line in script.lines if line.startswith(b"MAIL")]
        assert submission.envelope("bob@one.example", TO, size=1_000_000) == ()
        assert b"MAIL FROM:<bob@one.example> SIZE=1000000 BODY=8BITMIME" in script.lines


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [(b"552 5.3.4 too big\r\n", True), (b"451-4.3.0 try\r\n451 4.3.0 again\r\n", False), (b"421 4.3.2 bye\r\n", False)],
)
def test_a_refusal_after_the_dot_is_certain(answer: bytes, permanent: bool) -> None:
    with Script({".": answer}) as script:
        verdict = said(script.port)
        assert isinstance(verdict, Refused) and verdict.permanent is permanent
        assert verdict.text in ("too big", "try again", "4.3.2 bye", "bye")


@pytest.mark.parametrize("answer", [None, lambda peer: time.sleep(0.6), b"2", b"354 what\r\n", b"hello\r\n"])
def test_a_line_that_dies_or_falls_silent_after_the_dot_leaves_it_unknown(answer: Any) -> None:
    with Script({".": answer}) as script:
        assert isinstance(said(script.port, patience=SHORT), Unknown)
        assert script.messages == [LETTER]


def test_a_line_that_dies_in_the_body_is_certain() -> None:
    with Script({"BODY": None}) as script:
        with opened(script.port) as submission:
            submission.envelope("bob@one.example", TO)
            with pytest.raises(ConnectionLost):
                submission.body(LETTER for _ in range(100_000))
        assert script.messages == []


def test_what_the_server_says_by_itself_before_the_dot_is_heard() -> None:
    late = {"DATA": lambda peer: peer.send(b"354 go\r\n421 4.4.2 too slow\r\n")}
    with Script(late) as script, opened(script.port) as submission:
        submission.envelope("bob@one.example", TO)
        with pytest.raises(ServerAway, match="too slow"):
            submission.body([LETTER])
            submission.finish()
    with Script({"DATA": b"554 5.5.1 no valid recipients\r\n"}) as script, opened(script.port) as submission:
        submission.envelope("bob@one.example", TO)
        with pytest.raises(Declined, match="no valid"):
            submission.body([LETTER])


def test_a_server_that_gives_up_between_body_and_dot_is_heard_before_the_dot() -> None:
    written, gave_up = threading.Event(), threading.Event()

    def impatient(peer: Peer) -> None:
        peer.send(b"354 go\r\n")
        while peer.line() != b"end":
            pass
        written.wait(20)
        peer.send(b"421 4.4.2 too slow\r\n")
        gave_up.set()
        peer.line()

    with Script({"DATA": impatient}) as script, opened(script.port) as submission:
        submission.envelope("bob@one.example", TO)
        submission.body([LETTER])
        written.set()
        assert gave_up.wait(20)
        with pytest.raises(ServerAway, match="too slow"):
            submission.finish()


def test_a_message_given_up_before_its_dot_is_followed_by_nothing() -> None:
    with Script() as script:
        with opened(script.port) as submission:
            submission.envelope("bob@one.example", TO)
            submission.body([LETTER])
        script.ended()
        assert script.lines[-1] == b"end" and script.messages == []


def test_a_body_that_fails_half_way_closes_the_line_so_that_no_half_is_taken() -> None:
    def half() -> Iterator[bytes]:
        yield LETTER
        raise ConnectionLost("the mailbox is away")

    with Script() as script:
        with opened(script.port) as submission:
            submission.envelope("bob@one.example", TO)
            with pytest.raises(ConnectionLost, match="mailbox"):
                submission.body(half())
        script.ended()
        assert script.messages == [] and b"QUIT" not in script.lines


def test_reports_of_delivery_are_asked_for_where_offered() -> None:
    with Script() as script:
        said(script.port, notify=True)
        assert b"RCPT TO:<ann@one.example> NOTIFY=SUCCESS,DELAY,FAILURE" in script.lines
    with Script(capabilities=("AUTH PLAIN",)) as script:
        said(script.port, notify=True)
        assert b"RCPT TO:<ann@one.example>" in script.lines


def test_addresses_in_other_letters_travel_in_ascii_or_by_smtputf8() -> None:
    wide = ("j\u00f6rg@one.example", "ann@b\u00fccher.example")
    with Script() as script, opened(script.port) as submission:
        assert submission.envelope("bob@one.example", wide) == ()
        assert "RCPT TO:<j\u00f6rg@one.example>".encode() in script.lines
        assert b"RCPT TO:<ann@xn--bcher-kva.example>" in script.lines
        assert script.lines[3].endswith(b" SMTPUTF8") or script.lines[2].endswith(b" SMTPUTF8")
    with Script(capabilities=("AUTH PLAIN",)) as script, opened(script.port) as submission:
        (refusal,) = submission.envelope("bob@one.example", wide)
        assert refusal.address == wide[0] and refusal.enhanced == "5.6.7"
        with pytest.raises(Declined):
            submission.envelope("bob@one.example", TO, utf8=True)


@pytest.mark.parametrize(
    "address",
    ["a\r\nRCPT TO:<x@y.z>@one.example", "a@one.example>\r\nDATA", "a b@one.example", "a@one.example> X=1", "no-at",
     "a\0@one.example", "@one.example", "a@", "x" * 1000 + "@one.example", "a@one.example\n", "a\x85@one.example"],
)  # fmt: skip
def test_an_address_that_would_be_more_than_an_address_never_reaches_the_wire(address: str) -> None:
    with Script() as script, opened(script.port) as submission:
        before = len(script.lines)
        for sender, to in (("bob@one.example", address), (address, "ann@one.example")):
            with pytest.raises(BadArgument):
                submission.envelope(sender, [to])
        assert len(script.lines) == before


def test_control_characters_of_a_reply_do_not_reach_anybody() -> None:
    with Script({".": b"550 5.7.1 a\x1b[31mred\x00\r\n"}) as script:
        verdict = said(script.port)
    assert isinstance(verdict, Refused) and verdict.text == "a [31mred"
