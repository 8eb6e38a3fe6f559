"""The words of Exim's lines by themselves."""

from __future__ import annotations

import pytest

from app.blocklog.codes import Policy
from app.blocklog.formats.eximwords import Tag, addresses, fields, ip, status, tag


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("a@b", ("a@b",)),
        ("a@b,c@d", ("a@b", "c@d")),
        ("a@b, c@d", ("a@b", "c@d")),
        ('"a b"@c d@[1.2.3.4]', ('"a b"@c', "d@[1.2.3.4]")),
        ("grüße@isp.example", ("grüße@isp.example",)),
        ("a@b nobody", ()),
        ('a"@b', ()),
        ("", ()),
    ],
)
def test_a_list_of_addresses_holds_nothing_else(text: str, listed: tuple[str, ...]):
    assert addresses(text) == listed


@pytest.mark.parametrize(
    ("text", "expected", "rest"),
    [
        ("[blk p=rbl d=zen.example c=554] listed", Tag(Policy.rbl, None, "zen.example", 554), "listed"),
        ("[blk p=spam s=-1.5 n=1 r=a@b]", Tag(Policy.spam, -1.5, None, None, ("a@b",)), ""),
        ("[blk p=spam n=2 r=a@b] x", Tag(Policy.spam), "x"),
        ("[blk p=nonsense] x", Tag(), "x"),
        ("[blk p=spam p=virus] x", Tag(Policy.spam), "x"),
        ("x [blk p=spam]", Tag(), "x [blk p=spam]"),
        ("[blk p=spam", Tag(), "[blk p=spam"),
        ("[blkp=spam] x", Tag(), "[blkp=spam] x"),
    ],
)
def test_a_tag_is_read_at_the_beginning_only(text: str, expected: Tag, rest: str):
    assert tag(text) == (expected, rest)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("552 5.2.2 full", (552, "5.2.2")),
        ("552 full", (552, None)),
        ("5.7.1 no", (None, "5.7.1")),
        ("250 ok", (None, None)),
        ("no 550", (None, None)),
    ],
)
def test_codes_stand_at_the_beginning(text: str, codes: tuple[int | None, str | None]):
    assert status(text) == codes


def test_fields_of_a_line_are_read_once_and_out_of_their_quotes():
    assert fields(' R=a T="b \\" R=c" R=d') == {"R": "a", "T": 'b " R=c'}


def test_an_address_has_one_text():
    assert (ip("2001:DB8:0::1"), ip("1.2.3"), ip(None)) == ("2001:db8::1", "", "")


def test_a_rule_is_named_by_its_number() -> None:
    assert tag("[blk p=rule id=42] local rule") == (Tag(Policy.rule, rule=42), "local rule")
    assert tag("[blk p=rule id=4294967296] x")[0] == tag("[blk p=rule id=-1] x")[0] == Tag(Policy.rule)
