"""Ids of accounts are safe texts, one for each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.ids import escaped, unescaped


@given(st.text())
def test_an_escaped_text_is_of_an_id_s_characters_and_comes_back(text: str) -> None:
    safe = text.encode("utf-8", "ignore").decode()
    assert re.fullmatch(r"[a-z0-9:@._-]*", escaped(safe))
    assert unescaped(escaped(safe)) == safe


@given(st.text(), st.text())
def test_different_texts_have_different_ids(one: str, other: str) -> None:
    one, other = (each.encode("utf-8", "ignore").decode() for each in (one, other))
    assert (escaped(one) == escaped(other)) is (one == other)


@pytest.mark.parametrize("text", ["_zz", "_ff", "_c3"])
def test_a_text_that_is_no_id_is_refused_or_kept(text: str) -> None:
    if text == "_zz":
        assert unescaped(text) == text
        return
    with pytest.raises(ValueError):
        unescaped(text)
