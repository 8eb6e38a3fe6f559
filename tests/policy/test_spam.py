"""Settings of spam handling: inherited, chosen, locked, taken back; and one statement says what holds."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, event

from app.policy import actions, intake, spam
from app.policy.actions import By
from app.policy.asking import changed
from app.policy.chosen import Chosen, write
from app.policy.errors import BadValue, Gone, Locked, PolicyAway
from app.policy.rule import EVERYBODY, Scope, account_scope, site_scope
from app.policy.tables import Base
from tests.policy.rules import MINE, NOW

ME, ADMIN, PROVIDER = By("7", "7", "3"), By("8", "", "3"), By("9")
SITE = site_scope("3")
NAMES = ("junk_score", "reject_score")


def held(engine: Engine, account_id: str = "7", site: str = "3") -> spam.Effective:
    return spam.effective(engine, account_id=account_id, site=site)


def test_what_nobody_chose_is_the_default(engine: Engine) -> None:
    found = held(engine)
    assert {name: each.value for name, each in found.items()} == dict(spam.DEFAULTS)
    assert found.delays and not any(each.scope or each.locked or each.own for _, each in found.items())


def model(name: str, told: dict[int, Chosen]) -> tuple[str, int | None, bool]:
    """The contract, step by step: from everybody downwards, stopping at a lock."""
    value: tuple[str, int | None, bool] = (spam.DEFAULTS[name], None, False)
    for rank in (0, 1, 2):
        if rank in told:
            value = (told[rank].value, rank, told[rank].locked)
            if told[rank].locked:
                break
    return value


def filled(connection: Connection, dice: random.Random) -> dict[str, dict[int, Chosen]]:
    """Choices of all three scopes, and of others that say nothing here; what was chosen, by name and rank."""
    told: dict[str, dict[int, Chosen]] = {name: {} for name in NAMES}
    for name, scope in itertools.product(NAMES, (EVERYBODY, SITE, MINE)):
        wish = Chosen(f"{dice.randint(1, 90)}", dice.random() < 0.4 and scope.rank < 2) if dice.random() < 0.6 else None
        write(connection, scope, name, wish, NOW)
        if wish is not None:
            told[name][scope.rank] = wish
    for scope in (site_scope("4"), account_scope("8")):
        write(connection, scope, NAMES[0], Chosen("99", True), NOW)
    return told


def test_what_holds_is_what_the_contract_says_step_by_step(engine: Engine) -> None:
    dice = random.Random(20261127)
    for _ in range(40):
        told = changed(engine, lambda connection: filled(connection, dice))
        for account_id, site, ranks in (("7", "3", 3), ("", "3", 2), ("", "", 1)):
            found = dict(held(engine, account_id, site).items())
            for name, its in ((name, found[name]) for name in NAMES):
                seen = {rank: each for rank, each in told[name].items() if rank < ranks}
                expected = (*model(name, seen), seen.get(ranks - 1))
                assert (its.value, None if its.scope is None else its.scope.rank, its.locked, its.own) == expected
                assert its.inherited == model(name, {each: seen[each] for each in seen if each < ranks - 1})[0]


def test_it_is_one_statement(engine: Engine) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    held(engine)
    assert len(asked) == 1


def test_a_choice_is_kept_in_one_spelling_and_taken_back(engine: Engine) -> None:
    assert spam.choose(engine, ME, MINE, "junk_score", " 7,50 ", False, NOW) == Chosen("7.5")
    spam.choose(engine, ME, MINE, "junk_score", "7.5", False, NOW)
    spam.choose(engine, ME, MINE, "languages", "en  DE en", False, NOW)
    found = held(engine)
    assert (found.junk_score.value, found.junk_score.inherited, found.languages.value) == ("7.5", "5", "de en")
    last, first = actions.of_account(engine, "7")
    assert (first.verb, first.target, last.target) == ("setting", "junk_score", "languages")
    actions.undo(engine, ME, first.id, NOW)
    assert held(engine).junk_score == spam.Setting("5", inherited="5")
    spam.choose(engine, ME, MINE, "languages", None, False, NOW)
    with pytest.raises(Gone):
        actions.undo(engine, ME, last.id, NOW)
    assert held(engine).languages.own is None


def test_what_a_wider_scope_locked_cannot_be_chosen(engine: Engine) -> None:
    spam.choose(engine, ME, MINE, "rbl", "0", False, NOW)
    spam.choose(engine, ADMIN, SITE, "rbl", "1", True, NOW)
    assert held(engine).rbl == spam.Setting("1", SITE, True, "1", Chosen("0"), SITE)
    wishes = {"greylist": Chosen("0"), "rbl": None}
    with pytest.raises(Locked):
        spam.choose_all(engine, ME, MINE, wishes, NOW)
    assert held(engine).greylist.own is None, "all or none"
    spam.choose(engine, ME, MINE, "rbl", "0", False, NOW)  # as it is: nothing is changed
    spam.choose(engine, PROVIDER, EVERYBODY, "rbl", "0", True, NOW)
    with pytest.raises(Locked):
        spam.choose(engine, ADMIN, SITE, "rbl", None, False, NOW)
    assert held(engine).rbl.scope == EVERYBODY and held(engine, "8", "4").rbl.locked


def test_a_site_s_choice_is_taken_back_by_its_administrators_only(engine: Engine) -> None:
    spam.choose(engine, ADMIN, SITE, "spam_action", "tag", False, NOW)
    with pytest.raises(Gone):
        actions.undo(engine, By("5", "", "4"), 1, NOW)
    with pytest.raises(Gone):
        actions.undo(engine, ME, 1, NOW)
    with pytest.raises(Gone):
        actions.undo(engine, By("6", "", "3"), 1, NOW + timedelta(days=2))
    actions.undo(engine, By("6", "", "3"), 1, NOW)
    assert held(engine).spam_action.value == "junk"


def test_the_switch_of_the_intake_turns_delays_off_for_all(engine: Engine) -> None:
    spam.choose(engine, ME, MINE, "greylist", "1", False, NOW)
    intake.turn(engine, PROVIDER, "greylist_on", False, NOW, address="")
    assert held(engine).greylist.value == "1" and not held(engine).delays


def test_what_is_no_value_is_not_chosen(engine: Engine) -> None:
    wrong = {
        "junk_score": ("", "0", "-1", "nan", "1e3", "٥", "0.1"), "reject_score": ("1000", "5;"), "rbl": ("yes", "true"),
        "spam_action": ("delete",), "languages": ("xx", "de,en", "de\n_x"), "greylist_on": ("0",),
    }  # fmt: skip
    for name, value in ((name, value) for name, values in wrong.items() for value in values):
        with pytest.raises(BadValue):
            spam.choose(engine, ME, MINE, name, value, False, NOW)
    assert actions.of_account(engine, "7") == ()


def test_an_account_locks_nothing(engine: Engine) -> None:
    with pytest.raises(BadValue):
        spam.choose(engine, ME, MINE, "rbl", "0", True, NOW)


def test_without_tables_it_says_that_sql_is_away(engine: Engine) -> None:
    Base.metadata.drop_all(engine)
    with pytest.raises(PolicyAway):
        held(engine)
    with pytest.raises(PolicyAway):
        spam.choose(engine, ME, Scope(2, "7"), "rbl", "0", False, NOW)
