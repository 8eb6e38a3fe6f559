"""A filter of content hears of all recipients at once what they chose: most patient limits, rules of all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from app.policy import spam
from app.policy.actions import By
from app.policy.chosen import Chosen
from app.policy.decisions import Mail, held
from app.policy.rule import EVERYBODY, Scope, account_scope, site_scope
from tests.policy.rules import NOW, kept, rule
from tests.policy.test_answers import ASKED, answers, told

ALICE = replace(ASKED, policy_context="content")
BOTH = replace(ALICE, recipient="alice@isp.example,other@isp.example")
BY = By("7", site="3")


def choose(engine: Engine, scope: Scope, name: str, value: str, *, locked: bool = False) -> None:
    spam.choose_all(engine, BY, scope, {name: Chosen(value, locked)}, NOW)


def test_nothing_chosen_is_as_usual(engine: Engine) -> None:
    assert told(engine, ALICE) == ["CONTENT junk=5 reject=15 greylist=1"]


def test_limits_are_those_that_the_page_shows_and_a_lock_wins(engine: Engine) -> None:
    for scope, value in ((EVERYBODY, "4"), (site_scope("3"), "6"), (account_scope("7"), "7.5")):
        choose(engine, scope, "junk_score", value)
    assert told(engine, ALICE) == ["CONTENT junk=7.5 reject=15 greylist=1"]
    choose(engine, EVERYBODY, "junk_score", "3", locked=True)
    assert told(engine, ALICE) == ["CONTENT junk=3 reject=15 greylist=0"]
    mail = Mail("", account_id="7", site="3")
    effective = spam.effective(engine, account_id="7", site="3")
    assert held(engine, [mail], ["junk_score"]) == [{"junk_score": effective.junk_score.value}]


def test_nothing_stands_above_a_refusal_and_no_delay_above_the_spam_folder(engine: Engine) -> None:
    choose(engine, account_scope("7"), "reject_score", "5")
    assert told(engine, ALICE) == ["CONTENT junk=9999 reject=5 greylist=1"]
    choose(engine, account_scope("7"), "reject_score", "8")
    choose(engine, account_scope("7"), "junk_score", "4")
    assert told(engine, ALICE) == ["CONTENT junk=4 reject=8 greylist=0"]
    choose(engine, account_scope("7"), "junk_score", "20")
    assert told(engine, ALICE, BOTH) == [
        "CONTENT junk=9999 reject=8 greylist=1",
        "CONTENT junk=9999 reject=15 greylist=1",
    ]


def test_of_several_people_the_most_patient_limit_counts_and_all_have_to_wait(engine: Engine) -> None:
    choose(engine, account_scope("7"), "reject_score", "8")
    choose(engine, account_scope("7"), "junk_score", "7")
    assert told(engine, BOTH) == ["CONTENT junk=7 reject=15 greylist=1"]
    choose(engine, account_scope("7"), "greylist", "0")
    assert told(engine, BOTH, ALICE) == ["CONTENT junk=7 reject=15 greylist=0", "CONTENT junk=7 reject=8 greylist=0"]


def test_a_rule_acts_where_all_say_so(engine: Engine) -> None:
    (number,) = kept(engine, rule("deny", "bank.example"))
    assert told(engine, ALICE, BOTH) == [
        f"CONTENT junk=5 reject=15 greylist=1 rule=deny:{number}",
        "CONTENT junk=5 reject=15 greylist=1",
    ]
    (wide,) = kept(engine, rule("deny", "info@bank.example", EVERYBODY))
    assert f"rule=deny:{number}" in told(engine, BOTH)[0]
    assert wide != number


def test_who_allows_a_sender_gets_the_mail_and_the_others_their_limits(engine: Engine) -> None:
    (number,) = kept(engine, rule("allow", "bank.example"))
    choose(engine, account_scope("7"), "junk_score", "20")
    assert told(engine, BOTH) == ["CONTENT junk=5 reject=9999 greylist=0"]
    assert told(engine, ALICE)[0].endswith(f"rule=allow:{number}")


@pytest.mark.parametrize(("action", "heeded"), [("deny", True), ("allow", False)])
def test_a_visible_sender_is_denied_but_never_allowed(engine: Engine, action: str, heeded: bool) -> None:
    kept(engine, rule(action, "boss@bank.example"))
    asked = replace(ALICE, sender="bounces@else.example", author="boss@bank.example")
    assert ("rule=" in told(engine, asked)[0]) is heeded


def test_an_allowed_server_wins_over_a_denied_visible_sender_only_where_it_comes_first(engine: Engine) -> None:
    kept(engine, rule("allow", "bounces@else.example"), rule("deny", "bank.example", EVERYBODY))
    asked = replace(ALICE, sender="bounces@else.example", author="boss@bank.example")
    assert "rule=allow" in told(engine, asked)[0]
    kept(engine, rule("deny", "boss@bank.example", EVERYBODY, locked=True))
    assert "rule=deny" in told(engine, asked)[0]


def test_what_a_rule_lets_in_counts_once_whoever_asks_first(engine: Engine) -> None:
    (number,) = kept(engine, rule("allow", "bank.example", EVERYBODY))
    mine, other = answers(engine), replace(BOTH, sender="b@bank.example")
    mine([replace(ASKED, policy_context="rules"), ALICE])
    assert mine.rule_hits == {number: 1}
    mine([other])
    assert mine.rule_hits == {number: 2}
    kept(engine, rule("deny", "bank.example"))
    mine([ALICE, other])
    assert mine.rule_hits == {number: 2}


def test_the_switch_turns_delays_off_for_all(engine: Engine) -> None:
    assert told(engine, ALICE, off=("greylist_on",)) == ["CONTENT junk=5 reject=15 greylist=0"]


def test_what_is_no_list_of_recipients_has_no_answer(engine: Engine) -> None:
    many = ",".join(f"a{number}@isp.example" for number in range(51))
    asked = [replace(ALICE, recipient=each) for each in ("", ",", "a@isp.example,", many)]
    assert told(engine, *asked) == ["DUNNO"] * 4
