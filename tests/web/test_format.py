"""Dates, sizes and names as the pages write them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from app.mail.mailbox import Mailbox
from app.web import format as f

NOW = datetime(2025, 11, 22, 14, 30, tzinfo=UTC)
VIENNA = ZoneInfo("Europe/Vienna")


@dataclass(frozen=True)
class Someone:
    name: str
    address: str


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2025, 11, 22, 13, 21, tzinfo=UTC), "14:21"),
        (datetime(2025, 11, 22, 0, 5, tzinfo=UTC), "01:05"),
        (datetime(2025, 11, 18, 9, 0, tzinfo=UTC), "Tue 18 Nov"),
        (datetime(2025, 6, 1, 9, 0, tzinfo=UTC), "Sun 1 Jun"),
        (datetime(2024, 3, 2, 9, 0, tzinfo=UTC), "2024-03-02"),
        (None, ""),
    ],
)
def test_a_list_date_is_a_time_today_a_day_this_half_year_and_else_a_full_date(moment, shown):
    assert f.when(moment, VIENNA, now=NOW) == shown


def test_midnight_is_where_the_reader_is_and_not_where_the_server_is():
    late = datetime(2025, 11, 21, 23, 30, tzinfo=UTC)
    assert f.when(late, VIENNA, now=NOW) == "00:30"
    assert f.when(late, None, now=NOW) == "Fri 21 Nov"


def test_mail_from_the_far_future_shows_its_year():
    assert f.when(datetime(2031, 1, 1, tzinfo=UTC), VIENNA, now=NOW) == "2031-01-01"


def test_a_full_date_names_the_day_and_the_offset():
    moment = datetime(2025, 11, 18, 13, 21, tzinfo=UTC)
    assert f.full_date(moment, "Europe/Vienna") == "Tuesday 18 November 2025, 14:21 (UTC+01:00)"
    assert f.full_date(moment) == "Tuesday 18 November 2025, 13:21 (UTC)"
    assert f.full_date(None) == "no date"


def test_an_unknown_zone_or_a_date_at_the_edge_of_time_is_shown_and_not_an_error():
    assert f.when(NOW, "Mars/Olympus", now=NOW) == "14:30"
    assert f.when(NOW, "../../etc/passwd", now=NOW) == "14:30"
    assert f.when(datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), "Asia/Tokyo", now=NOW) == "9999-12-31"
    assert f.when(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=12))), "UTC", now=NOW) == "0001-01-01"


def test_a_naive_date_counts_as_utc():
    assert f.iso(datetime(2025, 1, 2, 3, 4, 5, 678)) == "2025-01-02T03:04:05+00:00"  # noqa: DTZ001
    assert f.iso(None) == ""


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (12_345, "12 KB"),
        (999_499, "999 KB"),
        (999_500, "1.0 MB"),
        (1_440_000, "1.4 MB"),
        (25_000_000, "25 MB"),
        (9_950_000, "10 MB"),
        (3_200_000_000, "3.2 GB"),
        (None, ""),
        (-1, ""),
    ],
)
def test_sizes_have_at_most_three_digits(octets, shown):
    assert f.size(octets) == shown


def test_a_long_name_keeps_its_start_and_its_extension():
    cut = f.middle("a-very-long-name-of-an-invoice-for-the-month-of-november.pdf", 24)
    assert cut == "a-very-long-na…ember.pdf"
    assert len(cut) == 24
    assert f.middle("short.pdf", 24) == "short.pdf"
    assert f.middle(None) == ""


@pytest.mark.parametrize("length", range(12))
def test_a_cut_name_is_never_longer_than_asked(length):
    assert len(f.middle("0123456789abcdef", length)) <= length


def test_a_name_cannot_turn_the_text_after_it_around_or_break_the_line():
    assert f.plain("invoice\u202efdp.exe") == "invoicefdp.exe"
    assert f.plain("two\r\nlines\tand\x00more") == "two lines and more"


def test_somebody_is_called_by_name_then_address_then_a_placeholder():
    assert f.person(Someone("Bob", "bob@example.net")) == "Bob"
    assert f.person(Someone(" \u202e", "bob@example.net")) == "bob@example.net"
    assert f.person(Someone("", "")) == "(no sender)"
    assert f.person(None) == "(no sender)"


def test_many_recipients_are_named_up_to_three():
    crowd = [Someone(name, "") for name in ("Alice", "Bob", "Carol", "Dan", "Eve")]
    assert f.people(crowd) == "Alice, Bob, Carol and 2 more"
    assert f.people(crowd[:2]) == "Alice, Bob"
    assert f.people([]) == ""


OPEN, SHUT = '<blockquote class="quote">', "</blockquote>"


def test_a_long_quote_at_the_end_is_folded_and_the_text_stays_the_same():
    quote = OPEN + "a\nb\n" + OPEN + "c\nd\ne\nf" + SHUT + SHUT
    html = Markup(f'Yes.\nThey wrote:{quote}<div class="signature">-- \nBob</div>')
    shown = f.folded(html)
    fold = "<details><summary>Quoted text, 7 lines</summary>"
    assert f"{fold}{quote}</details><div" in shown
    assert isinstance(shown, Markup)
    assert shown.replace(fold, "").replace("</details>", "") == html


def test_short_quotes_and_quotes_with_an_answer_below_stay_open():
    long = OPEN + "\n".join("abcdefgh") + SHUT
    assert "details" not in f.folded(Markup(f"{OPEN}a\nb{SHUT}No."))
    assert f.folded(Markup(f"{long}No.{long}\n")).index("<details>") > len(long)
    assert "details" not in f.folded(Markup(f"{long}No."))
    assert f.folded(Markup("no quote")) == "no quote"


def test_what_looks_like_a_quote_in_the_text_itself_is_escaped_and_not_counted():
    text = Markup("&lt;blockquote class=&#34;quote&#34;&gt;") + Markup("\n") * 9
    assert f.folded(text) == text


def test_counts_are_grouped():
    assert f.number(99999) == "99,999"
    assert f.number(0) == "0"
    assert f.number(None) == ""


def test_a_media_type_becomes_a_word_and_an_icon():
    assert (f.kind("application/pdf"), f.kind_icon("IMAGE/PNG")) == ("PDF", "image")
    assert (f.kind("application/x-strange"), f.kind_icon(None)) == ("File", "file")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ann@one.example", "ann@one.example"),
        ("ann@xn--bcher-kva.example", "ann@bücher.example"),
        ("ann@xn--.example", "ann@xn--.example"),
        ("box", "box"),
    ],
)
def test_one_s_own_address_is_in_its_own_letters(address: str, shown: str) -> None:
    assert f.own_address(address) == shown


@pytest.mark.parametrize(
    ("name", "delimiter", "path"),
    [
        ("Projects/Garden", "/", "Projects/Garden"),
        ("INBOX.Lists.Garden", ".", "Lists.Garden"),
        ("INBOX.Archive", ".", "Archive"),
        ("A/B", None, "A/B"),
        ("A\u202e/B", "/", "A/B"),
    ],
)
def test_a_folder_that_is_chosen_by_its_words_is_named_by_those_it_lies_in(name: str, delimiter: str | None, path: str):
    label = name.rsplit(delimiter, 1)[-1] if delimiter else name
    folder = Mailbox(name, label, delimiter, 1, selectable=True, use=None, unseen=None, messages=None)
    assert f.folder_path(folder) == path
