"""Blocks of a script: what they require, and where they begin."""

from __future__ import annotations

from app.sieve.block import OWN, blocks


def test_what_is_required_is_told_of_every_block_that_does():
    nextcloud = b"### Nextcloud Mail: Filters ### DON'T EDIT ###\n"
    source = b'require ["a", "b\\"c", "\xff"];\n' + nextcloud + b'require "d";\n' + nextcloud + b'set "require" "e";\n'
    assert [(block.kind, block.requires) for block in blocks(source)] == [
        ("require", {"a", 'b"c'}),
        ("nextcloud", {"d"}),
        ("text", frozenset()),
    ]


def test_our_block_is_told_from_others():
    ours, theirs = blocks(OWN + b' x\nrequire "a";\n\n# Not Postern:\nrequire "b";\n')[::2]
    assert ours.own and not theirs.own and not ours.shown


def test_a_block_knows_its_first_line_and_its_name():
    found = blocks(b"# a\n\n# rule:[x]\nif any {}\n")
    assert [(block.kind, block.name, block.line) for block in found] == [
        ("comment", "", 1),
        ("blank", "", 2),
        ("text", "x", 3),
    ]
