"""What is under way is bounded, whoever writes to however many: the state must go into SQL every two seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.blocklog import underway
from app.blocklog.classify import classify
from app.blocklog.event import Line
from app.blocklog.join import Join
from app.blocklog.message import MOST_RECIPIENTS
from app.blocklog.reading import readers
from app.blocklog.settle import due

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)


class Log:
    """Lines of one mail server, put together; `seconds` is its clock."""

    def __init__(self) -> None:
        self.join, self.seconds, self._programs = Join(classify), 0.0, readers()

    def line(self, program: str, text: str) -> None:
        at = AT + timedelta(seconds=self.seconds)
        self.join.clock = at.timestamp()
        for read in self._programs[program]:
            for event in read(Line(at, "mx1", program, "postfix", 7, text)):
                self.join.take(event, 1, "mx1")

    def deferred(self, queue_id: str, recipients: int) -> None:
        """A mail of box1's that nobody takes."""
        self.line("smtpd", f"{queue_id}: client=x[192.0.2.1], sasl_method=PLAIN, sasl_username=box1")
        for number in range(recipients):
            told = "delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (timed out)"
            self.line("smtp", f"{queue_id}: to=<{number}@far.example>, relay=none, {told}")
        due(self.join, everything=True)


def test_who_writes_to_thousands_that_do_not_answer_displaces_nobody_else_s_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(underway, "MOST_ROWS", 50)
    log = Log()
    log.deferred("AAAAAAAAAA0", 2)
    for number in range(1, 9):
        log.deferred(f"BBBBBBBBBB{number}", 20)
    log.join.forget()
    kept = [each.queue_id for each in log.join.messages.values()]
    assert "AAAAAAAAAA0" in kept and len(kept) == 3
    assert sum(len(each["arrivals"]) for each in log.join.state()["messages"]) <= 50


def test_rows_that_wait_are_written_though_their_message_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(underway, "MOST_ROWS", 1)
    log = Log()
    log.line("smtpd", "AAAAAAAAAA0: client=x[192.0.2.1]")
    for number in range(3):
        log.line("local", f"AAAAAAAAAA0: to=<{number}@isp.example>, relay=local, delay=1, dsn=2.0.0, status=sent (ok)")
    log.join.forget()
    again = Join(classify, state=log.join.state())
    assert not log.join.messages and len(again.waiting) == 3 == len(due(log.join, everything=True))


def test_of_a_flood_of_refusals_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(underway, "MOST_LOOSE", 10)
    log = Log()
    for number in range(40):
        log.seconds = number / 10
        end = f"from=<{number}@b.example> to=<alice@isp.example> proto=ESMTP helo=<x>"
        log.line("smtpd", f"NOQUEUE: reject: RCPT from x[192.0.2.1]: 550 5.7.1 no; {end}")
    due(log.join, everything=True)
    log.join.forget()
    kept = [stop.sender for stops in log.join.loose.values() for stop in stops]
    assert kept == [f"{number}@b.example" for number in range(30, 40)]


def test_recipients_before_a_message_are_as_many_as_one_may_have() -> None:
    log = Log()
    for number in range(MOST_RECIPIENTS + 5):
        end = f"from=<a@b.example> to=<{number}@isp.example> proto=ESMTP helo=<x>"
        log.line("smtpd", f"NOQUEUE: info: RCPT from x[192.0.2.1]: ok; {end}")
    assert [len(each[2]) for each in log.join.early.values()] == [MOST_RECIPIENTS]
