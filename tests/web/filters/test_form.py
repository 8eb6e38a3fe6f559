"""Rules and their form: each says what the other says, and what was typed stays."""

from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import MultiDict

from app.sieve.rule import Action, Condition, Rule
from app.web.filters import form as rows
from app.web.filters.form import Do, If, Typed
from app.web.filters.words import DOES, OPS, action_words, does, op_words, sentence

BERLIN = ZoneInfo("Europe/Berlin")
SUBJECT = Condition("header", "contains", ("a", "b c"), ("subject",))
RULES = [
    Rule("A", (SUBJECT,), (Action("fileinto", ("Käse/Brot",)), Action("stop"))),
    Rule("B", (Condition("size", "over", size=512000),), (Action("fileinto", ("x",), copy=True),), "anyof", False),
    Rule("C", (), (Action("redirect", ("a@b.example",), copy=True), Action.mark_read()), "always"),
    Rule("D", (Condition("address", "is", ("a@b.example",), ("from",), True),), (Action("addflag", ("\\Flagged",)),)),
    Rule(
        "E", (Condition("date", "ge", ("2026-07-01",), part="date", zone="+0200"),), (Action("addflag", ("$label1",)),)
    ),
    Rule("F", (Condition("exists", "exists", (), ("x-spam",)),), (Action("reject", ("No.\nThanks.",)),)),
    Rule(
        "G", (Condition("envelope", "is", ("a",), ("from",), part="localpart"),), (Action("setflag", ("\\Seen", "x")),)
    ),
    Rule("H", (Condition("body", "contains", ("x",), part="text"),), (Action("fileinto", ("x",), create=True),)),
    Rule("I", (Condition("header", "is", ("<l.example>",), ("list-id",)),), (Action("discard"), Action("keep"))),
]


def sent(typed: Typed) -> MultiDict[str, str]:
    """The form as a browser sends it."""
    found: MultiDict[str, str] = MultiDict({"name": typed.name, "join": typed.join})
    if typed.enabled:
        found["enabled"] = "1"
    for each in typed.ifs:
        for name in ("about", "op", "header", "value", "zone", "text"):
            found.add(f"c_{name}", getattr(each, name).replace("\n", "\r\n"))
    for one in typed.dos:
        for name in ("does", "folder", "value", "other"):
            found.add(f"a_{name}", getattr(one, name).replace("\n", "\r\n"))
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_goes_through_its_form_unchanged(rule: Rule):
    assert rows.rule_of(rows.typed(sent(rows.typed_of(rule))), BERLIN)[0] == rule
    assert rows.is_shown_whole(rule, BERLIN)


def test_what_a_form_cannot_say_is_told():
    assert not rows.is_shown_whole(
        Rule(" A ", (Condition("header", "is", (" ",), ("subject",)),), (Action("keep"),)), BERLIN
    )


def test_a_day_is_meant_by_the_clock_of_that_day():
    for day, offset in (("2026-12-24", "+0100"), ("2026-07-01", "+0200")):
        typed = Typed("A", ifs=(If("date", "on", value=day),), dos=(Do("keep"),))
        rule, _ = rows.rule_of(typed, BERLIN)
        assert rule is not None and rule.conditions[0].zone == offset


def test_rows_are_added_and_taken_away_and_one_always_stays():
    typed = Typed("A", ifs=(If(value="1"), If(value="2")), dos=(Do("keep"),))
    assert [each.value for each in rows.changed(typed, "add-if").ifs] == ["1", "2", ""]  # type: ignore[union-attr]
    assert [each.value for each in rows.changed(typed, "drop-if-0").ifs] == ["2"]  # type: ignore[union-attr]
    assert rows.changed(typed, "drop-do-0").dos == (Do(),)  # type: ignore[union-attr]
    for nothing in ("save", "drop-if-", "drop-if-x", "drop-if-\u0663", "drop-if-99999"):
        assert rows.changed(typed, nothing) is None


def test_a_form_that_is_cut_short_or_endless_is_still_read():
    assert rows.typed(MultiDict()).ifs == (If(),)
    assert rows.typed(MultiDict([("c_about", "subject")])).ifs == (If("subject", "", "", "", "", ""),)
    assert len(rows.typed(MultiDict([("c_about", "subject")] * 5000)).ifs) <= 31


@pytest.mark.parametrize(
    "told", ["", "[]", "{}", '["x"]', '["stop", ["a"], 0, 0]', '["fileinto", [], 0, 0]', "[" * 9999]
)
def test_an_action_that_rode_through_a_browser_is_checked(told: str):
    rule, judged = rows.rule_of(Typed("A", ifs=(If(value="x"),), dos=(Do("other", other=told),)), BERLIN)
    assert rule is None and "a0" in judged.faults


def test_every_word_of_the_menus_has_a_meaning():
    assert all(op_words(op) == words for op, words in OPS.items())
    assert {does(action)[0] for rule in RULES for action in rule.actions} <= DOES.keys()
    assert action_words(Action("fileinto", ("Work",))) == "Move to “Work”"
    assert dict(sentence(RULES[0])) == {
        "if": "Subject contains “a” or “b c”",
        "then": "Move to “Käse/Brot”, then run no further rules",
    }
    assert dict(sentence(RULES[2]))["if"] == "Every message"
