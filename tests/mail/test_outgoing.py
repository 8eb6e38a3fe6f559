"""Messages as they are written: what other parsers read of them, and that no field of a writing ends another."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.mail.address import BadAddress
from app.mail.entity import encode
from app.mail.errors import BadArgument
from app.mail.flowed import flow, joined
from app.mail.header import clean
from app.mail.outgoing import (
    Address,
    File,
    Origin,
    Stored,
    Upload,
    Writing,
    envelope,
    hidden_field,
    new_message_id,
    pieces,
    size,
    wants_utf8,
)
from app.mail.part import Place

ALICE, BOB = Address("Alice", "alice@example.org"), Address("Bob", "bob@example.org")
NASTY = st.text(st.sampled_from("ab \r\n\0:<>\"@=?;,\t\x85\u2028ü😀") | st.characters(codec="utf-8"), max_size=60)


def a_writing(**changes):
    plain = Writing(
        ALICE, (BOB,), subject="Hello", text="Dear Bob", message_id="<1@example.org>",
        date=datetime(2026, 6, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))),
    )  # fmt: skip
    return replace(plain, **changes)


def written(writing, *, final=True, utf8=False):
    found = pieces(writing, final=final, utf8=utf8)
    whole = b"".join(b"".join(encode(each)) if isinstance(each, Upload) else each for each in found)
    assert len(whole) == size(found)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", whole)
    assert max(map(len, whole.split(b"\r\n"))) <= 998  # RFC 5322 §2.1.1
    return whole


def parsed(writing, **options):
    message = message_from_bytes(written(writing, **options), policy=policy.default)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def tree(message):
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        return [message.get_content_subtype(), *(tree(part) for part in message.get_payload())]
    return message.get_content_type()


def test_a_plain_message_is_as_plain_as_it_can_be():
    assert written(a_writing(cc=(ALICE,))) == (
        b"Date: Mon, 01 Jun 2026 12:00:00 +0200\r\nFrom: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>\r\n"
        b"Cc: Alice <alice@example.org>\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 7bit\r\n\r\nDear Bob\r\n"
    )


def test_what_only_drafts_hold_is_not_sent():
    writing = a_writing(
        bcc=(Address("Carl", "carl@example.org"), Address("", "dora@")),
        origin=Origin("reply", Place("INBOX", 7, 12)),
        state={"mode": "rich"},
    )
    sent = written(replace(writing, bcc=writing.bcc[:1]))
    assert b"carl" not in sent and b"X-Postern" not in sent
    draft = written(writing, final=False)
    assert b"\r\nBcc: Carl <carl@example.org>\r\n" in draft and b"dora%40" in draft
    assert b"\r\nX-Postern-Origin: reply%097%0912%09INBOX\r\n" in draft


def test_everybody_is_in_the_envelope_once_and_the_hidden_ones_in_the_senders_copy():
    hidden = (Address("", "BOB@example.org"), Address("Jö", "j@straße.example"))
    writing = a_writing(to=(BOB, ALICE), cc=(BOB,), bcc=hidden)
    assert envelope(writing) == ("bob@example.org", "alice@example.org", "j@xn--strae-oqa.example")
    field = b"Bcc: BOB@example.org, =?utf-8?b?SsO2?= <j@xn--strae-oqa.example>\r\n"
    assert (hidden_field(writing), hidden_field(a_writing())) == (field, b"")
    with pytest.raises(BadAddress):
        envelope(a_writing(bcc=(Address("", "dora@"),)))


def test_mail_to_hidden_recipients_alone_says_so():
    sent = parsed(a_writing(to=(), bcc=(BOB,)))
    assert sent["to"] == "undisclosed-recipients:;" and "bob" not in written(a_writing(to=(), bcc=(BOB,))).decode()
    assert parsed(a_writing(to=()), final=False)["to"] is None


def test_half_typed_recipients_are_kept_in_drafts_and_refused_in_mail():
    writing = a_writing(to=(BOB, Address("Ann", "ann@exam ple")))
    assert b"Ann%09ann%40exam%20ple" in written(writing, final=False)
    with pytest.raises(BadAddress):
        written(writing)
    with pytest.raises(BadAddress):
        written(a_writing(bcc=(Address("", "dora@"),)))


def test_threads_are_kept_by_what_is_an_identifier():
    writing = a_writing(in_reply_to="<a@x>", references=("<b@x>", "no\r\nBcc: x@y.org", "<a@x>"))
    assert b"In-Reply-To: <a@x>\r\nReferences: <b@x> <a@x>\r\n" in written(writing)
    assert b"In-Reply-To" not in written(a_writing(in_reply_to="<a@x>\r\nBcc: x@y.org"))
    with pytest.raises(BadArgument):
        written(a_writing(message_id="<a@x>\r\nBcc: x@y.org"))


def test_a_local_part_beyond_ascii_is_sent_only_where_that_is_offered():
    writing = a_writing(to=(Address("Jörg", "jörg@straße.example"),))
    assert wants_utf8(writing) and not wants_utf8(a_writing())
    with pytest.raises(BadAddress):
        written(writing)
    assert "<jörg@xn--strae-oqa.example>".encode() in written(writing, utf8=True)
    assert "<jörg@xn--strae-oqa.example>".encode() in written(writing, final=False)


PICTURE = File("p.png", "image/png", b"\x89PNG", "p1@example.org")
PAPER = File("a.pdf", "application/pdf", b"%PDF" * 1000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "text/plain"),
        ({"html": "<p>x"}, ["alternative", "text/plain", "text/html"]),
        ({"files": (PAPER,)}, ["mixed", "text/plain", "application/pdf"]),
        ({"files": (PICTURE,)}, ["mixed", "text/plain", "image/png"]),
        (
            {"html": "<p>x", "files": (PAPER, PICTURE)},
            ["mixed", ["alternative", "text/plain", ["related", "text/html", "image/png"]], "application/pdf"],
        ),
    ],
)
def test_the_tree_has_what_is_needed_and_no_more(changes, expected):
    assert tree(parsed(a_writing(**changes))) == expected


def test_files_come_back_whole_with_their_names():
    name = "Übersicht – “final” 😀.pdf"
    message = parsed(a_writing(files=(replace(PAPER, name=name), PICTURE), html="<img src='cid:p1@example.org'>"))
    files = {part.get_content_type(): part for part in message.walk()}
    assert files["application/pdf"].get_payload(decode=True) == b"%PDF" * 1000
    assert files["application/pdf"].get_filename() == "Übersicht – “final” 😀.pdf"
    assert files["application/pdf"].get_content_disposition() == "attachment"
    assert files["image/png"]["content-id"] == "<p1@example.org>"
    assert files["image/png"].get_content_disposition() == "inline"


def test_no_line_begins_as_mailboxes_of_one_file_begin_a_message():
    assert b"\r\n From here\r\n" in written(a_writing(text="Hi\nFrom here"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\r\nBcc: x@y.org", "a Bcc_ x@y.org"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("", None),
    ],
)
def test_names_of_files_are_harmless(name, shown):
    found = parsed(a_writing(files=(File(name, "image/png", b"x"),))).get_payload()[1].get_filename()
    assert found == shown


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("Image/PNG", "image/png"),
        ("text/html\r\nBcc: x@y.org", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
        ("message/rfc822", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("a/b/c", "application/octet-stream"),
    ],
)
def test_a_type_that_may_not_be_written_becomes_bytes(kind, shown):
    message = parsed(a_writing(files=(File("x", kind, b"x"),)))
    assert message.get_payload()[1].get_content_type() == shown and message["bcc"] is None


def test_an_attached_message_is_not_encoded_and_its_multiparts_say_8bit():
    file = File("m.eml", "message/rfc822", Stored("INBOX", 7, 3, "", 5000, "8bit"))
    head, stored, tail = pieces(a_writing(files=(file,)), final=True)
    assert b"Content-Type: message/rfc822" in head and head.count(b"Content-Transfer-Encoding: 8bit\r\n") == 2
    assert stored is file.content and tail.startswith(b"\r\n--=_") and size((head, stored, tail)) > 5000


@pytest.mark.parametrize("length", [0, 1, 2, 3, 56, 57, 58, 57 * 1024 - 1, 57 * 1024, 57 * 1024 + 1, 200_000])
def test_uploads_are_encoded_as_they_are_read(length, tmp_path):
    data = bytes(range(256)) * 800
    (tmp_path / "f").write_bytes(data[:length])
    for content in (data[:length], tmp_path / "f", Upload(Dripping(data), length)):
        message = parsed(a_writing(files=(File("f", "image/gif", content),)))
        assert message.get_payload()[1].get_payload(decode=True) == data[:length]


class Dripping(io.BytesIO):
    """Gives a few octets at a time, as a socket does."""

    def read(self, count=-1):
        return super().read(min(count, 1000))


def test_an_upload_is_read_from_its_beginning_each_time():
    twice = Upload(io.BytesIO(b"x" * 99), 99)
    assert list(encode(twice)) == list(encode(twice)) != []


def test_an_upload_that_ends_early_is_no_file():
    with pytest.raises(EOFError):
        list(encode(Upload(io.BytesIO(b"x" * 99), 100)))


def body(message):
    """The text of a flowed part, as a reader of RFC 3676 gets it."""
    part = message.get_body(("plain",))
    assert part["content-type"].params["format"] == "flowed"
    return joined(part.get_payload(decode=True).decode().replace("\r\n", "\n").removesuffix("\n").split("\n"))


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("", ""),
        ("a\n\n b\n  c\t\n", "a\n\n b\n  c\t\n"),
        ("From here\n>quoted\n> > twice\n>\n>> \n -- x", "From here\n> quoted\n>> twice\n>\n>>\n -- x"),
        ("word " * 100 + "end", "word " * 100 + "end"),
        ("> " + "word " * 100 + "end", "> " + "word " * 100 + "end"),
        ("bye\n-- \nAlice\n> -- \n> x", "bye\n-- \nAlice\n> -- \n> x"),
        ("trailing   \nspaces ", "trailing\nspaces"),
        ("x" * 3000, "x" * 3000),
        ("x" * 3000 + " Grüße " + "日本語" * 500, "x" * 3000 + " Grüße " + "日本語" * 500),
        ("a\r\nb\rc\x0bd\0e", "a\nb\ncde"),
        ("w" * 71 + " -- " + "x" * 71, "w" * 71 + " -- " + "x" * 71),
        ("-- " + "x" * 90, "-- " + "x" * 90),
    ],
)
def test_text_comes_back_as_it_was_typed(text, again):
    assert body(parsed(a_writing(text=text))) == again


TYPED = st.text(st.sampled_from("ab >-\nF") | st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=400)


def bare(text):
    return [re.sub("[> ]", "", line) for line in text.split("\n")]


@given(TYPED)
def test_any_text_comes_back_and_then_stays_the_same(text):
    lines = list(flow(text))
    once = joined(lines)
    assert bare(once) == bare(text)
    assert joined(list(flow(once))) == once
    assert all(len(line) <= 80 or len(max(line.split(" "), key=len)) > 60 for line in lines)
    assert not [line for line in lines if line.startswith("From ")]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.builds(Address, NASTY, st.just("a@example.org")), NASTY, NASTY, NASTY, NASTY, st.lists(NASTY, max_size=2))
def test_no_value_ends_its_field(mailbox, subject, name, kind, cid, ids):
    file = File(name, kind, b"data", content_id=cid, charset=name)
    writing = a_writing(
        sender=mailbox, to=(mailbox,), bcc=(mailbox,), subject=subject, text=subject, html=name,
        files=(file,), references=tuple(ids), in_reply_to=cid, state={"text": subject},
    )  # fmt: skip
    final = parsed(writing)
    assert set(final.keys()) <= {
        "Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert clean(final["subject"]) == clean(subject)
    assert final["from"].addresses[0].addr_spec == "a@example.org" and len(final["to"].addresses) == 1
    writing = replace(writing, cc=(Address(name, subject),), bcc=(mailbox, Address(name, subject)))
    names = {key for part in parsed(writing, final=False).walk() for key in part}
    assert {key for key in names if not key.startswith(("X-Postern-", "Content-"))} <= set(final.keys()) | {"Bcc", "Cc"}


def test_the_date_is_in_the_writers_zone():
    assert parsedate_to_datetime(parsed(a_writing())["date"]).utcoffset() == timedelta(hours=2)
    assert "+0000" in str(parsed(a_writing(date=datetime(2026, 1, 1, tzinfo=UTC)))["date"])


def test_message_ids_are_new_each_time_and_under_the_domain():
    one, two = new_message_id("Straße.example"), new_message_id("straße.example")
    assert one != two and re.fullmatch(r"<[0-9a-f]{32}@xn--strae-oqa\.example>", one)
    with pytest.raises(BadAddress):
        new_message_id("x>\r\nBcc: y")
