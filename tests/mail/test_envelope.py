"""Summaries of messages: from what a FETCH told, through the cache, and never broken by what a message holds."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.envelope import Address, Summary, arrived, from_bytes, has_attachments, items, summary, to_bytes
from app.mail.syntax import parse

FULL = Summary(
    subject="Grüße — “quoted”",
    sender=Address("Bob, B.", "bob@example.org"),
    recipients=(Address("", "alice@example.org"), Address("Team", "team@example.org")),
    date=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
    arrived=datetime(2026, 3, 1, 9, 31, 2, tzinfo=UTC),
    attachments=True,
    preview="Dear all",
)


def structure(text: bytes):
    return parse([text])[0]


def test_a_summary_comes_back_from_the_cache_as_it_was():
    assert from_bytes(to_bytes(FULL, 1234, recipients=True), 1234, recipients=True) == FULL


def test_a_message_of_another_size_is_not_taken_from_the_cache():
    assert from_bytes(to_bytes(FULL, 1234, recipients=True), 1235, recipients=True) is None


@pytest.mark.parametrize("stored", [b"", b"{}", b"[]", b"[1]", b"[2,1234]", b"\xff", b"[1,1234,1,2,3,4,5,6,7]", b"[["])
def test_nonsense_in_the_cache_is_no_summary(stored):
    assert from_bytes(stored, 1234, recipients=False) is None


def test_a_summary_is_read_from_a_fetch():
    fetched = {
        b"BODY[HEADER.FIELDS (FROM SUBJECT DATE)]<0>": b"From: Bob <bob@example.org>\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Sun, 1 Mar 2026 10:30:00 +0100\r\n\r\n",
        b"BODY[HEADER.FIELDS (TO)]<0>": b"To: a@example.org, B <b@example.org>\r\n\r\n",
        b"INTERNALDATE": b" 1-Mar-2026 09:31:02 +0000",
        b"BODYSTRUCTURE": structure(b'("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)'),
        b"PREVIEW": "Dear\r\n all ‮".encode(),
    }
    read = summary(fetched)
    assert (read.subject, read.sender) == ("Grüße", Address("Bob", "bob@example.org"))
    assert [each.address for each in read.recipients] == ["a@example.org", "b@example.org"]
    assert (read.date, read.arrived) == (FULL.date, FULL.arrived)
    assert (read.attachments, read.preview) == (False, "Dear all")


def test_a_fetch_that_told_nothing_gives_an_empty_summary():
    assert summary({}) == Summary("", None, (), None, datetime(1970, 1, 1, tzinfo=UTC), False, None)


def test_the_first_of_two_subjects_is_shown():
    assert summary({b"BODY[HEADER.FIELDS (X)]": b"Subject: one\r\nSubject: two\r\n\r\n"}).subject == "one"


def test_only_what_is_asked_for_has_a_bound():
    assert b"PREVIEW" not in items(preview=False, recipients=False)
    assert items(preview=True, recipients=True).count(b"]<0.") == 2
    assert b"(TO)" not in items(preview=True, recipients=False)


def test_a_summary_without_recipients_serves_only_where_none_are_shown():
    kept = to_bytes(FULL, 9, recipients=False)
    assert from_bytes(kept, 9, recipients=True) is None
    assert from_bytes(kept, 9, recipients=False) == replace(FULL, recipients=())


@pytest.mark.parametrize("raw", [b"", b"1-Foo-2026 00:00:00 +0000", b"99-Jan-2026 00:00:00 +0000", b"x" * 99])
def test_a_date_of_arrival_that_is_none_is_the_epoch(raw):
    assert arrived(raw) == datetime(1970, 1, 1, tzinfo=UTC)


TEXT = b'("text" "plain" NIL NIL NIL "7bit" 5 1 NIL NIL NIL NIL)'
HTML = b'("text" "html" NIL NIL NIL "7bit" 5 1 NIL NIL NIL NIL)'
PDF = b'("application" "pdf" ("name" "a.pdf") NIL NIL "base64" 12 NIL ("attachment" ("filename" "a.pdf")) NIL NIL)'
INLINE_IMAGE = b'("image" "png" ("name" "x.png") "<1@x>" NIL "base64" 12 NIL ("inline" ("filename" "x.png")) NIL NIL)'
BARE_IMAGE = b'("image" "png" NIL NIL NIL "base64" 12 NIL NIL NIL NIL)'
SIGNATURE = b'("application" "pgp-signature" ("name" "s.asc") NIL NIL "7bit" 12 NIL ("attachment" NIL) NIL NIL)'
NOBODY = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "
LETTER = b'("message" "rfc822" NIL NIL NIL "7bit" 99 ' + NOBODY + TEXT + b" 3 NIL NIL NIL NIL)"
RELATED = b"(" + HTML + INLINE_IMAGE + b' "related" ("boundary" "y") NIL NIL NIL)'


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (TEXT, False),
        (b"(" + TEXT + HTML + b' "alternative" ("boundary" "x") NIL NIL NIL)', False),
        (b"(" + TEXT + PDF + b' "mixed" ("boundary" "x") NIL NIL NIL)', True),
        (b"(" + RELATED + TEXT + b' "mixed" NIL NIL NIL NIL)', False),
        (b"(" + HTML + BARE_IMAGE + b' "related" ("boundary" "y") NIL NIL NIL)', True),
        (b"(" + TEXT + SIGNATURE + b' "signed" ("boundary" "x") NIL NIL NIL)', False),
        (b"(" + TEXT + LETTER + b' "mixed" ("boundary" "x") NIL NIL NIL)', True),
        (b"(" + TEXT + b"(" + HTML + PDF + b' "mixed" NIL NIL NIL NIL) "alternative" NIL NIL NIL NIL)', True),
        (PDF, True),
        (b"NIL", False),
        (b"()", False),
        (b"((()))", False),
    ],
)
def test_attachments_are_what_one_would_call_so(text, has):
    assert has_attachments(structure(text)) is has


@given(st.recursive(st.none() | st.binary(max_size=12), lambda inner: st.lists(inner, max_size=6), max_leaves=60))
def test_no_structure_makes_it_raise(value):
    assert has_attachments(value) in (True, False)


@pytest.mark.slow
def test_a_structure_of_100000_parts_is_looked_at_up_to_a_bound():
    assert has_attachments([[b"text", b"plain", None, None, None, b"7bit", b"1"]] * 100_000) is False


@given(st.binary(max_size=300), st.binary(max_size=60), st.binary(max_size=60))
def test_no_bytes_of_a_message_make_its_summary_raise(header, date, preview):
    read = summary({b"BODY[HEADER.FIELDS (X)]": header, b"INTERNALDATE": date, b"PREVIEW": preview})
    assert from_bytes(to_bytes(read, 5, recipients=True), 5, recipients=True) == read
