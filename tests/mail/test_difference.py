"""Two texts beside each other: every difference is marked, what is alike is folded, and no text costs much."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from app.mail.difference import LONGEST, MOST_LINES, SHOWN, Line, sides

LINES = st.lists(st.sampled_from(["", "a", "b", "same", "> quoted"]), max_size=40)


def marked(lines: tuple[Line, ...]) -> list[str]:
    return [each.text for each in lines if each.differs]


def test_only_the_lines_that_differ_are_marked():
    one, other = sides("Dear Bob,\nyes\nAlice", "Dear Bob,\nno\nnever\nAlice")
    assert marked(one) == ["yes"] and marked(other) == ["no", "never"]
    assert [each.text for each in one] == ["Dear Bob,", "yes", "Alice"]


def test_a_line_in_the_middle_of_two_changes_is_known_as_alike():
    one, other = sides("1\nx\nkeep\ny\n2", "1\nX\nkeep\nY\n2")
    assert marked(one) == ["x", "y"] and marked(other) == ["X", "Y"]


def test_long_stretches_that_are_alike_are_counted_not_shown():
    same = "\n".join(map(str, range(50)))
    one, _ = sides(f"{same}\nmine\n{same}", f"{same}\ntheirs\n{same}")
    assert [each.alike for each in one if each.alike] == [48, 48]
    assert [each.text for each in one if not each.alike] == ["48", "49", "mine", "0", "1"]


@given(LINES, LINES)
def test_what_is_shown_of_a_side_is_that_side_and_nothing_is_left_out(first: list[str], second: list[str]):
    for text, side in zip((first, second), sides("\n".join(first), "\n".join(second)), strict=True):
        assert sum(each.alike or 1 for each in side) == max(1, len(text))
        shown = iter(text or [""])
        assert all(each.alike or each.text in shown for each in side)


@given(LINES)
def test_equal_texts_have_no_difference(lines: list[str]):
    one, other = sides("\n".join(lines), "\n".join(lines))
    assert one == other and not marked(one)


def test_texts_that_are_costly_to_compare_are_different_as_a_whole():
    began = time.process_time()  # other processes of a busy machine do not count
    one, other = sides("x\n" * 100_000 + "b", "y\n" + "x\nz\n" * 50_000 + "d")
    assert time.process_time() - began < 2
    assert len(one) == len(other) == SHOWN + 1 and one[0].differs
    one, _ = sides("x\n" * MOST_LINES, "y\n" + "x\nz\n" * (MOST_LINES // 2))
    assert marked(one)


def test_a_line_without_end_is_cut():
    one, _ = sides("x" * 100_000, "y")
    assert one == (Line("x" * LONGEST + "…", differs=True),)
