"""What an address asks for of the log: read strictly, written as it was read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import MultiDict

from app.blocklog.codes import Outcome, Policy
from app.web.blocked.asked import STOPPED, Asked, asked_of, is_from, place_of, place_text, sender_of, sender_text

BERLIN = ZoneInfo("Europe/Berlin")


def test_what_is_asked_is_written_as_it_was_read() -> None:
    asked = Asked(
        "info@bank.example",
        (Policy.rbl, Policy.virus),
        (Outcome.would_block, Outcome.refused),
        date(2026, 11, 1),
        date(2026, 11, 27),
        (datetime(2026, 11, 20, 12, tzinfo=UTC), 7),
    )
    link = asked.link()
    pairs = [(name, each) for name, value in link.items() for each in (value if isinstance(value, tuple) else (value,))]
    read = asked_of(MultiDict(pairs), STOPPED)
    assert read == Asked(*(getattr(asked, name) for name in ("sender", "policies")), (Outcome.refused,),
                         asked.since, asked.until, asked.before)  # fmt: skip
    assert "before" not in asked.link(before=None) and Asked().link() == {}


def test_days_are_those_of_the_user_s_zone_also_when_the_clock_changes() -> None:
    bounds = Asked(since=date(2026, 10, 25), until=date(2026, 10, 25)).bounds(BERLIN)
    assert bounds == {
        "since": datetime(2026, 10, 24, 22, tzinfo=UTC),
        "until": datetime(2026, 10, 25, 23, tzinfo=UTC),  # a day of 25 hours
    }


def test_days_the_wrong_way_round_are_turned() -> None:
    asked = asked_of(MultiDict([("since", "2026-02-01"), ("until", "2026-01-01")]), STOPPED)
    assert (asked.since, asked.until) == (date(2026, 1, 1), date(2026, 2, 1))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Info@Bank.Example ", "info@bank.example"),
        ("<info@bank.example>", "info@bank.example"),
        ("info @ bank.example", "info@bank.example"),
        ("Müller.example", "xn--mller-kva.example"),
        ("bob@Müller.example", "bob@xn--mller-kva.example"),
        ("@bank.example", "bank.example"),
        ("info@", "info@"),
        ("a\x00b\u202ec", "abc"),
        ("..ü", "..ü"),
        ("x" * 999, "x" * 320),
    ],
)
def test_a_sender_is_read_as_the_log_keeps_it(typed: str, kept: str) -> None:
    assert sender_text(typed) == kept


@pytest.mark.parametrize(
    ("words", "sender"),
    [
        ("from:Bank.Example", "bank.example"),
        ('from:"info@bank.example" statement', "info@bank.example"),
        ("my statement bank.example", "bank.example"),
        ("statement of november", "statement"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_of_words_of_a_search_the_one_that_names_a_sender_is_taken(words: str, sender: str) -> None:
    assert sender_of(words) == sender


@pytest.mark.parametrize(
    ("address", "sought", "right"),
    [
        ("info@bank.example", "bank.example", True),
        ("info@mail.bank.example", "bank.example", True),
        ("Info@Bank.Example", "info@bank.example", True),
        ("x@bank.example.evil.example", "bank.example", False),
        ("x@mybank.example", "bank.example", False),
        ("bank.example@evil.example", "bank.example", False),
        ("x@müller.example", "xn--mller-kva.example", True),
        ("xinfo@bank.example", "info@bank.example", False),
        ("info@bank.example", "bank", True),
        ("", "bank.example", False),
    ],
)
def test_a_sender_is_of_the_domain_that_is_sought_or_of_none(address: str, sought: str, right: bool) -> None:
    assert is_from(address, sought) is right


def test_a_place_is_a_time_and_a_number() -> None:
    place = (datetime(2026, 11, 27, 14, 2, tzinfo=UTC), (1 << 48) + 5)
    assert place_of(place_text(*place)) == place
    assert [place_of(text) for text in ("", "1", "1-", "-1-1", "1-9223372036854775808", "99999999999-1x")] == [None] * 6
