"""The demo's mail: the same at each start, varied, spread over two years."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import cache

from app.demo.messages import FOLDERS, Mailbag, Sample
from app.demo.pictures import chart, landscape, pdf
from app.demo.words import Person

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE = Person("Alice Moreau", "alice@example.org")


@cache
def samples() -> list[Sample]:
    return Mailbag(ALICE, now=NOW).samples()


def test_the_same_seed_gives_the_same_mail():
    small = [sample.message for sample in Mailbag(ALICE, now=NOW, size=0.1).samples()]
    again = [sample.message for sample in Mailbag(ALICE, now=NOW, size=0.1).samples()]
    other = [sample.message for sample in Mailbag(ALICE, now=NOW, size=0.1, seed=2).samples()]
    assert [undivided(raw) for raw in small] == [undivided(raw) for raw in again]
    assert small != other


def undivided(raw: bytes) -> bytes:
    """Boundaries between parts are chosen at random by the email package."""
    return b"\n".join(line for line in raw.splitlines() if b"=====" not in line)


def test_there_are_some_hundred_messages_and_a_few_are_unread():
    assert 300 <= len(samples()) <= 450
    unread = [sample for sample in samples() if "\\Seen" not in sample.flags]
    assert 10 <= len(unread) <= 90
    assert {"\\Flagged", "\\Answered", "\\Draft"} <= {flag for sample in samples() for flag in sample.flags}
    assert {*FOLDERS, "Junk", "Sent", "Drafts", "Trash", "Archive"} - {"Projects/Open day"} <= {
        sample.mailbox for sample in samples()
    }


def test_dates_spread_over_two_years_and_none_is_to_come():
    dates = [sample.arrived for sample in samples()]
    assert max(dates) < NOW
    assert NOW - timedelta(days=731) < min(dates) < NOW - timedelta(days=500)


def test_all_kinds_of_mail_are_there():
    kinds = Counter(
        part.get_content_type() for sample in samples() for part in message_from_bytes(sample.message).walk()
    )
    wanted = {"text/html", "multipart/related", "image/png", "application/pdf", "application/zip", "text/calendar"}
    assert wanted | {"message/rfc822", "multipart/report", "text/csv"} <= kinds.keys()
    charsets = {
        part.get_content_charset() for sample in samples() for part in message_from_bytes(sample.message).walk()
    }
    assert {"iso-2022-jp", "koi8-r", "euc-kr", "utf-8"} <= charsets


def test_references_of_a_thread_lead_to_its_messages():
    parsed = [message_from_bytes(sample.message) for sample in samples()]
    known = {message["Message-ID"] for message in parsed}
    answers = [message["In-Reply-To"] for message in parsed if message["In-Reply-To"]]
    assert len(answers) > 20 and set(answers) <= known


def test_pictures_are_whole_png_files():
    for picture in (landscape(1, width=40, height=30), chart([10, 90])):
        assert picture.startswith(b"\x89PNG\r\n\x1a\n") and picture.endswith(b"IEND\xaeB`\x82")
        width, height = struct.unpack(">II", picture[16:24])
        length = struct.unpack(">I", picture[33:37])[0]
        assert len(zlib.decompress(picture[41 : 41 + length])) == height * (1 + 3 * width)


def test_the_pdf_finds_its_objects():
    document = pdf("Title (draft)", ["a", "b"])
    table = int(document.rsplit(b"startxref\n", 1)[1].split()[0])
    assert document[table:].startswith(b"xref")
    offsets = [int(line.split()[0]) for line in document[table:].splitlines()[3:8]]
    assert [document[offset:].split()[0] for offset in offsets] == [b"1", b"2", b"3", b"4", b"5"]
