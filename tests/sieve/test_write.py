"""What is written: Roundcube's very shape, and scripts that a real server compiles."""

from __future__ import annotations

from random import Random

import pytest

from app.sieve import write
from app.sieve.rule import Action, Condition, Rule
from app.sieve.script import Script
from tests.sieve import scripts
from tests.sieve.pigeonhole import Pigeonhole


def test_a_rule_stands_in_roundcubes_shape():
    rule = Rule(
        'a "b"]',
        (
            Condition("header", "contains", ('x"\\', "y"), ("from",)),
            Condition("address", "is", ("a.example",), ("to", "cc"), True, "domain"),
            Condition("size", "over", size=2**20),
            Condition("body", "matches", ("*",), part="content", content=("text/html",), comparator="i;octet"),
            Condition("date", "ge", ("2026-12-20",), part="date", zone="+0100"),
        ),
        (Action("fileinto", ("A/ä",), copy=True, create=True), Action("reject", ("No.\n.\n..",)), Action.mark_read()),
        enabled=False,
    )
    assert write.rule(rule, b"\n").decode() == (
        '# rule:[a "b"]]\n'
        'if false # allof (header :contains "from" ["x\\"\\\\","y"], not address :domain :is ["to","cc"] "a.example", '
        'size :over 1M, body :content "text/html" :comparator "i;octet" :matches "*", '
        'currentdate :zone "+0100" :value "ge" "date" "2026-12-20")\n'
        "{\n"
        '\tfileinto :copy :create "A/ä";\n'
        "\treject text:\nNo.\n..\n...\n.\n;\n"
        '\taddflag "\\\\Seen";\n'
        "}\n"
    )


def test_one_condition_stands_alone_and_none_is_true():
    one = Condition("exists", "exists", headers=("x",))
    assert write.joined("anyof", (one,)) == 'exists "x"'
    assert write.joined("allof", (one,)) == 'allof (exists "x")'
    assert write.joined("always", ()) == "true"


@pytest.mark.parametrize(("octets", "text"), [(0, "0"), (1000, "1000"), (1024, "1K"), (5 * 2**20, "5M"), (2**30, "1G")])
def test_a_size_is_in_the_largest_unit(octets: int, text: str):
    assert write.size(octets) == text


@pytest.mark.servers
def test_what_is_written_compiles(server_folder):
    pigeonhole, random = Pigeonhole(server_folder), Random(1)
    for _ in range(6):
        script = Script.read(b"")
        for make in [scripts.rule] * 20 + [scripts.forward] * 2 + [scripts.vacation] * 2:
            script = script.put(None, make(random))
        assert pigeonhole.faults(bytes(script)) == ""
    assert "line 1" in pigeonhole.faults(b"keep")
