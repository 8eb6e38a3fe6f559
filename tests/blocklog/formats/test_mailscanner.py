"""MailScanner's lines, from samples: they never name a recipient."""

from __future__ import annotations

import pytest

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Refused, Told
from app.blocklog.formats.mailscanner import Reader
from tests.blocklog.lines import line


def read(text: str) -> list[Event]:
    return list(Reader().read(line(text, "MailScanner")))


@pytest.mark.parametrize(
    ("actions", "outcome", "stored"),
    [
        ("store", Outcome.quarantined, "mailscanner:4A1B2C3D"),
        ("store-spam, notify", Outcome.quarantined, "mailscanner:4A1B2C3D"),
        ("delete", Outcome.dropped, None),
        ("deliver, header", Outcome.junked, None),
    ],
)
def test_what_is_done_with_spam_is_the_row(actions: str, outcome: Outcome, stored: str | None):
    (event,) = read(f"Spam Actions: message 4A1B2C3D.A1234 actions are {actions}")
    assert isinstance(event, Refused)
    assert (event.outcome, event.policy, event.stage) == (outcome, Policy.spam, Stage.after_acceptance)
    assert (event.partner, event.queue_id, event.recipients, event.stored) == ("4A1B2C3D", None, (), stored)


def test_the_verdict_tells_the_sender_and_nobody_else():
    (event,) = read("Message 4A1B2C3D.A1234 from 203.0.113.9 (a@b.example) to isp.example is spam, SBL (9)")
    assert isinstance(event, Told)
    assert (event.queue_id, event.sender, event.recipient) == ("4A1B2C3D", "a@b.example", None)


def test_infected_mail_is_a_virus():
    (event,) = read("Infected message 1xX24H-0007Qe-0E came from 203.0.113.9")
    assert isinstance(event, Refused)
    assert (event.policy, event.partner, event.peer.ip) == (Policy.virus, "1xX24H-0007Qe-0E", "203.0.113.9")


@pytest.mark.parametrize(
    "text",
    [
        "Message 4A1B2C3D.A1234 from 203.0.113.9 (a@b.example) to isp.example is not spam",
        "Message 4A1B2C3D.A1234 from 203.0.113.9 (a@b.example) to isp.example is too big for spam checks",
        "Non-spam actions: message 4A1B2C3D.A1234 actions are deliver",
        "New Batch: Scanning 1 messages, 5203 bytes",
    ],
)
def test_what_is_no_block_gives_no_row(text: str):
    assert not [event for event in read(text) if isinstance(event, Refused)]
