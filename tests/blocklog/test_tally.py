"""What is counted beside messages is bounded, and lines are of one kind that differ in numbers and names only."""

from __future__ import annotations

from datetime import UTC, datetime

from app.blocklog import tally
from app.blocklog.event import Visit
from app.blocklog.tally import Tally, mark

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_lines_of_one_shape_are_of_one_kind() -> None:
    one = mark("why", "postfix/smtpd: 4A1B2: from=<a@b.example> host[203.0.113.7] said 550")
    assert one == mark("why", "postfix/smtpd: 9F33C: from=<x@y.example> host[198.51.100.1] said 451")
    assert one != mark("why", "postfix/smtpd: 4A1B2: to=<a@b.example> host[203.0.113.7] said 550")
    assert one != mark("another", "postfix/smtpd: 4A1B2: from=<a@b.example> host[203.0.113.7] said 550")


def test_a_stranger_fills_no_memory_with_kinds() -> None:
    found = Tally()
    for number in range(1000):
        word = "".join(chr(ord("g") + int(digit)) for digit in str(number))
        found.unread(1, "why", f"kind {word}", 0.0)
    assert len(found.odd) == tally.MOST_KINDS
    assert found.odd_times == {1: 1000}


def test_servers_of_one_64_are_one() -> None:
    found = Tally()
    for number in range(1, 4):
        found.visit(Visit(AT, f"2001:db8:7:1::{number}", connections=1))
    found.listed("2001:db8:7:1:9::", AT.timestamp(), "zen.example")
    (host,) = found.hosts.values()
    assert (*found.hosts, host.counts, host.listed) == ("2001:db8:7:1::/64", {"connections": 3}, 1)
