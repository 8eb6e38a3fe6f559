"""Rules for all mail, whatever they say, are told from rules for some."""

from datetime import UTC, datetime

import pytest

from app.sieve import write
from app.sieve.effect import running
from app.sieve.rule import Action, Condition, Rule
from app.sieve.script import Script
from app.sieve.sweeping import Sweep, sweeps

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ME = "me@isp.example"


def found(after: bytes, before: bytes = b"") -> list[Sweep]:
    return [*sweeps(running([Script.read(before)]), running([Script.read(after)]), ME, NOW)]


def discards(*conditions: Condition, join: str = "allof") -> bytes:
    return write.rule(Rule("A", conditions, (Action("discard"),), join if conditions else "always"))


def header(name: str, value: str, op: str = "contains", *, negated: bool = False) -> Condition:
    return Condition("header", op, (value,), (name,), negated)


ALL = [
    (),
    (header("from", "@"),),
    (header("from", "*", "matches"),),
    (header("subject", "nothing has this", negated=True),),
    (header("to", ME, "is"),),
    (Condition("address", "is", ("isp.example",), ("to",), part="domain"),),
    (Condition("exists", "exists", headers=("From", "Date")),),
    (Condition("exists", "exists", headers=("list-id",), negated=True),),
    (Condition("size", "over", size=1),),
    (Condition("size", "under", size=2**30),),
    (Condition("date", "ge", ("2026-01-01",), part="date"),),
    (Condition("date", "ge", ("2026-07-05",), part="date"),),
    (Condition("body", "contains", ("viagra",), part="raw", negated=True),),
    (Condition("address", "list", ("tag:x",), ("from",), negated=True),),
    (header("from", "company.example", negated=True), header("subject", "urgent", negated=True)),
]
SOME = [
    (header("from", "shop"),),
    (header("from", ".com"),),
    (header("subject", "e"),),
    (Condition("size", "over", size=10_000_000),),
    (Condition("date", "le", ("2026-01-01",), part="date"),),
    (Condition("body", "contains", ("viagra",), part="content", content=("text",)),),
    (Condition("address", "list", ("tag:x",), ("from",)),),
    (header("from", "@"), header("subject", "prize")),
]


@pytest.mark.parametrize("conditions", ALL)
def test_what_meets_all_mail_is_told(conditions: tuple[Condition, ...]):
    assert found(discards(*conditions)) == [Sweep("discard", "A")]


@pytest.mark.parametrize("conditions", SOME)
def test_what_meets_some_mail_is_not(conditions: tuple[Condition, ...]):
    assert found(discards(*conditions)) == []


def test_any_of_several_is_enough():
    assert found(discards(header("from", "@"), header("subject", "prize"), join="anyof")) == [Sweep("discard", "A")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"# rule:[A]\r\nif true\r\n{\r\n\tkeep;\r\n}\r\n", []),
        (b'# rule:[A]\r\nif true\r\n{\r\n\tdiscard;\r\n\tfileinto "x";\r\n}\r\n', []),
        (b'# rule:[A]\r\nif true\r\n{\r\n\treject "no";\r\n\tstop;\r\n}\r\n', [("reject", "A", True)]),
        (b'# rule:[A]\r\nif true\r\n{\r\n\tredirect "a@b.example";\r\n}\r\n', [("redirect", "A", True)]),
        (b'# rule:[A]\r\nif true\r\n{\r\n\tvacation "x";\r\n\tdiscard;\r\n}\r\n', [("discard", "A", True)]),
        (b"# rule:[A]\r\nif false # true\r\n{\r\n\tdiscard;\r\n}\r\n", []),
        (b"discard;", [("discard", "", True)]),
        (b'redirect "a@b.example";', [("redirect", "", True)]),
        (b'if header :is "subject" "x" { discard; stop; }', []),
        (b"if size :over 1 { discard; stop; }", [("discard", "", True)]),
        (b"if not false { discard; }", [("discard", "", False)]),
        (b'if header :is "x" "y" { keep; } else { reject "no"; }', [("reject", "", False)]),
        (b'# discard;\r\nset "x" "discard";', []),
        (b'discard; "never ends', [("discard", "", False)]),
    ],
)
def test_actions_and_texts_by_hand(text: bytes, told: list[tuple[str, str, bool]]):
    assert [(each.does, each.name, each.told) for each in found(text)] == told


def test_what_was_there_is_not_told_again_under_another_name():
    before = discards()
    assert found(before.replace(b"[A]", b"[B]"), before) == []
    assert found(before + b"keep;", before) == []
