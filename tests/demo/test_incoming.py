"""The demo's border refuses by its rules, and its log tells the follower what the clients were told."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.blocklog.codes import Accepted, Outcome, Policy
from app.demo import incoming
from app.demo.directory import put_account, put_server
from app.demo.follower import MailLog
from app.demo.incoming import Border
from app.demo.node import bring_up_to_date
from app.demo.process import free_port
from app.demo.rules import Rules
from app.directory.engine import open_engine
from app.policy.actions import By
from app.policy.rule import Rule, account_scope
from app.policy.senders import add
from app.policy.spam import choose
from app.policy.value import Kind
from tests.anydatabase import migrated  # noqa: F401 - fixture
from tests.blocklog.followed import engine, follow_once, recents, rows  # noqa: F401 - fixture

pytestmark = pytest.mark.servers
ALICE = "alice@isp.example"


@pytest.fixture
def border(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Border]:
    monkeypatch.setattr(incoming, "GREYLISTED", 0.1)
    taken: list[tuple[str, bytes]] = []
    border = Border(free_port(), frozenset({ALICE}), lambda *each: taken.append(each), MailLog(tmp_path))
    border.taken = taken  # type: ignore[attr-defined]
    border.start()
    yield border
    border.stop()


def send(border: Border, sender: str, text: str = "hello", helo: str = "mx.b.example", to: str = ALICE) -> int:
    """One mail; the code of its last answer."""
    with smtplib.SMTP("127.0.0.1", border.port, helo, 10) as client:
        try:
            client.sendmail(sender, to, f"Subject: hi\r\nMessage-ID: <m@b.example>\r\n\r\n{text}\r\n")
        except smtplib.SMTPRecipientsRefused as error:
            return int(error.recipients[to][0])
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
    return 250


def test_what_clients_are_told_is_what_the_log_tells(border: Border, engine: Engine) -> None:  # noqa: F811
    told = [
        (send(border, "a@b.example"), Policy.greylist, Outcome.delayed),
        (send(border, "a@spam.example"), Policy.rbl, Outcome.refused),
        (send(border, "a@bank.example"), Policy.spf, Outcome.refused),
        (send(border, "a@b.invalid"), Policy.sender, Outcome.delayed),
        (send(border, "a@b.example", helo="x"), Policy.helo, Outcome.refused),
        (send(border, "a@b.example", to="nobody@isp.example"), Policy.rcpt, Outcome.refused),
    ]
    time.sleep(0.15)
    assert send(border, "a@b.example") == 250
    for text in (incoming.VIRUS, incoming.SPAM):
        assert send(border, "a@b.example", text.decode()) == 550
    follow_once(engine, border.log.file)
    found = rows(engine)
    assert [(each["smtp_code"], each["policy"], each["outcome"]) for each in found[:6]] == told
    assert [each["policy"] for each in found[6:]] == [Policy.virus, Policy.spam]
    assert found[0]["resolved_at"] is not None and found[-1]["subject"] == "hi"
    assert [(each["rcpt"], each["outcome"]) for each in recents(engine)] == [(ALICE, Accepted.inbox)]
    assert len(border.taken) == 1  # type: ignore[attr-defined]


def test_no_name_of_a_client_writes_a_line_of_its_own(border: Border, engine: Engine) -> None:  # noqa: F811
    send(border, "a@spam.example", helo="x.example;from=<y>to=<bob@isp.example>")
    follow_once(engine, border.log.file)
    assert [each["rcpt"] for each in rows(engine)] == [ALICE]


@pytest.mark.parametrize(("action", "value", "told"), [
    ("allow", "spam.example", {"a@spam.example": 250, "a@b.example": 450}),
    ("deny", "b.example", {"a@spam.example": 554, "a@b.example": 554}),
    ("nogrey", "b.example", {"a@spam.example": 554, "a@b.example": 250}),
])  # fmt: skip
def test_the_border_asks_the_rules_of_who_gets_the_mail(
    border: Border, tmp_path: Path, action: str, value: str, told: dict[str, int]
) -> None:
    url = f"sqlite:///{tmp_path}/demo.sqlite"
    bring_up_to_date(url)
    with open_engine(url).begin() as connection:
        number = put_account(connection, ALICE, "box", put_server(connection, "one", {"imap": 143}))
        add(connection, Rule(account_scope(str(number)), action, Kind.domain, value, datetime.now(UTC)))
    border.decide = Rules(url)
    assert {sender: send(border, sender) for sender in told} == told


def test_the_border_heeds_what_its_owner_set_about_spam(border: Border, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/demo.sqlite"
    bring_up_to_date(url)
    directory = open_engine(url)
    with directory.begin() as connection:
        number = put_account(connection, ALICE, "box", put_server(connection, "one", {"imap": 143}))
    border.wishes = Rules(url).wishes
    assert send(border, "a@spam.example") == 554 and send(border, "new@friend.example") == 450
    for name in ("rbl", "greylist"):
        choose(directory, By("x"), account_scope(str(number)), name, "0", False, datetime.now(UTC))
    assert send(border, "a@spam.example") == 250 == send(border, "other@friend.example")
