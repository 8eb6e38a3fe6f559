"""A list is shown in pages; many rules are added at once, all or none, in few statements, and taken out again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from app.policy import actions, lists, senders
from app.policy.actions import By
from app.policy.asking import changed
from app.policy.errors import Full, Gone
from app.policy.rule import EVERYBODY, Rule, account_scope, site_scope
from tests.policy.rules import MINE, NOW, kept, rule

ME = By("7", "7", "3")


def mine(engine: Engine) -> list[tuple[str, str]]:
    return [(each.action, each.value) for each in senders.rules_of(engine, MINE, NOW)]


def test_a_page_is_of_its_scopes_searched_and_counted(engine: Engine) -> None:
    kept(engine, rule("deny", "b.example"), rule("allow", "a@b.example"), rule("deny", "b.example", EVERYBODY),
         rule("deny", "c.example", account_scope("8")), rule("deny", "gone.example", days=-1))  # fmt: skip
    both = lists.page(engine, [EVERYBODY, MINE], NOW)
    assert both.total == 3 and [each.value for each in both.rules] == ["a@b.example", "b.example", "b.example"]
    second = lists.page(engine, [MINE], NOW, offset=1, limit=1)
    assert second.total == 2 and [each.value for each in second.rules] == ["b.example"]
    assert lists.page(engine, [MINE], NOW, sought="A@", action="allow").total == 1
    assert lists.page(engine, [MINE], NOW, sought="_").total == 0, "it is no pattern"


def test_many_are_added_in_few_statements_and_taken_out_again(engine: Engine) -> None:
    kept(engine, rule("allow", "x7.example"), rule("deny", "x8.example"), rule("nogrey", "x9.example"))
    before = mine(engine)
    wanted = [rule("deny", f"x{number}.example") for number in range(600)]
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert actions.import_rules(engine, ME, wanted) == 599
    assert len(asked) < 25
    assert len(mine(engine)) == 600 and {action for action, _ in mine(engine)} == {"deny"}
    done = actions.of_account(engine, "7")[0]
    assert (done.verb, done.target) == ("rules-import", "599 senders") and actions.undoable(done, NOW)
    actions.undo(engine, ME, done.id, NOW)
    assert mine(engine) == before
    assert actions.import_rules(engine, ME, [rule("deny", "x8.example")]) == 0
    assert actions.import_rules(engine, ME, []) == 0 and len(actions.of_account(engine, "7")) == 2


def test_what_an_import_replaced_comes_back_in_the_place_of_its_opposite(engine: Engine) -> None:
    kept(engine, rule("deny", "a.example"))
    actions.import_rules(engine, ME, [rule("deny", "a.example", days=3)])
    kept(engine, rule("allow", "a.example"))
    actions.undo(engine, ME, actions.of_account(engine, "7")[0].id, NOW)
    assert mine(engine) == [("deny", "a.example")]


def test_an_import_keeps_the_numbers_by_which_the_log_names_rules(engine: Engine) -> None:
    numbers = kept(engine, replace(rule("deny", "a.example"), hits=3), rule("allow", "b.example"))
    actions.import_rules(engine, ME, [rule("deny", f"{letter}.example", days=3) for letter in "abc"])
    found = senders.rules_of(engine, MINE, NOW)
    assert (found[0].rule_id, found[0].hits) == (numbers[0], 3) and len({each.rule_id for each in found}) == 3
    kept(engine, rule("deny", "d.example"))
    actions.undo(engine, ME, actions.of_account(engine, "7")[0].id, NOW)
    assert mine(engine) == [("deny", "a.example"), ("allow", "b.example"), ("deny", "d.example")]
    assert [each.rule_id for each in senders.rules_of(engine, MINE, NOW)][:2] == numbers


def test_all_or_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "MOST", 3)
    kept(engine, rule("allow", "a.example"), rule("deny", "b.example", days=-1))
    wanted = [rule("deny", f"{letter}.example") for letter in "acd"]
    with pytest.raises(Full):
        changed(engine, lambda each: lists.add_all(each, [*wanted, rule("deny", "e.example")]))
    assert mine(engine) == [("allow", "a.example")]
    made, before = changed(engine, lambda each: lists.add_all(each, wanted))
    assert len(made) == 3 and [each.action for each in before] == ["allow"]


def test_what_is_locked_gives_way_to_what_is_locked_alone(engine: Engine) -> None:
    site, admin = site_scope("3"), By("8", "", "3")
    kept(engine, rule("allow", "a.example", site, locked=True))
    with pytest.raises(Gone):
        actions.import_rules(engine, admin, [rule("deny", "b.example", site), rule("deny", "a.example", site)])
    locked: list[Rule] = [replace(rule("deny", "a.example", site), locked=True)]
    assert actions.import_rules(engine, admin, locked) == 1
    (done,) = actions.of_site(engine, "3")
    actions.undo(engine, admin, done.id, NOW)
    assert [(each.action, each.locked) for each in senders.rules_of(engine, site, NOW)] == [("allow", True)]
    mine_locked = replace(rule("deny", "m.example"), locked=True)
    number, _ = actions.add_rule(engine, ME, mine_locked)
    with pytest.raises(Gone):
        actions.undo(engine, ME, number, NOW)
