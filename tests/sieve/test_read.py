"""What is recognised: all that we write, all that Roundcube writes of it, and nothing that says more."""

from __future__ import annotations

import os
from random import Random

import pytest

from app.sieve import read, write
from app.sieve.rule import Action, Condition, Rule
from app.sieve.script import Script
from tests.sieve import scripts

RULES = int(os.environ.get("SCRIPTS", "5000")) // 5
SEED = int(os.environ.get("SEED", "1"))


@pytest.mark.parametrize("make", [scripts.rule, scripts.vacation, scripts.forward])
@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_what_is_written_reads_as_the_same(make, newline: bytes):
    random = Random(SEED)
    for _ in range(RULES):
        rule = make(random)
        text = write.rule(rule, newline)
        assert read.rule(text) == rule
        script = Script.read(text)
        assert [block.rule for block in script.blocks] == [rule] and script.editable


def test_a_condition_alone_reads_as_the_same():
    random = Random(SEED)
    for _ in range(RULES):
        condition = scripts.condition(random)
        assert read.condition(write.test(condition).encode()) == condition
    assert read.condition(b"true") is None
    assert read.condition(b"size :over 1K, true") is None
    assert read.condition(b'size :over 1K # "') is None


def marked(text: str) -> bytes:
    return f"# rule:[x]\r\n{text}".encode()


@pytest.mark.parametrize(
    ("tests", "condition"),
    [
        ('HEADER :Contains "From" "x"', Condition("header", "contains", ("x",), ("From",))),
        ('not header ["a","b"] ["c"]', Condition("header", "is", ("c",), ("a", "b"), True)),
        ('header :comparator "i;ascii-casemap" :is "a" "b"', Condition("header", "is", ("b",), ("a",))),
        ('address :is :domain "from" "b"', Condition("address", "is", ("b",), ("from",), part="domain")),
        ('envelope :all :matches "to" "b"', Condition("envelope", "matches", ("b",), ("to",))),
        ("size :under 2M", Condition("size", "under", size=2**21)),
        ('body :contains "a"', Condition("body", "contains", ("a",), part="text")),
        (
            'currentdate :value "ge" :zone "+0100" "date" "2026-12-20"',
            Condition("date", "ge", ("2026-12-20",), part="date", zone="+0100"),
        ),
    ],
)
def test_a_test_means_the_same_in_any_spelling(tests: str, condition: Condition):
    rule = read.rule(marked(f"if {tests} {{ keep ; }}"))
    assert rule == Rule("x", (condition,), (Action("keep"),), "anyof")


@pytest.mark.parametrize(
    "text",
    [
        'if header :regex "a" "b" { keep; }',
        'if header :value "gt" :comparator "i;ascii-numeric" "a" "1" { keep; }',
        'if header :contains :is "a" "b" { keep; }',
        'if currentdate :value "is" "date" "2026-12-20" { keep; }',
        'if not anyof (exists "a") { keep; }',
        'if allof (allof (exists "a")) { keep; }',
        'if spamtest :value "ge" "5" { keep; }',
        'if exists "a" { keep; } else { stop; }',
        'if exists "a" { keep; } # after',
        'if exists "a" { keep; /* within */ }',
        '# between\r\nif exists "a" { keep; }',
        'if exists "a" { if true { keep; } }',
        'if exists "a" { fileinto :flags "x" "y"; }',
        'if exists "a" { notify "x"; }',
        'if exists "a" { keep; vacation "x"; }',
        'if exists "a" { }',
        "if false { keep; }",
        'if false # exists "a" keep;\r\n{ keep; }',
        'if false /* exists "a" */ { keep; }',
        'if header "a" text:\r\nb\r\n.\r\n { keep; }',
        'if header "a" "b\r\nc" { keep; }',
        'if header "a" "" { keep; }',
        "if size :over 99999999999999 { keep; }",
        "keep;",
    ],
)
def test_what_says_anything_else_is_foreign(text: str):
    assert read.rule(marked(text)) is None


def test_a_name_is_read_as_roundcube_reads_it():
    body = b"\r\nif true\r\n{\r\n\tkeep;\r\n}\r\n"
    found = read.rule(b"# rule:[a] b]" + body)
    assert found is not None and found.name == "a] b"
    assert read.rule(b"# rule:[a] b" + body) is None
    assert read.rule(b"# rule:[\xff]" + body) is None
    assert read.rule(b"# rule:[]" + body) is None
    assert read.rule(b"# rule: [a]" + body) is None
