"""Submission as providers have it: Postfix with STARTTLS and SASL through Dovecot, delivery to the next server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.certificate import Certificate
from app.demo.dovecot import Dovecot
from app.directory.account import Endpoint
from app.mail.errors import SignInRefused
from app.mail.login import Credentials, MasterUser
from app.mail.submission import Accepted, Refused, Submission, open_submission
from tests.postfix import Postfix
from tests.smtpsink import Sink

pytestmark = [pytest.mark.servers, pytest.mark.skipif(Postfix.missing() is not None, reason=str(Postfix.missing()))]

LETTER = b"From: bob@one.example\r\nMessage-ID: <1@one.example>\r\nSubject: hi\r\n\r\n.a dot\r\nend\r\n"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink({}) as server:
        yield server


@pytest.fixture(scope="module")
def postfix(servers_folder: Path, certificate: Certificate, sink: Sink) -> Iterator[Postfix]:
    master = ("master", "master-password")
    dovecot = Dovecot(servers_folder / "sasl", {"bob": "pa ss\u00e9"}, master=master, sasl=True).start()
    try:
        with Postfix(servers_folder / "postfix", certificate, sasl=dovecot.sasl_port, sink=sink.port) as server:
            yield server
    finally:
        dovecot.stop()


def opened(postfix: Postfix, certificate: Certificate, credentials: Credentials) -> Submission:
    endpoint = Endpoint("127.0.0.1", postfix.port, "starttls", ca=certificate.ca)
    return open_submission(endpoint, credentials)


def arrived(sink: Sink, count: int) -> bool:
    end = time.monotonic() + 15
    while len(sink.taken) < count and time.monotonic() < end:
        time.sleep(0.05)
    return len(sink.taken) == count


BOB = Credentials("bob", "pa ss\u00e9")
BOSS = Credentials("bob", "", master=MasterUser("master", "master-password"))


@pytest.mark.parametrize("credentials", [BOB, BOSS], ids=["password", "master user"])
def test_a_message_goes_through_to_the_next_server(
    postfix: Postfix, certificate: Certificate, sink: Sink, credentials: Credentials
) -> None:
    sink.taken.clear()
    with opened(postfix, certificate, credentials) as submission:
        assert submission.has("PIPELINING") and submission.has("DSN") and submission.limit == 10_000_000
        to = ["ann@one.example", "nobody@one.example", "cem@two.example"]
        refusals = submission.envelope("bob@one.example", to, size=len(LETTER), notify=True)
        assert len(refusals) == 1, (refusals, postfix.log)
        (refusal,) = refusals
        assert (refusal.address, refusal.code, refusal.permanent) == ("nobody@one.example", 550, True)
        submission.body([LETTER])
        verdict = submission.finish()
        assert isinstance(verdict, Accepted) and "queued as" in verdict.text
    assert "sasl_username=bob" in postfix.log
    assert arrived(sink, 2), postfix.log
    report, message = sorted(sink.taken, key=lambda each: each.sender)
    assert sorted(message.recipients) == ["ann@one.example", "cem@two.example"]
    assert message.content.endswith(b"\r\n\r\n.a dot\r\nend\r\n")
    assert report.recipients == ["bob@one.example"] and b"Action: relayed" in report.content


def test_a_wrong_password_is_that_and_nothing_else(postfix: Postfix, certificate: Certificate) -> None:
    with pytest.raises(SignInRefused):
        opened(postfix, certificate, Credentials("bob", "wrong"))


def test_a_message_that_turns_out_too_large_is_refused_for_certain(postfix: Postfix, certificate: Certificate) -> None:
    with opened(postfix, certificate, BOB) as submission:
        assert submission.envelope("bob@one.example", ["ann@one.example"]) == ()
        submission.body([LETTER, *(b"y" * 998 + b"\r\n" for _ in range(11_000))])
        verdict = submission.finish()
    assert isinstance(verdict, Refused) and (verdict.code, verdict.permanent) == (552, True)
