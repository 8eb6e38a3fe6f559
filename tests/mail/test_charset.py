# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

import pytest

from app.mail.charset import decode_text


@pytest.mark.parametrize(("data", "charset", "text"), [
    ("grün".encode(), "utf-8", "grün"), ("grün".encode("latin-1"), "iso-8859-1", "grün"), (b"\x93x\x94", "us-ascii", "“x”"),
    ("grün".encode(), None, "grün"), ("grün".encode("latin-1"), "x-nobody", "grün"), ("日本".encode("iso-2022-jp"), "ISO-2022-JP", "日本"),
    ("\ufeffgrün".encode(), "latin-1", "grün"), ("\ufeffx".encode("utf-16"), None, "x"), (b"+ADw-x+AD4-", "utf-7", "+ADw-x+AD4-"),
])  # fmt: skip
def test_text_is_read_whatever_was_declared(data: bytes, charset: str | None, text: str):
    assert decode_text(data, charset).lstrip("\ufeff") == text


LONG = "您好，世界。Grüße"


@pytest.mark.parametrize(("data", "charset", "text"), [
    (LONG.encode()[:17], "utf-8", "您好，世界\ufffd"), (LONG.encode()[:17], None, "您好，世界\ufffd"), (b"\xff" + LONG.encode(), "utf-8", "\ufffd" + LONG),
    ("caf\xe9".encode("latin-1"), "utf-8", "café"), ("日本語".encode("iso-2022-jp")[:-4], "iso-2022-jp", "日本"),
    ("日".encode("iso-2022-jp")[:-3] + b"-!K\\\x1b(B x", "iso-2022-jp", "日①本 x"), (b"\x1b$B|b66\x1b(B \x1b$B-j\x1b(B", "iso-2022-jp", "髙橋 ㈱"), (b"~{VP~x~}", "hz-gb-2312", "中\ufffd\ufffd"),
])  # fmt: skip
def test_a_wrong_octet_or_a_cut_spoils_one_letter_and_not_the_text(data: bytes, charset: str | None, text: str):
    assert decode_text(data, charset) == text


def test_japanese_names_itself_by_its_escapes():
    assert decode_text("日本".encode("iso-2022-jp"), None) == "日本"


def test_html_may_name_its_charset_inside():
    data = '<meta charset="koi8-r">привет'.encode("koi8-r")
    assert "привет" in decode_text(data, None, html=True)
    assert "привет" not in decode_text(data, "latin-1", html=True)
    assert decode_text(b"<meta charset=utf-16>x", None, html=True).endswith("x")
