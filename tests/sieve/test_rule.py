"""Rules: what cannot be one says which field is wrong; what could become script is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sieve.errors import BadRule
from app.sieve.rule import Action, Condition, Rule, check_address
from app.sieve.script import Script

KEEP = (Action("keep"),)
SUBJECT = Condition("header", "contains", ("x",), ("subject",))


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("name", lambda: Rule(" ", (SUBJECT,), KEEP)),
        ("name", lambda: Rule("a\nb", (SUBJECT,), KEEP)),
        ("name", lambda: Rule("a\x00", (SUBJECT,), KEEP)),
        ("name", lambda: Rule("\ud800", (SUBJECT,), KEEP)),
        ("name", lambda: Rule("x" * 201, (SUBJECT,), KEEP)),
        ("join", lambda: Rule("x", (SUBJECT,), KEEP, "noneof")),
        ("conditions", lambda: Rule("x", (), KEEP)),
        ("conditions", lambda: Rule("x", (SUBJECT,), KEEP, "always")),
        ("conditions", lambda: Rule("x", (SUBJECT,) * 31, KEEP)),
        ("conditions", lambda: Rule("x", (Condition("header", "is", ("x",) * 500, ("a",)),) * 5, KEEP)),
        ("header", lambda: Condition("header", "is", ("x",), ("a",) * 21)),
        ("actions", lambda: Rule("x", (SUBJECT,))),
        ("actions", lambda: Rule("x", (SUBJECT,), KEEP * 21)),
        ("actions", lambda: Rule("x", (SUBJECT,), (Action("redirect", ("a@b.example",)),) * 5)),
        ("kind", lambda: Condition("spamtest")),
        ("op", lambda: Condition("header", "regex", ("x",), ("a",))),
        ("op", lambda: Condition("size", "over", size=1, comparator="i;octet")),
        ("part", lambda: Condition("header", "is", ("x",), ("a",), part="domain")),
        ("zone", lambda: Condition("date", "is", ("x",), part="date", zone='+0100" "')),
        ("header", lambda: Condition("header", "is", ("x",))),
        ("header", lambda: Condition("header", "is", ("x",), ("a:b",))),
        ("header", lambda: Condition("header", "is", ("x",), ("a\r\nb",))),
        ("header", lambda: Condition("address", "is", ("x",), ("subject",))),
        ("header", lambda: Condition("envelope", "is", ("x",), ("cc",))),
        ("value", lambda: Condition("header", "is", (), ("a",))),
        ("value", lambda: Condition("header", "is", ("",), ("a",))),
        ("value", lambda: Condition("header", "is", ("a\rb",), ("a",))),
        ("value", lambda: Condition("header", "is", ("x",) * 501, ("a",))),
        ("value", lambda: Condition("header", "matches", ("*a?",), ("a",))),
        ("value", lambda: Condition("header", "matches", ("a\\",), ("a",))),
        ("value", lambda: Condition("exists", "exists", ("x",), ("a",))),
        ("value", lambda: Condition("size", "over", size=2**31)),
        ("content", lambda: Condition("body", "is", ("x",), part="content")),
        ("content", lambda: Condition("body", "is", ("x",), part="content", content=('"',))),
        ("kind", lambda: Action("notify")),
        ("kind", lambda: Action("keep", copy=True)),
        ("value", lambda: Action("keep", ("x",))),
        ("value", lambda: Action("fileinto")),
        ("value", lambda: Action("fileinto", ("a\nb",))),
        ("value", lambda: Action("fileinto", ("a", "b"))),
        ("value", lambda: Action("addflag", ("\\Recent",))),
        ("value", lambda: Action("addflag", ("a b",))),
        ("value", lambda: Action("reject", ("a\x00",))),
        ("value", lambda: Action("reject", (" ",))),
        ("value", lambda: Action("redirect", ("a@b.example, c@d.example",))),
    ],
)
def test_what_cannot_be_says_which_field_is_wrong(field: str, make):
    with pytest.raises(BadRule) as told:
        make()
    assert told.value.field == field and told.value.words.endswith(".")


@pytest.mark.parametrize("text", ["a@b.example", "x'y+z=1@b-c.example", "a.b@localhost"])
def test_an_address_is_one(text: str):
    check_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@b", "a@b@c", "a..b@c", ".a@c", "a@c.", '"a b"@c', "<a@b>", "a@b\r\n", "ä@b", "a@[1.2.3.4]"],
)
def test_what_is_no_address_is_not_forwarded_to(text: str):
    with pytest.raises(BadRule):
        check_address(text)


HOSTILE = st.text(st.one_of(st.sampled_from('"\\\r\n\x00]}*/;#.{\ud800\u2028'), st.characters()), max_size=12)
AFTER = Rule("after", (SUBJECT,), KEEP)


@pytest.mark.parametrize("field", ["name", "header", "value", "mailbox", "reason", "flag", "target"])
@given(text=HOSTILE)
def test_nothing_that_is_typed_becomes_script(field: str, text: str):
    typed = {"name": "x", "header": "x", "value": "x", "mailbox": "x", "reason": "x", "flag": "x", "target": "a@b"}
    typed[field] = text
    try:
        rule = rule_of(**typed)
    except BadRule:
        return
    written = Script.read(b"keep;\r\n").put(None, rule).put(None, AFTER)
    assert [block.rule for block in written.blocks if block.shown] == [None, rule, AFTER]
    assert written.blocks[-2].command.count(b"\n") - text.count("\n") < 12


def rule_of(name: str, header: str, value: str, mailbox: str, reason: str, flag: str, target: str) -> Rule:
    conditions = (Condition("header", "is", (value,), (header,)), Condition("date", "is", (value,), part="date"))
    actions = (Action("fileinto", (mailbox,)), Action("addflag", (flag,)), Action("redirect", (target,)))
    return Rule(name, conditions, actions if reason == "x" else (Action("reject", (reason,)),))
