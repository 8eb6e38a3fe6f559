"""The beginning of a log's line is read, whoever wrote it and whatever year it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.event import Line, Odd
from app.blocklog.stamp import LONGEST, Stamp, records


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def read(raw: bytes, form: str = "syslog", zone: str = "UTC", written: datetime | None = None) -> Line:
    stamp = Stamp(form, zone)
    if written is not None:
        stamp.written = written
    line = stamp.line(raw)
    assert isinstance(line, Line), line
    return line


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2023-03-14T01:13:53.583902+01:00", utc(2023, 3, 14, 0, 13, 53, 583902)),
        ("2023-03-14T01:13:53-05:00", utc(2023, 3, 14, 6, 13, 53)),
        ("2023-03-14T01:13:53Z", utc(2023, 3, 14, 1, 13, 53)),
        ("2023-03-14T01:13:53.5Z", utc(2023, 3, 14, 1, 13, 53, 500000)),
        ("2016-12-31T23:59:60Z", utc(2016, 12, 31, 23, 59, 59)),
    ],
)
def test_a_full_time_has_any_offset_and_fraction(text: str, at: datetime) -> None:
    assert read(f"{text} mx1 postfix/smtpd[7]: x".encode()).at == at


def test_program_instance_and_process_are_told_apart() -> None:
    line = read(b"2026-11-20T04:29:12Z janus postfix/submission/smtpd[20365]: NOQUEUE: reject: RCPT")
    assert (line.host, line.instance, line.program, line.pid) == ("janus", "postfix/submission", "smtpd", 20365)
    assert line.text == "NOQUEUE: reject: RCPT"
    line = read(b"<22>Nov 20 04:29:12 janus clamsmtpd: 100007: from=a")
    assert (line.instance, line.program, line.pid, line.text) == ("clamsmtpd", "clamsmtpd", None, "100007: from=a")


@pytest.mark.parametrize(
    ("text", "written", "at"),
    [
        ("Dec 31 23:59:59", utc(2026, 1, 1, 0, 0, 5), utc(2025, 12, 31, 23, 59, 59)),
        ("Jan  1 00:00:01", utc(2026, 1, 1, 0, 0, 5), utc(2026, 1, 1, 0, 0, 1)),
        ("Jan  1 00:00:01", utc(2025, 12, 31, 23, 59, 59), utc(2026, 1, 1, 0, 0, 1)),
        ("Nov 20 04:29:12", utc(2024, 11, 27), utc(2024, 11, 20, 4, 29, 12)),
        ("Feb 29 12:00:00", utc(2024, 3, 2), utc(2024, 2, 29, 12)),
        ("Feb 29 12:00:00", utc(2026, 1, 2), utc(2024, 2, 29, 12)),
    ],
)
def test_a_year_that_is_left_out_is_the_one_nearest_to_the_file(text: str, written: datetime, at: datetime) -> None:
    if at.year < 2026 and written.year == 2026 and text.startswith("Feb"):
        stamp = Stamp("syslog")
        stamp.written = written  # no 29 February within a year of it
        assert isinstance(stamp.line(f"{text} mx1 postfix/smtpd[7]: x".encode()), Odd)
        return
    assert read(f"{text} mx1 postfix/smtpd[7]: x".encode(), written=written).at == at


def test_an_hour_that_is_passed_twice_goes_on_and_never_back() -> None:
    stamp = Stamp("syslog", "Europe/Berlin")
    stamp.written = utc(2025, 10, 26, 3)
    times = ["01:59:50", "02:00:00", "02:30:00", "02:59:59", "02:00:01", "02:30:00", "02:29:58", "02:59:59", "03:00:00"]
    found = [stamp.line(f"Oct 26 {each} mx1 postfix/smtpd[7]: x".encode()) for each in times]
    hours = [(each.at.hour, each.at.minute) for each in found if isinstance(each, Line)]
    assert hours == [(23, 59), (0, 0), (0, 30), (0, 59), (1, 0), (1, 30), (1, 29), (1, 59), (2, 0)]


def test_a_time_that_was_skipped_is_later_by_as_much() -> None:
    line = read(b"Mar 30 02:30:00 mx1 postfix/smtpd[7]: x", zone="Europe/Berlin", written=utc(2025, 3, 30, 2))
    assert line.at == utc(2025, 3, 30, 1, 30)  # half past three in summer time


@pytest.mark.parametrize(
    ("raw", "at", "pid", "text"),
    [
        (b"2025-11-22 06:47:20 H=(x) [203.0.113.7] F=<a@b>", utc(2025, 11, 22, 5, 47, 20), None, "H=(x) [203.0.113.7]"),
        (b"2025-11-22 06:47:20 +0000 H=x", utc(2025, 11, 22, 6, 47, 20), None, "H=x"),
        (b"2025-11-22 06:47:20.668 [11998] H=x", utc(2025, 11, 22, 5, 47, 20, 668000), 11998, "H=x"),
        (b"2025-11-22 06:47:20.668 -0530 [11998] H=x", utc(2025, 11, 22, 12, 17, 20, 668000), 11998, "H=x"),
    ],
)
def test_exim_s_own_times(raw: bytes, at: datetime, pid: int | None, text: str) -> None:
    line = read(raw, "exim-main", "Europe/Berlin")
    assert (line.at, line.program, line.pid) == (at, "exim", pid)
    assert line.text.startswith(text)


def test_rspamd_s_own_times() -> None:
    line = read(b"2025-11-27 20:01:02 #1234(normal) <a1b2c3>; task; rspamd_task_write_log: id: <x>", "rspamd")
    assert (line.program, line.pid, line.at) == ("rspamd", 1234, utc(2025, 11, 27, 20, 1, 2))
    assert line.text.startswith("<a1b2c3>; task;")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no line of this kind of log"),
        (b"x" * 100, "no line of this kind of log"),
        (bytes(range(256)), "no line of this kind of log"),
        (b"Feb 31 12:00:00 mx1 postfix/smtpd[7]: x", "impossible time"),
        (b"Foo 11 12:00:00 mx1 postfix/smtpd[7]: x", "impossible time"),
        (b"Nov 11 25:61:99 mx1 postfix/smtpd[7]: x", "impossible time"),
        (b"2026-13-45T99:99:99Z mx1 postfix/smtpd[7]: x", "impossible time"),
        (b"9999-01-01T00:00:00Z mx1 postfix/smtpd[7]: x", "impossible time"),
        (b"0001-01-01T00:00:00+14:00 mx1 postfix/smtpd[7]: x", "impossible time"),
        (b"2025-11-27T20:01:02Z mx1 postfix/smtpd[7]: " + b"x" * LONGEST, "line too long"),
    ],
)
def test_a_bad_line_is_an_odd_one(raw: bytes, why: str) -> None:
    line = Stamp("syslog").line(raw)
    assert isinstance(line, Odd) and line.why == why


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_nothing_raises(raw: bytes) -> None:
    for form in ("syslog", "exim-main", "exim-reject", "rspamd"):
        for head in (b"", b"Nov 20 04:29:12 ", b"2025-11-22 06:47:20 ", b"2025-11-22T06:47:20Z mx1 "):
            line = Stamp(form, "Europe/Berlin").line(head + raw)
            assert isinstance(line, Line | Odd)
            assert isinstance(line, Odd) or line.at < datetime.now(UTC) + timedelta(days=3)


REJECTED = b"2025-11-22 06:47:20 1xV1M8 rejected after DATA\nEnvelope-from: <a@b>\n  Subject: x\n"


@pytest.mark.parametrize("at_end", [False, True])
def test_a_record_of_several_lines_is_one_and_may_go_on(at_end: bool) -> None:
    found, sizes = records(REJECTED * 3, at_end)
    assert found == [REJECTED[:-1]] * (3 if at_end else 2)
    assert sizes == [len(REJECTED)] * len(found)
    line = read(found[0], "exim-reject")
    assert line.program == "exim-reject" and line.text.endswith("\n  Subject: x")
