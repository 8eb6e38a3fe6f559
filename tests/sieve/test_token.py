"""Tokens of a script: together they are the script, and each is what the grammar says."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sieve.errors import Unreadable
from app.sieve.token import tokens


def read(source: bytes) -> list[tuple[str, bytes]]:
    return [(token.kind, source[token.start : token.end]) for token in tokens(source)]


def test_each_token_is_what_the_grammar_says():
    assert read(b'if :Contains ["a\\"]", "x"] 10K{} # c\r\n/* ; */_a1;') == [
        ("word", b"if"),
        ("space", b" "),
        ("tag", b":Contains"),
        ("space", b" "),
        ("[", b"["),
        ("string", b'"a\\"]"'),
        (",", b","),
        ("space", b" "),
        ("string", b'"x"'),
        ("]", b"]"),
        ("space", b" "),
        ("number", b"10K"),
        ("{", b"{"),
        ("}", b"}"),
        ("space", b" "),
        ("comment", b"# c\r"),
        ("space", b"\n"),
        ("bracket", b"/* ; */"),
        ("word", b"_a1"),
        (";", b";"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"text:\r\nHello\r\n.\r\n",
        b"TEXT: # why\nHello\n.\n",
        b"text:\n.\n",
        b"text:\n..\n.x\n. \n\n.\r\n",
        b'text:\t\r\n\xff\x00"\\;\r\n.\r\n',
    ],
)
def test_a_block_of_text_ends_with_a_line_that_is_a_dot(text: bytes):
    assert read(text + b";") == [("text", text), (";", b";")]


def test_a_word_that_is_no_text_may_come_before_a_tag():
    assert read(b"context:text") == [("word", b"context"), ("tag", b":text")]
    assert read(b"text :x") == [("word", b"text"), ("space", b" "), ("tag", b":x")]


@pytest.mark.parametrize(
    ("source", "offset"),
    [
        (b'a "b', 2),
        (b'a "b\\', 2),
        (b'a "b\\"', 2),
        (b"/* a *", 0),
        (b"a text:\r\n.", 2),
        (b"a text: x\r\n.\r\n", 2),
        (b"a text:\r\nx\r\n .\r\n", 2),
        (b"a \x00", 2),
        (b"\xc3\xa4", 0),
        (b"a : b", 2),
        (b"a /b", 2),
    ],
)
def test_what_is_no_token_says_where(source: bytes, offset: int):
    with pytest.raises(Unreadable) as told:
        read(source)
    assert told.value.offset == offset and told.value.words


@given(st.lists(st.sampled_from([*b'"\\\n\r.#/*text: {};a1\x00\xff']), max_size=60).map(bytes))
def test_tokens_together_are_the_script(source: bytes):
    try:
        found = read(source)
    except Unreadable as error:
        assert 0 <= error.offset < len(source)
        return
    assert b"".join(text for _, text in found) == source


@pytest.mark.parametrize(
    "source",
    [
        b'"' + b"\\a" * 500_000,
        b"#" * 1_000_000,
        b"/" + b"*" * 1_000_000,
        b"text:\n" + b"\n.." * 300_000,
        b"9" * 1_000_000,
    ],
)
def test_a_megabyte_is_read_in_a_moment(source: bytes):
    begun = time.thread_time()
    with suppress(Unreadable):
        assert len(read(source)) == 1
    assert time.thread_time() - begun < 2
