"""What was changed is said field by field, in words, bounded, and without what stands on no page."""

from datetime import UTC, datetime
from typing import Any

from app.directory.edit import Change
from app.policy.actions import Action, By
from app.web.blocked.told import MOST, changed, differs, doing

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def action(*changes: Change | Any) -> Action:
    told = [each.as_json() if isinstance(each, Change) else each for each in changes]
    return Action(1, NOW, By("a"), "account", "x", {"changes": told})


def test_a_change_is_said_before_and_after() -> None:
    after = {"enabled": False, "forward_to": "x@else.example"}
    one = Change("account", 1, {"enabled": True, "forward_to": None}, after)
    assert changed(action(one)) == ["forwards to: – → x@else.example", "enabled: yes → no"]


def test_a_new_row_says_what_is_not_as_usual_and_no_login() -> None:
    row = {"username": "zoe", "kind": "mailbox", "role": "user", "enabled": True, "login": "u77", "server_id": 3,
           "display_name": "Zoe\u202e\r\n"}  # fmt: skip
    assert differs(Change("account", 1, None, row)) == ["name: Zoe"]
    assert changed(action(Change("account", 1, row, None))) == []


def test_many_changes_are_bounded_and_named() -> None:
    rows = [Change("account", n, None, {"username": f"u{n}", "display_name": "x"}) for n in range(500)]
    assert changed(action(*rows[:2])) == ["u0", "name: x", "u1", "name: x"]
    (said,) = changed(action(*rows))
    assert said.startswith("500: u0, u1, ") and said.endswith(f", and {500 - MOST} more")
    assert changed(action(*[Change("account", 7, {"locale": None}, {"locale": "de"})] * 4))[0].startswith("4: number 7")


def test_actions_without_changes_say_nothing_more() -> None:
    for detail in ({}, {"changes": None}, {"changes": "x"}, {"made": {}}):
        assert changed(Action(1, NOW, By("a"), "allow", "x", detail)) == []
    assert doing("alias-add") == "Added an alias" and doing("new") == "new"
