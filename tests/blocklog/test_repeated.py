"""What rsyslog tells in one line instead of many happened as often as it says, up to a bound, and to nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.blocklog.repeated import MOST, unrolled
from app.blocklog.tables import HostRow, SourceRow
from tests.blocklog.followed import engine, follow_once, rows  # noqa: F401 - fixture
from tests.blocklog.lines import line

NO = (
    "NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 554 5.7.1 blocked using zen.spamhaus.org [x]; from=<a@b.example> "
    "to=<alice@isp.example> proto=ESMTP helo=<x.b>"
)


@pytest.mark.parametrize(
    ("text", "found", "times"),
    [
        (NO, NO, 1),
        (f"message repeated 3 times: [ {NO}]", NO, 3),
        (f"message repeated 999999999 times: [ {NO}]", NO, MOST),
        ("message repeated 0 times: [ x]", "x", 0),
        ("message repeated 3 times: [ x", "message repeated 3 times: [ x", 1),
        (f"x message repeated 3 times: [ {NO}]", f"x message repeated 3 times: [ {NO}]", 1),
    ],
)
def test_a_repeated_line_is_the_line_so_many_times(text: str, found: str, times: int) -> None:
    told, often = unrolled(line(text, "smtpd"))
    assert (told.text, often) == (found, times)


def test_each_try_has_its_row_and_the_line_is_one(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log, head = tmp_path / "mail.log", "2026-11-20T12:00:0{}Z mx1 postfix/smtpd[7]: {}\n"
    gone = "disconnect from unknown[203.0.113.7] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"
    log.write_text(
        head.format(0, NO)
        + head.format(1, f"message repeated 4 times: [ {NO}]")
        + head.format(2, f"message repeated 5 times: [ {gone}]")
    )
    follow_once(engine, log)
    assert [row["rcpt"] for row in rows(engine)] == ["alice@isp.example"] * 5
    assert [row["cnxn_count"] for row in rows(engine, HostRow)] == [5]
    assert rows(engine, SourceRow, "lines", "rows", "odd_lines") == [{"lines": 3, "rows": 5, "odd_lines": 0}]
