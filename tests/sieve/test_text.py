"""What strings say, and names in comments."""

from __future__ import annotations

import pytest

from app.sieve.errors import Foreign
from app.sieve.text import marked, plainly_marked, string


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (b'"a\\"\\\\\\b"', 'a"\\b'),
        (b'"a\r\nb"', "a\nb"),
        (b"text:\r\na\r\n..b\r\n.c\r\n...\r\n.\r\n", "a\n.b\n.c\n.."),
        (b"text: # x\n\n\n.\n", "\n"),
        (b"text:\n.\n", ""),
    ],
)
def test_a_string_says_what_stands_in_it(token: bytes, said: str):
    assert string(token) == said


@pytest.mark.parametrize("token", [b'"\xff"', b'"\x00"', b'"a\rb"', b'"\xed\xa0\x80"'])
def test_what_is_no_text_is_foreign(token: bytes):
    with pytest.raises(Foreign):
        string(token)


def test_a_marker_names_up_to_its_last_bracket():
    assert marked(b"# rule:[a]b]\r") == "a]b" and plainly_marked(b"# rule:[a]b] \r")
    assert marked(b"# rule:[a] x") == "a" and not plainly_marked(b"# rule:[a] x")
    assert marked(b"# rule:[\xff]") == "\ufffd" and not plainly_marked(b"# rule:[\xff]")
    assert marked(b"# rule:[") is None and marked(b"# rule: [a]") is None and marked(b"#rule:[a]") is None
