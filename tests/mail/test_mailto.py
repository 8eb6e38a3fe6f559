"""mailto: addresses: the examples of RFC 6068, and what a hostile page would put into one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.mailto import Mailto, read


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("mailto:chris@example.com", Mailto("chris@example.com")),
        ("mailto:i@a.example?subject=current-issue", Mailto("i@a.example", subject="current-issue")),
        ("mailto:i@a.example?body=send%20current-issue", Mailto("i@a.example", body="send current-issue")),
        ("mailto:i@a.example?body=send%20a%0D%0Asend%20b", Mailto("i@a.example", body="send a\nsend b")),
        ("mailto:joe@a.example?cc=bob@a.example&body=hello", Mailto("joe@a.example", "bob@a.example", body="hello")),
        ("mailto:?to=joe@a.example&cc=bob@a.example", Mailto("joe@a.example", "bob@a.example")),
        ("mailto:addr1@an.example,addr2@an.example", Mailto("addr1@an.example,addr2@an.example")),
        ("mailto:addr1@an.example?to=addr2@an.example", Mailto("addr1@an.example, addr2@an.example")),
        ("mailto:gorby%25kremvax@example.com", Mailto("gorby%kremvax@example.com")),
        ("mailto:unlikely%3Faddress@example.com?blat=foop", Mailto("unlikely?address@example.com")),
        ("mailto:j@a.example?cc=b@a.example&amp;body=hi", Mailto("j@a.example", "b@a.example", body="hi")),
        ("mailto:%22not%40me%22@example.org", Mailto('"not@me"@example.org')),
        ("mailto:user@example.org?subject=caf%C3%A9", Mailto("user@example.org", subject="café")),
        ("MAILTO:u+1@example.org?Subject=1+1", Mailto("u+1@example.org", subject="1+1")),
        ("mailto:l@example.com?In-Reply-To=%3C3469A91.D10AF4C@example.com%3E",
         Mailto("l@example.com", in_reply_to="<3469A91.D10AF4C@example.com>")),
        ("mailto:a@example.org#part", Mailto("a@example.org")),
        ("https://example.org/", Mailto()),
        ("", Mailto()),
    ],
)  # fmt: skip
def test_a_link_says_whom_it_writes_to_and_what(url: str, meant: Mailto):
    assert read(url) == meant


def test_no_line_break_gets_into_a_line_and_no_other_field_is_taken():
    fields = ("subject=s%0ABcc:%20z@y.example", "attach=/x", "from=boss@b.example", "in-reply-to=%3Ca@b%3E%0D%0AX:y")
    got = read(f"mailto:a@b.example%0D%0ABcc:x@y.example?{'&'.join(fields)}")
    assert got.to == "a@b.example Bcc:x@y.example" and got.subject == "s Bcc: z@y.example"
    assert (got.bcc, got.in_reply_to, got.body) == ("", "", "")


@given(st.text(max_size=200))
def test_whatever_follows_the_scheme_makes_lines_without_breaks(rest: str):
    got = read("mailto:" + rest)
    assert not any(ord(char) < 32 for line in (got.to, got.cc, got.bcc, got.subject, got.in_reply_to) for char in line)
    assert "\r" not in got.body and "\0" not in got.body
