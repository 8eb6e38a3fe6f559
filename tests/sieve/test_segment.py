"""Segments of a script: which comments belong to which command, and that nothing lies between them."""

from __future__ import annotations

import pytest

from app.sieve.segment import segments


def cut(source: bytes) -> list[tuple[str, bytes]]:
    return [(each.kind, source[each.start : each.end]) for each in segments(source)]


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        (b"keep;stop;", [("keep", b"keep;"), ("stop", b"stop;")]),
        (b"keep;  \r\n\r\nstop;\n", [("keep", b"keep;  \r\n"), ("blank", b"\r\n"), ("stop", b"stop;\n")]),
        (b"# a\n/* b */\nkeep;", [("keep", b"# a\n/* b */\nkeep;")]),
        (b"# a\n\nkeep;", [("comment", b"# a\n"), ("blank", b"\n"), ("keep", b"keep;")]),
        (b"keep; # a\n# b\nstop;", [("keep", b"keep; # a\n"), ("stop", b"# b\nstop;")]),
        (b"IF a {} # x\nElsIf b {} else {}\n", [("if", b"IF a {} # x\nElsIf b {} else {}\n")]),
        (b"if a {} # x\nif b {}", [("if", b"if a {} # x\n"), ("if", b"if b {}")]),
        (b"# a\n# rule:[x]\n\n\nkeep;", [("comment", b"# a\n"), ("keep", b"# rule:[x]\n\n\nkeep;")]),
        (b"# rule:[x]\n# rule:[y]\nkeep;", [("comment", b"# rule:[x]\n"), ("keep", b"# rule:[y]\nkeep;")]),
        (b"# rule:[x]\nif a {} # b\n", [("if", b"# rule:[x]\nif a {}"), ("blank", b" "), ("comment", b"# b\n")]),
        (b" \n", [("blank", b" \n")]),
        (b"", []),
    ],
)
def test_a_script_is_cut_where_a_person_would(source: bytes, parts: list[tuple[str, bytes]]):
    assert cut(source) == parts


def test_a_marker_names_what_follows_it():
    (found,) = segments(b"# rule:[a]b]\r\nif true {}\r\n")
    assert found.name == "a]b"
    assert (found.command, found.close) == (14, 24)


def test_nextclouds_blocks_are_from_one_comment_to_the_same_again():
    filters = b"### Nextcloud Mail: Filters ### DON'T EDIT ###\r\n"
    vacation = b"### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###\n"
    source = filters + b"keep;\n" + vacation + filters + b"stop;\n" + vacation
    assert [kind for kind, _ in cut(source)] == ["nextcloud", "stop", "comment"]
    assert cut(source)[0][1] == filters + b"keep;\n" + vacation + filters
