"""What was done is written down with it, and taken back once, within a day, by who did it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from app.policy import actions, senders
from app.policy.actions import By
from app.policy.errors import BadValue, Gone
from app.policy.rule import Rule, account_scope
from tests.policy.rules import MINE, NOW, kept, rule

ME = By("7", "7", "3", "192.0.2.1")


def mine(engine: Engine) -> list[tuple[str, str]]:
    return [(each.action, each.value) for each in senders.rules_of(engine, MINE, NOW)]


def test_adding_a_rule_is_written_down_and_taken_back_once(engine: Engine) -> None:
    kept(engine, rule("deny", "bank.example"))
    number, made = actions.add_rule(engine, ME, rule("allow", "bank.example", days=30), {"row": "x"})
    assert mine(engine) == [("allow", "bank.example")]
    found = actions.of_account(engine, "7")[0]
    assert (found.verb, found.target, found.by, found.detail["row"], found.at) == ("allow", made.value, ME, "x", NOW)
    assert actions.undoable(found, NOW)
    actions.undo(engine, ME, number, NOW)
    assert mine(engine) == [("deny", "bank.example")]
    with pytest.raises(Gone):
        actions.undo(engine, ME, number, NOW)
    assert [(each.verb, each.undone) for each in actions.of_account(engine, "7")] == [("undo", False), ("allow", True)]


def test_a_removed_rule_comes_back_as_it_was(engine: Engine) -> None:
    (number,) = kept(engine, replace(rule("deny", "bank.example", days=3), note="é"))
    before = senders.rules_of(engine, MINE, NOW)
    action, gone = actions.remove_rule(engine, ME, MINE, number, NOW)
    assert mine(engine) == [] and (gone,) == before
    actions.undo(engine, ME, action, NOW)
    assert [replace(each, rule_id=0) for each in senders.rules_of(engine, MINE, NOW)] == [replace(gone, rule_id=0)]


def test_what_comes_back_takes_the_place_of_its_opposite(engine: Engine) -> None:
    (number,) = kept(engine, rule("deny", "bank.example"))
    removed, _ = actions.remove_rule(engine, ME, MINE, number, NOW)
    kept(engine, rule("allow", "bank.example"))
    actions.undo(engine, ME, removed, NOW)
    assert mine(engine) == [("deny", "bank.example")]


@pytest.mark.parametrize(
    "by", [By("8", "8", "3"), By("8", "7", "3"), By("7", "8", "3")], ids=["stranger", "admin", "elsewhere"]
)
def test_nobody_else_takes_it_back(engine: Engine, by: By) -> None:
    number, _ = actions.add_rule(engine, ME, rule("allow", "bank.example"))
    with pytest.raises(Gone):
        actions.undo(engine, by, number, NOW)
    assert mine(engine) == [("allow", "bank.example")]


def test_after_a_day_and_for_other_verbs_there_is_no_way_back(engine: Engine) -> None:
    number, _ = actions.add_rule(engine, ME, rule("allow", "bank.example"))
    with pytest.raises(Gone):
        actions.undo(engine, ME, number, NOW + timedelta(days=1))
    released = actions.recorded(engine, ME, "release", "bob@bank.example", NOW)
    with pytest.raises(Gone):
        actions.undo(engine, ME, released, NOW)
    actions.undo(engine, ME, released, NOW, frozenset({"release"}))


def test_what_fails_is_not_written_down(engine: Engine) -> None:
    with pytest.raises(BadValue):
        actions.add_rule(engine, ME, rule("allow", "none"))
    with pytest.raises(Gone):
        actions.remove_rule(engine, ME, MINE, 999, NOW)
    (theirs,) = kept(engine, rule("deny", "a.example", account_scope("8")))
    with pytest.raises(Gone):
        actions.remove_rule(engine, ME, MINE, theirs, NOW)
    assert actions.of_account(engine, "7") == ()


def test_the_log_of_an_account_is_read_in_pages(engine: Engine) -> None:
    made: list[Rule] = []
    for number in range(5):
        made.append(actions.add_rule(engine, ME, rule("deny", f"{number}.example"))[1])
    actions.recorded(engine, By("1", "8"), "look", "8", NOW)
    first = actions.of_account(engine, "7", limit=3)
    rest = actions.of_account(engine, "7", before=first[-1].id)
    assert [each.target for each in (*first, *rest)] == [f"{number}.example" for number in (4, 3, 2, 1, 0)]
    assert actions.of_account(engine, "7", since=NOW + timedelta(seconds=1)) == ()


def test_a_target_is_cut_to_its_column(engine: Engine) -> None:
    actions.recorded(engine, ME, "report", "x" * 1000, NOW)
    assert len(actions.of_account(engine, "7")[0].target) == actions.TARGET


def test_one_kind_of_action_is_found_behind_any_number_of_others(engine: Engine) -> None:
    actions.recorded(engine, By("1", "7"), "look", "7", NOW - timedelta(minutes=1))
    for number in range(5):
        actions.recorded(engine, ME, "hide", f"{number}.example", NOW)
    assert [each.by.actor_id for each in actions.of_account(engine, "7", verb="look", limit=2)] == ["1"]


def test_what_is_older_than_the_log_is_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "BATCH", 2)
    for days in (0, 91, 92, 93, 94, 95):
        with engine.begin() as connection:
            actions.record(connection, ME, "hide", f"{days}", NOW - timedelta(days=days))
    assert actions.forget(engine, NOW - timedelta(days=90)) == 5
    assert [each.target for each in actions.of_account(engine, "7")] == ["0"]
