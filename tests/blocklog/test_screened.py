"""Whom postscreen hung up on is told by two lines that follow one another, however often the follower was killed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.blocklog.codes import Policy
from app.blocklog.event import Line, Refused
from app.blocklog.screened import Screening, screened

AT = datetime(2026, 11, 27, 20, tzinfo=UTC)
CLIENT = "[2001:db8::7]:4711"


def line(text: str, pid: int = 7, seconds: float = 0) -> Line:
    return Line(AT + timedelta(seconds=seconds), "mx1", "postscreen", "postfix", pid, text)


def read(*lines: Line) -> list[Refused | None]:
    """What some lines tell; all that is known goes through JSON between two of them."""
    state: dict[str, object] = {}
    found = []
    for each in lines:
        screening = Screening(json.loads(json.dumps(state)))
        found.append(screening.take(screened(each), "mx1"))
        state = screening.state()
    return found


@pytest.mark.parametrize(
    ("verdict", "policy", "dsn"),
    [
        (f"DENYLISTED {CLIENT}", Policy.client, "5.3.2"),
        (f"BLACKLISTED {CLIENT}", Policy.client, "5.3.2"),
        (f"PREGREET 14 after 0.01 from {CLIENT}: EHLO x\\r\\n", Policy.protocol, "5.5.1"),
        (f"DNSBL rank 3 for {CLIENT}", Policy.rbl, "5.7.1"),
        (f"NON-SMTP COMMAND from {CLIENT} after CONNECT: GET / HTTP/1.1", Policy.protocol, "5.7.0"),
        (f"BARE NEWLINE from {CLIENT} after EHLO x", Policy.protocol, "5.5.1"),
        (f"COMMAND PIPELINING from {CLIENT} after EHLO: MAIL FROM:<a@b.example>\\r\\n", Policy.protocol, "5.5.1"),
    ],
)
def test_a_verdict_and_the_end_of_the_line_are_a_refusal(verdict: str, policy: Policy, dsn: str) -> None:
    first, refused = read(line(verdict), line(f"DISCONNECT {CLIENT}"))
    assert first is None and refused is not None
    assert (refused.policy, refused.code, refused.dsn, refused.peer.ip) == (policy, 521, dsn, "2001:db8::7")
    assert not refused.recipients


@pytest.mark.parametrize(
    "between",
    [
        f"HANGUP after 0.5 from {CLIENT} in tests before SMTP handshake",
        f"NOQUEUE: reject: RCPT from {CLIENT}: 550 5.3.2 Service currently unavailable; from=<a@b>, to=<c@d>",
        f"PASS NEW {CLIENT}",
    ],
)
def test_a_verdict_that_only_counts_is_none(between: str) -> None:
    assert read(line(f"DENYLISTED {CLIENT}"), line(between), line(f"DISCONNECT {CLIENT}")) == [None] * 3


def test_a_client_that_stays_for_a_while_was_not_hung_up_on() -> None:
    assert read(line(f"DNSBL rank 3 for {CLIENT}"), line(f"DISCONNECT {CLIENT}", seconds=1.1)) == [None, None]


def test_the_end_of_another_s_line_is_none_and_processes_are_told_apart() -> None:
    assert read(line(f"DENYLISTED {CLIENT}"), line("DISCONNECT [2001:db8::7]:4712")) == [None, None]
    other = line("CONNECT from [192.0.2.1]:1 to [192.0.2.2]:25", pid=8)
    assert read(line(f"DENYLISTED {CLIENT}"), other, line(f"DISCONNECT {CLIENT}"))[2] is not None
    assert read(line(f"DENYLISTED {CLIENT}"), line(f"DISCONNECT {CLIENT}", pid=8))[1] is None


def test_who_comes_again_at_once_is_a_row_a_minute() -> None:
    times = (0, 0.1, 59, 60, 61, 120)
    visits = [line(f"{what} {CLIENT}", 7, at) for at in times for what in ("DENYLISTED", "DISCONNECT")]
    found = [each is not None for each in read(*visits)[1::2]]
    assert found == [True, False, False, True, False, True]


def test_of_a_flood_of_clients_the_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.blocklog.screened.MOST", 10)
    clients = [f"[2001:db8::{number:x}]:1" for number in (*range(30), 29, 0)]
    visits = [line(f"{what} {client}") for client in clients for what in ("DENYLISTED", "DISCONNECT")]
    found = [each is not None for each in read(*visits)[1::2]]
    assert found == [*[True] * 30, False, True]


def test_what_a_stranger_wrote_is_no_verdict() -> None:
    text = f"PREGREET 40 after 0.01 from [192.0.2.1]:1: DENYLISTED {CLIENT}\\r\\n"
    assert screened(line(text)).client == "192.0.2.1 1"
    assert screened(line(f"HANGUP after 0 from [192.0.2.1]:1: DENYLISTED {CLIENT}")).said == ""
