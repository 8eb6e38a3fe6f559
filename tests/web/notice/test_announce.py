"""Who is told by mail of a change to their account, in which words, and that nothing fails with that mail."""

from __future__ import annotations

import dataclasses
import email
from collections.abc import Iterator
from datetime import UTC, datetime
from email.policy import default
from threading import Event

import pytest
from flask import Flask

from app.courier.waiting import send_waiting
from app.directory.account import Account
from app.web.notice import announce
from tests.smtpsink import Sink

pytestmark = pytest.mark.servers
NOW = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)
ANN = Account("7", "ann@one.example", "1", time_zone="Europe/Berlin")
TOM = dataclasses.replace(ANN, id="8", address="tom@one.example", kind="forward")


@pytest.fixture
def sink(app: Flask) -> Iterator[Sink]:
    held = app.extensions["postern"]
    with Sink({}) as found:
        held.settings = dataclasses.replace(
            held.settings, public_url="https://mail.isp.example", notice_from="webmail@one.example",
            notice_url=f"smtp+plain://127.0.0.1:{found.port}",
        )  # fmt: skip
        with app.app_context():
            yield found


def text_of(sink: Sink, at: int = -1) -> str:
    message = email.message_from_bytes(sink.taken[at].content, policy=default)
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_content().replace("\r\n", "\n")
    return f"{message['Subject']}\n" + text.replace(" \n", " ").replace("\n ", "\n")  # lines are flowed (RFC 3676)


def test_new_forwarding_is_told_at_the_mailbox_with_the_time_of_its_owner(sink: Sink) -> None:
    assert announce.forwarding(ANN, ["x@else.example"], NOW, by_admin=True)
    assert sink.taken[0].recipients == ["ann@one.example"] and sink.taken[0].sender == "webmail@one.example"
    told = text_of(sink)
    assert "An administrator changed this on Wednesday 1 July" in told and "12:30 (Europe/Berlin)" in told
    assert "is now also sent to:\n    x@else.example" in told and "https://mail.isp.example/settings/actions" in told


def test_without_a_mailbox_it_is_told_where_mail_went_before(sink: Sink) -> None:
    assert announce.forwarding(TOM, ["thief@else.example"], NOW, former=["tom@home.example"])
    assert [each.recipients for each in sink.taken] == [["tom@home.example"]]
    assert "Somebody who was signed in with your password" in text_of(sink)
    assert not announce.forwarding(TOM, ["thief@else.example"], NOW), "nobody but the new target would read it"


def test_a_rule_s_text_stays_on_its_line_and_its_letter_waits_for_a_courier(sink: Sink, app: Flask) -> None:
    held = app.extensions["postern"]
    assert announce.shut_out(ANN, "shop.example\r\nBcc: all@one.example\u202e", NOW) and not sink.taken
    assert send_waiting(held.redis, held.settings, Event()) == 1
    assert "    shop.example Bcc: all@one.example\n" in text_of(sink) and sink.taken[0].recipients == [ANN.address]


def test_a_server_that_is_away_and_a_site_without_one_are_answered_with_no(sink: Sink, app: Flask) -> None:
    sink.verdict = "451 4.3.0 not now"
    assert not announce.forwarding(ANN, ["x@else.example"], NOW)
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, notice_url="smtp+plain://127.0.0.1:1")
    assert not announce.forwarding(ANN, ["x@else.example"], NOW)
    held.settings = dataclasses.replace(held.settings, notice_from=None)
    assert not announce.forwarding(ANN, ["x@else.example"], NOW)


def test_rules_against_all_mail_are_told_each_on_its_line(sink: Sink) -> None:
    assert announce.denials(ANN, ["“All\r\nBcc: x@one.example” throws away all mail"], NOW)
    told = text_of(sink)
    assert told.startswith("Your mail is thrown away or refused\n") and sink.taken[0].recipients == [ANN.address]
    assert "    “All Bcc: x@one.example” throws away all mail\n" in told and "https://mail.isp.example/filters" in told
