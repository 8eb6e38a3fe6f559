"""The choke point: nothing but what was meant leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.errors import BadArgument
from app.mail.wire import (
    Argument,
    Literal,
    Streamed,
    chunks,
    command_name,
    encode,
    encode_streams,
    flag_list,
    quote,
    quote_mailbox,
    uid_set,
)

CONTROLS = [chr(number) for number in (*range(32), 127)]
UIDS = st.integers(1, 0xFFFFFFFF)


def test_a_command_is_one_line_with_its_tag() -> None:
    assert encode(b"A1", [b"UID FETCH", uid_set([3, 1, 2, 9]), b"(UID FLAGS)"]) == [
        b"A1 UID FETCH 1:3,9 (UID FLAGS)\r\n"
    ]


@pytest.mark.parametrize("control", CONTROLS)
def test_no_control_character_leaves_in_a_string_or_an_atom(control: str) -> None:
    for argument in (f"a{control}b", f"a{control}b".encode(), (f"a{control}b",)):
        with pytest.raises(BadArgument):
            encode(b"A1", [b"SEARCH", b"SUBJECT", argument])


def test_no_eight_bit_atom_leaves() -> None:
    with pytest.raises(BadArgument):
        encode(b"A1", [b"SEARCH", "é".encode()])


@pytest.mark.parametrize("mark", [b"{5}", b"{5+}", b"x{0}", b"{}", b"(FLAGS{3+}"])
def test_no_argument_can_announce_a_literal(mark: bytes) -> None:
    with pytest.raises(BadArgument):
        encode(b"A1", [b"SEARCH", mark])
    with pytest.raises(BadArgument):
        encode(b"A1", [b"SEARCH", mark, Literal(b"x")])


def test_a_string_that_looks_like_a_literal_is_quoted() -> None:
    assert encode(b"A1", [b"SEARCH", b"SUBJECT", "{5}"]) == [b'A1 SEARCH SUBJECT "{5}"\r\n']


def test_more_than_ascii_becomes_a_literal_counted_in_bytes() -> None:
    assert encode(b"A1", [b"SEARCH", "é\\"]) == [b"A1 SEARCH {3}\r\n", b"\xc3\xa9\\\r\n"]
    assert encode(b"A1", [b"SEARCH", "é\\"], plus=True) == [b"A1 SEARCH {3+}\r\n\xc3\xa9\\\r\n"]


def test_literal_minus_is_for_4096_bytes() -> None:
    assert len(encode(b"A1", [b"APPEND", Literal(b"x" * 4096)], minus=True)) == 1
    assert len(encode(b"A1", [b"APPEND", Literal(b"x" * 4097)], minus=True)) == 2


def test_a_streamed_literal_always_waits_and_stands_where_it_belongs() -> None:
    line: list[Argument] = [b"APPEND", b"x", (b"TEXT", Literal(b"ab"), b"TEXT", stream := Streamed(3, [b"abc"]))]
    pieces = [b"A1 APPEND x (TEXT {2+}\r\nab TEXT {3}\r\n", b")\r\n"]
    assert encode_streams(b"A1", line, plus=True) == (pieces, {1: stream})
    pieces = [b"A1 APPEND x (TEXT {2}\r\n", b"ab TEXT {3}\r\n", b")\r\n"]
    assert encode_streams(b"A1", line) == (pieces, {2: stream})


@pytest.mark.parametrize("line", [[b"APPEND", b"x{5+}", Streamed(1, [b"x"])], [b"APPEND", b"x", Streamed(-1, [])]])
def test_a_streamed_literal_that_would_mislead_is_refused(line: list[Argument]) -> None:
    with pytest.raises(BadArgument):
        encode_streams(b"A1", line)
    with pytest.raises(BadArgument):
        encode(b"A1", [b"APPEND", b"x", Streamed(1, [b"x"])])


@given(st.text(min_size=1).filter(lambda text: not any(c < " " or c == "\x7f" for c in text)))
def test_whatever_is_quoted_reads_back(text: str) -> None:
    wire = quote(text)
    if isinstance(wire, Literal):
        assert wire.decode() == text
    else:
        assert wire[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\").decode() == text


@given(st.lists(st.one_of(st.text(), st.binary(), st.binary().map(Literal), st.integers())), st.booleans())
def test_whatever_comes_in_at_most_one_command_goes_out(arguments: list[Argument], plus: bool) -> None:
    try:
        pieces = encode(b"A1", [b"X", *arguments], plus=plus)
    except BadArgument:
        return
    rest = b"".join(pieces)
    literals = [bytes(argument) for argument in arguments if isinstance(argument, Literal)]
    literals += [text.encode() for text in arguments if isinstance(text, str) and not text.isascii()]
    for literal in sorted(literals, key=len, reverse=True):  # take every counted literal out …
        rest = rest.replace(b"}\r\n" + literal, b"", 1)
    assert rest.count(b"\r\n") <= 1 + len(literals)  # … and one line is left
    assert rest.endswith(b"\r\n")


@pytest.mark.parametrize("name", ["INBOX", "a\r\nb", 'q"u\\o', "ü&%日本", "\0", "x" * 5000, "a/b {5}"])
def test_any_mailbox_name_is_one_quoted_string(name: str) -> None:
    wire = quote_mailbox(name)
    assert wire.startswith(b'"') and wire.endswith(b'"') and wire.isascii()
    assert not set(wire) & {0, 10, 13}
    encode(b"A1", [b"SELECT", wire])


def test_an_empty_mailbox_name_is_refused() -> None:
    with pytest.raises(BadArgument):
        quote_mailbox("")


@pytest.mark.parametrize("uids", [b"1 (FLAGS)", b"1:", b"a", b"$", b"", b"1,,2"])
@pytest.mark.parametrize("name", [b"UID FETCH", b"UID STORE", b"UID MOVE", b"UID EXPUNGE", b"FETCH"])
def test_sets_of_uids_are_numbers(name: bytes, uids: bytes) -> None:
    with pytest.raises(BadArgument):
        encode(b"A1", [name, uids, b"(FLAGS)"])


@pytest.mark.parametrize("flags", [b"(\\Seen) X", b"(a{b)", b'("x")', b"(a  b)"])
def test_flags_of_store_and_append_have_the_shape_of_flags(flags: bytes) -> None:
    with pytest.raises(BadArgument):
        encode(b"A1", [b"UID STORE", b"1", b"+FLAGS", flags])
    with pytest.raises(BadArgument):
        encode(b"A1", [b"APPEND", b"x", flags, Literal(b"")])


def test_flags_are_written_as_one_list() -> None:
    assert flag_list(["\\Seen", "$Junk"]) == b"(\\Seen $Junk)"
    assert encode(b"A1", [b"UID STORE", b"1", b"-FLAGS.SILENT", flag_list([])])[0].endswith(b"-FLAGS.SILENT ()\r\n")
    for bad in ("a b", "a)", "", "é", "\\", "a\r\n", 'a"'):
        with pytest.raises(BadArgument):
            flag_list([bad])


@given(st.lists(UIDS, min_size=1), st.integers(20, 200))
def test_chunks_together_are_the_set_and_none_is_longer(uids: list[int], limit: int) -> None:
    found: set[int] = set()
    for chunk in chunks(uids, limit=limit):
        assert len(chunk) <= max(limit, 21)
        for part in chunk.split(b","):
            low, _, high = part.partition(b":")
            if int(high or low) - int(low) < 10_000:
                found |= set(range(int(low), int(high or low) + 1))
    assert found == set(uids)


@pytest.mark.parametrize("uids", [[], [0], [-1], ["1"], [1.5], [True], [2**32]])
def test_what_is_no_uid_is_refused(uids: list[int]) -> None:
    with pytest.raises(BadArgument):
        uid_set(uids)


def test_a_command_is_named_with_its_uid() -> None:
    assert command_name([b"uid fetch", b"1"]) == b"UID FETCH"
    assert command_name([b"UID", b"fetch"]) == b"UID FETCH"
    assert command_name([b"noop"]) == b"NOOP"
