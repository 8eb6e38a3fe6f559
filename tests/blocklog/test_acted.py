"""How often rules stopped a message is counted for whoever may know, in few rows."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from app.blocklog import acted
from app.blocklog.acted import Acted
from app.blocklog.codes import Policy
from tests.blocklog.filling import NOW, stopped

WEEK = timedelta(days=7)


def test_an_account_s_rows_are_counted_by_rule(engine: Engine) -> None:
    for hours, rule in ((1, 5), (3, 5), (2, 6), (300, 5), (1, None)):
        stopped(engine, "7", NOW - timedelta(hours=hours), policy=Policy.rule, rule_id=rule)
    stopped(engine, "8", NOW, policy=Policy.rule, rule_id=5)
    found = acted.of_account(engine, "7", [5, 9], NOW - WEEK)
    assert found == {5: Acted(2, NOW - timedelta(hours=1))}
    assert acted.of_account(engine, "7", [], NOW - WEEK) == {}


def test_of_sites_only_what_rules_did(engine: Engine) -> None:
    stopped(engine, "7", NOW, site="3", policy=Policy.rule, rule_id=5)
    stopped(engine, "8", NOW - timedelta(hours=1), site="3", policy=Policy.rule, rule_id=5)
    stopped(engine, "9", NOW, site="4", policy=Policy.rule, rule_id=5)
    stopped(engine, "7", NOW, site="3", policy=Policy.rbl, rule_id=5)
    assert acted.of_sites(engine, ["3"], [5], NOW - WEEK) == {5: Acted(2, NOW)}
    assert acted.of_sites(engine, ["3", "4", ""], [5], NOW - WEEK)[5].times == 3
