"""The parser of untagged data: RFC examples, what servers send, and garbage that must not cost or raise anything."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.syntax import atoms, esearch, expand, fetches, named, number, numbers, parse, section
from tests.examples import examples


def test_strings_atoms_nil_and_nested_lists_are_told_apart():
    assert parse([rb'(A "b \"c\\" NIL (D ("")) "NIL")']) == [[b"A", b'b "c\\', None, [b"D", [b""]], b"NIL"]]


def test_a_literal_stands_where_it_was_announced():
    assert parse([b"(X {5}", b'a)"\r\n', b' Y "z")']) == [[b"X", b'a)"\r\n', b"Y", b"z"]]


def test_a_binary_literal_and_one_at_the_end_are_read():
    assert parse([b"(X ~{2}", b"\0\1", b" Y {0}", b"", b")"]) == [[b"X", b"\0\1", b"Y", b""]]


def test_a_section_with_brackets_and_spaces_is_one_name():
    line = b"* 12 FETCH (UID 7 BODY[HEADER.FIELDS (FROM TO)]<0> {3}"
    assert list(fetches([(line, b"abc", b" FLAGS (\\Seen $Forwarded))")])) == [
        (12, {b"UID": b"7", b"BODY[HEADER.FIELDS (FROM TO)]<0>": b"abc", b"FLAGS": [b"\\Seen", b"$Forwarded"]})
    ]


def test_a_keyword_with_an_open_bracket_does_not_swallow_its_row():
    (_, items), *_ = fetches([(b"* 1 FETCH (FLAGS (a[b \\Seen) UID 9)",)])
    assert items == {b"FLAGS": [b"a[b", b"\\Seen"], b"UID": b"9"}


def test_names_of_items_are_compared_in_upper_case_and_sections_by_their_start():
    line = b'* 1 fetch (uid 9 body[header.fields ("TO")] "To: x" BODY[HEADER.FIELDS (FROM)] NIL)'
    (_, items), *_ = fetches([(line,)])
    assert items[b"UID"] == b"9"
    assert section(items, b"BODY[HEADER.FIELDS") == b"To: x"


def test_responses_that_are_no_fetch_are_passed_over():
    assert list(fetches([(b"* 5 EXISTS",), (b"* OK FETCH done",), (), (b"* 4 FETCH",), (b"* 4 FETCH NIL",)])) == []
    assert list(fetches([(b"* %b FETCH (UID 1)" % (b"9" * 5000),)])) == []  # int() raises there


def test_search_answers_may_come_in_several_lines():
    assert numbers([(b"* SEARCH 3 1",), (b"* 4 EXISTS",), (b"* SEARCH",), (b"* SEARCH 9 x",)], b"SEARCH") == [3, 1, 9]


def test_an_esearch_answer_is_read_with_and_without_its_correlator():
    found = esearch([(b'* ESEARCH (TAG "A1") UID COUNT 17 PARTIAL (1:3 20,18:19) ALL 2,10:11',)])
    assert (found.count, found.partial, found.all) == (17, b"20,18:19", b"2,10:11")
    assert esearch([(b"* ESEARCH UID PARTIAL (1:3 NIL) MIN 4 MAX 9",)]).partial == b""
    assert esearch([(b"* SEARCH 1",)]) is None


def test_a_set_is_expanded_in_its_own_order_and_never_without_bound():
    assert expand(b"20,18:19,5:3") == [20, 18, 19, 5, 4, 3]
    assert len(expand(b"1:99999999999", limit=500)) == 500


def test_a_mailbox_named_like_a_keyword_is_not_taken_for_one():
    assert [values[0] for values in named([(b"* LIST () NIL a",), (b"* LISTING x",)], b"LIST")] == [[]]


def test_numbers_that_are_none_give_the_default():
    assert number(None) == 0 and number(b"12x", 7) == 7 and number([b"1"]) == 0 and number(b"9" * 30) == 0


def test_atoms_of_what_is_no_list_are_none():
    assert atoms(None) == () and atoms([b"a", [b"b"], None, b"c"]) == (b"a", b"c")


@given(st.lists(st.binary(max_size=200), max_size=6))
@examples(3)
def test_no_bytes_make_the_parser_raise(pieces):
    parse(pieces)
    list(fetches([tuple(pieces)]))
    esearch([tuple(pieces)])


@pytest.mark.slow
def test_a_megabyte_of_hostile_bytes_is_read_in_one_pass():
    started = time.process_time()
    for unit in (b"(", b'"', b'"\\', b")", b"BODY[", b"\\", b'("', b"BODY[("):
        parse([unit * (1_000_000 // len(unit))])
    assert time.process_time() - started < 10
