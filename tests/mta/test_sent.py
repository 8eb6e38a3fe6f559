"""What became of a message that Postern submitted, per recipient, from the logs of real Postfix and real Exim.

The message carries Postern's own Message-ID; the server that takes it next is a sink, which puts one recipient off and
refuses another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.blocklog.codes import Fate
from app.blocklog.fate import Way, ways
from app.blocklog.source import Source
from app.blocklog.use import last_use
from app.demo.certificate import Certificate
from app.demo.dovecot import Dovecot
from app.directory.account import Endpoint
from app.mail.login import Credentials
from app.mail.submission import Accepted, open_submission
from tests.mta import exim
from tests.mta.reading import Log
from tests.postfix import Postfix
from tests.smtpsink import Sink

pytestmark = pytest.mark.servers
NAME = "<20261122.1a2b3c@isp.example>"
LETTER = f"From: alice@isp.example\r\nMessage-ID: {NAME}\r\nSubject: hi\r\n\r\nText.\r\n".encode()
TO = ("ann@far.example", "Late@far.example", "gone@far.example")


@contextmanager
def by_exim(folder: Path, sink: Sink, _certificate: Certificate) -> Iterator[tuple[Endpoint, Source]]:
    if reason := exim.missing():
        pytest.skip(reason)
    config = (Path(__file__).parent / "submission.conf").read_text().format(sink=sink.port)
    with exim.Exim(folder / "exim", config) as server:
        yield Endpoint("127.0.0.1", server.port, "plain"), Source("mx", str(server.log()), "exim-main")


@contextmanager
def by_postfix(folder: Path, sink: Sink, certificate: Certificate) -> Iterator[tuple[Endpoint, Source]]:
    if reason := Postfix.missing():
        pytest.skip(reason)
    dovecot = Dovecot(folder / "sasl", {"alice": "secret"}, sasl=True).start()
    try:
        with Postfix(folder / "postfix", certificate, sasl=dovecot.sasl_port, sink=sink.port) as server:
            endpoint = Endpoint("127.0.0.1", server.port, "starttls", ca=certificate.ca)
            yield endpoint, Source("mx", str(server.folder / "mail.log"))
    finally:
        dovecot.stop()


def told(folder: Path, migrated: Path, source: Source) -> tuple[dict[str, Way], Log]:
    """What the block log knows of the message now."""
    (folder / "log").mkdir(exist_ok=True)
    with Log(migrated, folder / "log", source) as log:
        return {each.rcpt: each for each in ways(log.engine, "alice", NAME)}, log


@pytest.mark.parametrize("served", [by_exim, by_postfix], ids=["Exim", "Postfix"])
def test_each_recipient_s_fate_is_what_the_next_server_said(
    served, server_folder: Path, migrated: Path, certificate: Certificate
) -> None:
    with Sink({}) as sink, served(server_folder, sink, certificate) as (endpoint, source):
        sink.refuse = {"Late@far.example": "451 4.2.1 later, please", "gone@far.example": "550 5.1.1 moved away"}
        with open_submission(endpoint, Credentials("alice", "secret")) as submission:
            assert submission.envelope("alice@isp.example", list(TO), size=len(LETTER)) == ()
            submission.body([LETTER])
            assert isinstance(submission.finish(), Accepted)
        end = time.monotonic() + 30
        found: dict[str, Way] = {}
        while {each.fate for each in found.values()} != {Fate.delivered, Fate.deferred, Fate.bounced}:
            assert time.monotonic() < end, (found, Path(source.path).read_text())
            time.sleep(0.1)
            found, log = told(server_folder, migrated, source)
    assert {rcpt: way.fate for rcpt, way in found.items()} == {
        "ann@far.example": Fate.delivered,
        "late@far.example": Fate.deferred,
        "gone@far.example": Fate.bounced,
    }
    assert all("127.0.0.1" in way.server for way in found.values())
    assert "5.1.1 moved away" in found["gone@far.example"].reply and found["gone@far.example"].dsn == "5.1.1"
    assert "4.2.1 later" in found["late@far.example"].reply
    assert ways(log.engine, "bob", NAME) == ()
    assert last_use(log.engine, "alice").smtp is not None
    assert log.blocks == {}
