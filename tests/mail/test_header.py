"""Header decoding: encoded words, address lists and dates as they come, and hostile ones that must never raise."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.header import Address, addresses, date, decode, decode_charset, fields
from tests.examples import examples


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain subject", "plain subject"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe_an_alle?=", "Grüße an alle"),
        (b"=?UTF-8?B?5pel5pys6Kqe?= =?UTF-8?B?44Gu5Lu25ZCN?=", "日本語の件名"),
        (b"=?utf-8?b?5pc=?= =?utf-8?q?=A5=E6=9C=AC?=", "日本"),  # a character split between two words
        (b"Re: =?iso-8859-1?Q?caf=E9?= tomorrow", "Re: café tomorrow"),
        (b"=?utf-8?q?one?=\r\n =?utf-8?q?two?=", "onetwo"),
        (b"=?utf-8?q?one?= and =?utf-8?q?two?=", "one and two"),
        (b"=?utf-8*en?q?language?=", "language"),
        (b"=?x-nonsense?q?caf=C3=A9?=", "café"),
        (b"=?unicode_escape?q?=5Cu0041?=", "\\u0041"),
        (b"=?idna?q?abc?=", "abc"),
        (b"=?utf-8?q?spaces in a word?=", "spaces in a word"),
        (b"=?utf-8?b?####?=", ""),
        (b"=?utf-8?b?YWJj", "=?utf-8?b?YWJj"),  # never closed: shown as it came
        ("raw UTF-8 wie früher".encode(), "raw UTF-8 wie früher"),
        ("Windows “quotes”".encode("cp1252"), "Windows “quotes”"),
        (b"=?gb2312?B?1tDOxA==?=", "中文"),
        (b"=?koi8-r?B?8NLJ18XU?=", "Привет"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"Re: \x1b$BF|K\\\x1b(B", "Re: 日本"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBs=?=", "日本"),
        (b"=?us-ascii?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"folded\r\n\tsubject", "folded subject"),
        (b"=?utf-8?q?n=0D=0ABcc:_x?=", "n Bcc: x"),
        ("\u202egpj.exe\u202c".encode(), "gpj.exe"),
        (b"", ""),
    ],
)
def test_a_field_is_decoded(raw, text):
    assert decode(raw) == text


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"Bob <bob@example.org>", [("Bob", "bob@example.org")]),
        (b'"Doe, Jane" <jane@a.example>, bob@b.example', [("Doe, Jane", "jane@a.example"), ("", "bob@b.example")]),
        (b"=?utf-8?q?J=C3=BCrgen?= <j@example.org>", [("Jürgen", "j@example.org")]),
        (b"=?utf-8?Q?Doe,_Jane?= <jane@example.org>", [("Doe, Jane", "jane@example.org")]),
        (b"bob@example.org (Bob (the builder))", [("Bob the builder", "bob@example.org")]),
        (b"Team: a@example.org, B <b@example.org>;", [("", "a@example.org"), ("B", "b@example.org")]),
        (b"undisclosed-recipients:;", []),
        (b"<@relay.example,@b.example:c@d.example>", [("", "c@d.example")]),
        (b'"quoted name"@example.org', [("", "quoted name@example.org".replace(" ", ""))]),
        (b"No Address", [("No Address", "")]),
        (b"Bob <>", [("Bob", "")]),
        (b'"Say \\"hi\\"" <a@b.example>', [('Say "hi"', "a@b.example")]),
        (b"Bob <bob@example.org", [("Bob", "bob@example.org")]),
        (b'"security@bank.example" <x@evil.example>', [("security@bank.example", "x@evil.example")]),
        (b"", []),
    ],
)
def test_an_address_list_is_read(raw, found):
    assert list(addresses(raw)) == [Address(*each) for each in found]


def test_a_list_of_addresses_is_bounded():
    assert len(addresses(b"a@b.example," * 5000, limit=20)) == 20


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        (b"Mon, 17 Nov 2025 09:30:00 +0530", datetime(2025, 11, 17, 4, 0, tzinfo=UTC)),
        (b"17 Nov 2025 09:30 GMT", datetime(2025, 11, 17, 9, 30, tzinfo=UTC)),
        (b"Mon, 17 Nov 2025 09:30:00 -0000", datetime(2025, 11, 17, 9, 30, tzinfo=UTC)),
        (b"Mon, 17 Nov 2025 09:30:00 +9999999", None),
        (b"Mon, 99 Nov 2025 09:30:00 +0000", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_a_date_is_read_or_is_none(raw, moment):
    assert date(raw) == moment


def test_fields_are_split_and_lines_that_are_none_are_left_out():
    block = b"From: a\r\n b\r\ngarbage\r\nSUBJECT : c\r\n\tEmpty:\r\n\r\n"
    assert fields(block) == [("from", b"a\n b"), ("subject", b"c\n\tEmpty:")]


def test_an_encoding_that_lies_is_shown_as_far_as_it_goes():
    assert decode_charset(b"caf\xe9", "utf-8") == "café"
    assert "\ufffd" in decode_charset(b"\x1b$B\xff\xff", "iso-2022-jp")


@given(st.binary(max_size=400))
@examples(5)
def test_no_bytes_make_a_field_raise_or_break_a_line(raw):
    assert not set(decode(raw)) & set("\r\n\0\u2028\u202e")
    for each in addresses(raw):
        assert not set(each.name + each.address) & set("\r\n\0\u202e")
        (each.name + each.address).encode()
    date(raw)
    fields(raw)


@given(st.text(alphabet='=?utf-8qQbB_, <>()";:\\@\r\n\t', max_size=300))
@examples(5)
def test_no_mixture_of_marks_makes_a_field_raise(text):
    decode(text.encode())
    addresses(text.encode())


@pytest.mark.slow
def test_hostile_fields_cost_one_pass():
    started = time.process_time()
    for unit in (b"=?a?q?", b'"', b"(", b"<", b"=?", b'\\"', b"=?a?b?x?= ", b",", b"a: ", b"\n "):
        decode(unit * (256_000 // len(unit)))
        addresses(unit * (256_000 // len(unit)))
        fields(b"x:" + unit * (256_000 // len(unit)))
    assert time.process_time() - started < 15


def test_an_address_of_a_hundred_thousand_pieces_is_read_in_no_more_than_a_pass():
    started = time.process_time()
    for raw in (b"=a" * 128_000, b"(" + b"=a" * 128_000, b"<" + b"a," * 128_000):
        addresses(raw)
    assert time.process_time() - started < 1  # 0.3 s; each piece was copied for every later one: 2.5 s
