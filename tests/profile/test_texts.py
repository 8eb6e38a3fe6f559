"""Texts that are written again and again: each account's own, bounded, and gone when they are removed."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.profile import texts
from app.profile.errors import Full, Gone
from app.profile.texts import Text


def test_a_text_is_kept_changed_and_removed(engine: Engine) -> None:
    made = texts.save(engine, "7", Text("", "Thanks", "Thank you", "Dear …,\r\n\r\nthank you."))
    assert texts.read(engine, "7", made.id) == Text(made.id, "Thanks", "Thank you", "Dear …,\n\nthank you.")
    texts.save(engine, "7", Text(made.id, "Many thanks"))
    assert texts.names_of(engine, "7") == ((made.id, "Many thanks"),)
    texts.remove(engine, "7", made.id)
    assert texts.names_of(engine, "7") == ()
    with pytest.raises(Gone):
        texts.remove(engine, "7", made.id)
    with pytest.raises(Gone):
        texts.save(engine, "7", Text(made.id, "Once more"))


def test_nobody_reads_changes_or_removes_another_s(engine: Engine) -> None:
    made = texts.save(engine, "7", Text("", "Mine", "", "private"))
    for steal in (texts.read, texts.remove):
        with pytest.raises(Gone):
            steal(engine, "8", made.id)
    with pytest.raises(Gone):
        texts.save(engine, "8", Text(made.id, "Theirs"))
    assert texts.names_of(engine, "8") == () and texts.read(engine, "7", made.id).body == "private"


def test_there_is_a_most_of_them(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST", 2)
    first, _ = (texts.save(engine, "7", Text("", name)) for name in "ab")
    with pytest.raises(Full):
        texts.save(engine, "7", Text("", "c"))
    texts.save(engine, "7", Text(first.id, "a again"))


def test_the_longest_text_is_kept_whole(engine: Engine) -> None:
    made = texts.save(engine, "7", Text("", "Long", "", "я" * texts.BODY))
    assert texts.read(engine, "7", made.id).body == "я" * texts.BODY
