"""Rules decide by their precedence, hold as long as they say, and are nobody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.policy import senders
from app.policy.asking import changed
from app.policy.errors import BadValue, Full, Gone, PolicyAway
from app.policy.rule import EVERYBODY, account_scope, site_scope
from app.policy.tables import Base
from tests.policy.rules import MINE, NOW, kept, rule

SITE = site_scope("3")


def decided(engine: Engine, sender: str = "info@bank.example", **more: Any) -> senders.Decision:
    return senders.decide(engine, NOW, **{"account_id": "7", "site": "3", "sender": sender, "ip": "192.0.2.7", **more})


@pytest.mark.parametrize(
    ("rules", "action"),
    [
        ([], ""),
        ([rule("deny", "bank.example")], "deny"),
        ([rule("deny", "bank.example"), rule("allow", "info@bank.example")], "allow"),
        ([rule("allow", "bank.example"), rule("deny", "info@bank.example")], "deny"),
        ([rule("deny", "bank.example", EVERYBODY), rule("allow", "bank.example")], "allow"),
        ([rule("allow", "info@bank.example", EVERYBODY), rule("deny", "192.0.2.0/24", SITE)], "deny"),
        ([rule("deny", "bank.example", SITE, locked=True), rule("allow", "info@bank.example")], "deny"),
        ([rule("deny", "192.0.2.0/24"), rule("allow", "bank.example")], "allow"),
        ([rule("deny", "192.0.0.0/8")], "deny"),
        ([rule("deny", "other.example"), rule("deny", "198.51.100.0/24")], ""),
        ([rule("deny", "bank.example", account_scope("8")), rule("deny", "bank.example", site_scope("4"))], ""),
        ([rule("deny", "bank.example", days=-1)], ""),
        ([rule("deny", "bank.example", days=1)], "deny"),
        ([rule("nogrey", "bank.example")], ""),
    ],
)
def test_the_first_rule_by_precedence_decides(engine: Engine, rules: list[Any], action: str) -> None:
    kept(engine, *rules)
    assert decided(engine).action == action
    assert decided(engine, "INFO@BANK.EXAMPLE").action == action


@pytest.mark.parametrize(
    ("rules", "nogrey"),
    [
        ([], False),
        ([rule("nogrey", "bank.example", EVERYBODY)], True),
        ([rule("allow", "bank.example")], True),
        ([rule("nogrey", "bank.example", EVERYBODY), rule("deny", "bank.example")], False),
    ],
)
def test_who_is_allowed_is_not_delayed_either(engine: Engine, rules: list[Any], nogrey: bool) -> None:
    kept(engine, *rules)
    assert decided(engine).nogrey is nogrey


def test_a_decision_is_one_statement_and_names_its_rule(engine: Engine) -> None:
    number = kept(engine, rule("allow", "bank.example"), rule("nogrey", "192.0.2.7/32", EVERYBODY))[0]
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    found = decided(engine).rule
    assert found is not None and found.rule_id == number and len(asked) == 1


def test_a_mail_without_sender_or_address_meets_no_rule_about_these(engine: Engine) -> None:
    kept(engine, rule("deny", "bank.example"), rule("deny", "192.0.2.0/24"))
    assert decided(engine, "", ip="").action == "" and decided(engine, "x@[192.0.2.7]", ip="unknown").action == ""


def test_a_rule_may_be_about_a_recipient(engine: Engine) -> None:
    kept(engine, replace(rule("deny", "one.example", EVERYBODY), kind=senders.Kind.recipient))
    assert decided(engine, recipient="Forward@one.example").action == "deny" and decided(engine).action == ""


def test_a_rule_about_an_address_of_an_international_domain_meets_it_in_both_spellings(engine: Engine) -> None:
    kept(engine, rule("deny", "info@bücher.example"))
    assert decided(engine, "Info@BÜCHER.example").action == "deny"
    assert decided(engine, "info@xn--bcher-kva.example").action == "deny"


def test_a_rule_takes_the_place_of_the_same_and_the_opposite_one(engine: Engine) -> None:
    kept(engine, rule("deny", "bank.example"))
    made, before = changed(engine, lambda each: senders.add(each, rule("allow", "Bank.example", days=30)))
    assert [each.action for each in before] == ["deny"] and senders.rules_of(engine, MINE, NOW) == (made,)
    again, before = changed(engine, lambda each: senders.add(each, rule("allow", "bank.example")))
    assert before == (made,) and senders.rules_of(engine, MINE, NOW) == (again,)
    changed(engine, lambda each: senders.put_back(each, again, before))
    assert [each.expires_at for each in senders.rules_of(engine, MINE, NOW)] == [made.expires_at]


def test_nobody_removes_a_rule_of_another_scope_or_a_locked_one(engine: Engine) -> None:
    theirs, locked = kept(engine, rule("deny", "a.example", account_scope("8")), rule("deny", "b.example", locked=True))
    for number in (theirs, locked, 999):
        with pytest.raises(Gone):
            changed(engine, lambda each, number=number: senders.remove(each, MINE, number))
    assert [each.rule_id for each in senders.rules_of(engine, MINE, NOW)] == [locked]
    assert [each.rule_id for each in senders.rules_of(engine, account_scope("8"), NOW)] == [theirs]
    with pytest.raises(Gone):
        kept(engine, rule("allow", "b.example"))


def test_there_is_a_most_and_those_that_ended_make_room(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "MOST", 2)
    kept(engine, rule("deny", "a.example"), rule("deny", "b.example", days=-1), rule("deny", "c.example"))
    with pytest.raises(Full):
        kept(engine, rule("deny", "d.example"))
    with pytest.raises(BadValue):
        kept(engine, rule("deny", "nothing"))
    with pytest.raises(BadValue):
        kept(engine, rule("burn", "a.example"))


def test_without_tables_it_says_that_sql_is_away(engine: Engine) -> None:
    Base.metadata.drop_all(engine)
    with pytest.raises(PolicyAway):
        decided(engine)
    with pytest.raises(PolicyAway):
        kept(engine, rule("deny", "a.example"))


def test_a_rule_keeps_its_number_by_which_the_log_names_it(engine: Engine) -> None:
    (number,) = kept(engine, replace(rule("deny", "bank.example"), hits=3))
    made, before = changed(engine, lambda each: senders.add(each, rule("deny", "bank.example", days=30)))
    assert (made.rule_id, made.hits) == (number, 3)
    changed(engine, lambda each: senders.put_back(each, made, before))
    gone = changed(engine, lambda each: senders.remove(each, MINE, number))
    changed(engine, lambda each: senders.put_back(each, None, (gone,)))
    assert [(each.rule_id, each.hits) for each in senders.rules_of(engine, MINE, NOW)] == [(number, 3)]
    gone = changed(engine, lambda each: senders.remove(each, MINE, number))
    with engine.begin() as connection:
        senders.put_back(connection, None, (replace(gone, value="other.example"),))
        senders.put_back(connection, None, (gone,))
    assert len({each.rule_id for each in senders.rules_of(engine, MINE, NOW)}) == 2
    assert kept(engine, rule("deny", "new.example"))[0] not in (0, number)


def test_numbers_tell_whose_rules_of_denying_they_are(engine: Engine) -> None:
    scopes = (MINE, site_scope("3"), EVERYBODY)
    numbers = kept(engine, *(rule("deny", "bank.example", each) for each in scopes), rule("allow", "info@bank.example"))
    found = {number: (each.rank, each.id) for number, each in zip(numbers, scopes, strict=False)}
    assert senders.denying(engine, [*numbers, 999]) == found
