"""A run sends each digest that is due once, whoever runs it how often, and what did not leave comes with the next."""

from __future__ import annotations

import dataclasses
import email
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.policy import default
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from app.blocklog.codes import Outcome, Policy
from app.policy.tables import Base as PolicyBase
from app.profile import settings as kept
from app.profile.tables import Base as ProfileBase
from app.web.digest.due import SENT, SETTING
from app.web.digest.run import Counts, run
from tests.smtpsink import Sink
from tests.web.blocked.rows import block, tables
from tests.web.conftest import add_account

pytestmark = pytest.mark.servers
SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
NOW = SOON if 8 <= SOON.hour < 22 else SOON + timedelta(hours=10)  # by day, as digests go out, and soon after the rows
SITE = "https://mail.isp.example"


@pytest.fixture
def log(app: Flask) -> Engine:
    engine: Engine = app.extensions["postern"].database
    tables(engine)
    PolicyBase.metadata.create_all(engine)
    ProfileBase.metadata.create_all(engine)
    return engine


@pytest.fixture
def sink(app: Flask) -> Iterator[Sink]:
    """The site's submission server, which knows the node."""
    held = app.extensions["postern"]
    with Sink({}) as found:
        held.settings = dataclasses.replace(
            held.settings, public_url=SITE, notice_from="webmail@one.example", notice_url=url(found)
        )
        yield found


def url(sink: Sink) -> str:
    return f"smtp+plain://127.0.0.1:{sink.port}"


def wants(log: Engine, account: str = "1", every: str = "daily", address: str = "forward@one.example") -> None:
    kept.write(log, account, SETTING, {"every": every, "address": address})


def done(app: Flask, now: datetime = NOW) -> Counts:
    with app.app_context():
        return run(now, lambda _line: None)


def test_what_is_due_is_sent_once_and_to_nobody_who_did_not_ask(app: Flask, log: Engine, sink: Sink) -> None:
    block(log)
    block(log, account="2")
    add_account(app, 2, "bob")
    wants(log)
    assert done(app) == Counts(sent=1) and done(app) == Counts()
    (taken,) = sink.taken
    assert (taken.sender, taken.recipients) == ("webmail@one.example", ["forward@one.example"])
    mail = email.message_from_bytes(taken.content, policy=default)
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Subject"] == "A message to you was stopped"
    text = mail.get_body(("plain",)).get_content()
    assert "info@bank.example" in text and re.search(rf"{SITE}/digest/[\w-]{{60,}}", text.replace("\n", ""))
    assert mail.get_body(("html",)) is not None


def test_two_nodes_at_once_send_one(app: Flask, log: Engine, sink: Sink) -> None:
    block(log)
    wants(log)
    with ThreadPoolExecutor(4) as pool:
        counts = [*pool.map(lambda _n: done(app), range(4))]
    assert sum(each.sent for each in counts) == 1 == len(sink.taken)


def test_the_next_one_begins_where_the_last_one_ended(app: Flask, log: Engine, sink: Sink) -> None:
    block(log)
    wants(log)
    done(app)
    assert done(app, NOW + timedelta(days=1)) == Counts(empty=1) and len(sink.taken) == 1
    wants(log, every="weekly")
    assert done(app, NOW + timedelta(days=1)) == Counts(empty=1), "another rhythm begins anew, where the last one ended"


def test_what_did_not_leave_comes_with_the_next_run(app: Flask, log: Engine, sink: Sink) -> None:
    block(log)
    wants(log)
    sink.refuse["forward@one.example"] = "450 4.2.0 later"
    assert done(app) == Counts(failed=1) and kept.read(log, "1", SENT) is None
    sink.refuse.clear()
    sink.verdict = "451 4.3.0 later"
    assert done(app) == Counts(failed=1)
    sink.verdict = None
    assert done(app) == Counts(sent=1) and len(sink.taken) == 1


def test_who_is_gone_or_never_asked_in_our_words_gets_none(app: Flask, log: Engine, sink: Sink) -> None:
    block(log, account="9")
    wants(log, account="9", address="nobody@one.example")
    kept.write(log, "1", SETTING, {"every": "hourly"})
    block(log)
    assert done(app) == Counts() and sink.taken == []


def test_what_needs_a_second_look_has_no_link(app: Flask, log: Engine, sink: Sink) -> None:
    block(log, policy=Policy.dmarc)
    block(log, policy=Policy.virus, outcome=Outcome.discarded)
    block(log, sender_domain="one.example")
    wants(log)
    done(app)
    assert b"/digest/" not in sink.taken[0].content.replace(b"/settings/digest", b"").replace(b"=\r\n", b"")


def test_rules_are_asked_once_a_digest(app: Flask, log: Engine, sink: Sink) -> None:
    for number in range(5):
        block(log, sender_local=f"a{number}")
    wants(log)
    statements: list[str] = []
    event.listen(log, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert done(app) == Counts(sent=1)
    assert sum("policy_rule" in each for each in statements) == 1


def test_very_many_are_told_by_their_number(app: Flask, log: Engine, sink: Sink) -> None:
    for _ in range(53):
        block(log)
    wants(log)
    done(app)
    assert b"53 messages to you were stopped" in sink.taken[0].content and b"And 3 more." in sink.taken[0].content


def test_the_command_says_what_is_missing_and_what_it_did(app: Flask, log: Engine, sink: Sink) -> None:
    runner, held = app.test_cli_runner(), app.extensions["postern"]
    block(log)
    wants(log)
    told: Any = runner.invoke(args=["blocklog", "digest"])
    assert (told.exit_code, told.output.splitlines()[-1]) == (0, "sent: 1, nothing stopped: 0, failed: 0")
    kept.write(log, "1", SENT, None)
    held.settings = dataclasses.replace(held.settings, notice_url="smtp+plain://127.0.0.1:1")
    told = runner.invoke(args=["blocklog", "digest"])
    assert told.exit_code == 1 and "failed: 1" in told.output
    held.settings = dataclasses.replace(held.settings, public_url=None)
    assert "POSTERN_PUBLIC_URL" in runner.invoke(args=["blocklog", "digest"]).output
