# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import pytest

from app.mail.archive import File, unique, zipped
from app.mail.errors import BadArgument, ConnectionLost
from app.mail.filename import content_disposition, harmless
from app.mail.part import Wanted, bodies, check_section, item
from app.mail.picture import checked_data_uri, picture_type


@pytest.mark.parametrize("section", ["", "1", "1.2.3", "2.HEADER", "TEXT", "HEADER"])
def test_sections_are_taken(section: str):
    assert check_section(section) == section


@pytest.mark.parametrize(
    "section", ["0", "1.", ".1", "1..2", "1]", "1\r\n", "x", "1.MIME", "1 ", "1.HEADER.2", "99999"]
)
def test_nothing_else_is_a_section(section: str):
    with pytest.raises(BadArgument):
        check_section(section)


def test_items_are_bounded_and_read_back_by_their_section():
    assert (
        item(Wanted("1.2", 10)) == b"BODY.PEEK[1.2]<0.10>"
        and item(Wanted("", 5), peek=False, offset=7) == b"BODY[]<7.5>"
    )
    assert bodies({b"BODY[1.2]<0>": b"x", b"BODY[]": None, b"UID": b"1", b"BODY[TEXT]": b"y"}) == {
        "1.2": b"x",
        "TEXT": b"y",
    }


def test_a_content_that_breaks_leaves_no_whole_archive():
    def broken():
        yield b"half"
        raise ConnectionLost("gone")

    written = b""
    with pytest.raises(ConnectionLost):
        for piece in zipped([File("a", [b"x"]), File("b", broken())], moment=datetime(2026, 1, 1, tzinfo=UTC)):
            written += piece
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(written))


def test_names_in_an_archive_are_unique_where_case_is_ignored():
    used: set[str] = set()
    assert [unique(name, used) for name in ("a.txt", "A.TXT", "a.txt", "../a", "")] == [
        "a.txt",
        "A (2).TXT",
        "a (3).txt",
        "_a",
        "file",
    ]


@pytest.mark.parametrize(("name", "shown"), [
    ("../../etc/passwd", "_.._etc_passwd"), ("a\r\nb", "a b"), ("photo\u202egpj.exe", "photogpj.exe"), ("CON.txt", "_CON.txt"), ("...", ""),
    ("x" * 300 + ".pdf", "x" * 176 + ".pdf"),
])  # fmt: skip
def test_a_name_is_a_label(name: str, shown: str):
    assert harmless(name) == shown


def test_a_name_that_is_not_ascii_is_given_twice():
    assert (
        content_disposition("attachment", 'ü".txt') == "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%BC_.txt"
    )


@pytest.mark.parametrize(("head", "kind"), [
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"), (b"RIFF....WEBPVP8", "image/webp"),
    (b"<svg", None), (b"GIF8", None), (b"RIFF....AVI ", None), (b"", None), (b"BM", None),
])  # fmt: skip
def test_pictures_are_known_by_their_bytes(head: bytes, kind: str | None):
    assert picture_type(head) == kind


def test_a_data_address_gets_its_true_type():
    assert checked_data_uri("data:image/png;base64,R0lGODlh") == "data:image/gif;base64,R0lGODlh"
    assert checked_data_uri("data:image/png,R0lGODlh") is None and checked_data_uri("data:image/png;base64,R0l") is None
