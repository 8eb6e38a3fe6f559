"""Many mails at once are decided as each by itself, with a bounded number of statements."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, text

from app.policy import senders
from app.policy.asking import changed
from app.policy.decisions import Mail, decisions, switched_off
from app.policy.errors import Gone
from app.policy.rule import EVERYBODY, Rule, Scope, account_scope, site_scope
from app.policy.spam import effective
from app.policy.value import Kind
from tests.policy.rules import NOW

SENDERS = ("info@bank.example", "Info@Bank.Example", "a@other.example", "", "x@nodot", "ü@bücher.example")
IPS = ("192.0.2.7", "192.0.99.1", "2001:db8::7", "", "none")
RECIPIENTS = ("alice@isp.example", "bob@isp.example", "")
VALUES = {
    Kind.sender: ("info@bank.example", "a@other.example"),
    Kind.domain: ("bank.example", "other.example", "xn--bcher-kva.example"),
    Kind.network: ("192.0.2.7/32", "192.0.2.0/24", "192.0.0.0/16", "2001:db8::/32"),
    Kind.recipient: ("alice@isp.example", "isp.example"),
}
SCOPES = (EVERYBODY, site_scope("3"), account_scope("7"), account_scope("8"))


def some_rule(chance: random.Random) -> Rule:
    kind = chance.choice(list(Kind))
    ends = chance.choice([None, None, NOW + timedelta(days=1), NOW - timedelta(days=1)])
    return Rule(
        chance.choice(SCOPES), chance.choice(["allow", "deny", "nogrey"]), kind, chance.choice(VALUES[kind]), NOW,
        expires_at=ends, locked=chance.random() < 0.2,
    )  # fmt: skip


def some_mail(chance: random.Random) -> Mail:
    account, site = chance.choice([("7", "3"), ("8", "3"), ("9", "4"), ("", "3"), ("", "")])
    return Mail(chance.choice(SENDERS), chance.choice(IPS), chance.choice(RECIPIENTS), account, site)


def test_each_is_decided_as_by_itself(engine: Engine) -> None:
    chance = random.Random(5)
    for _ in range(60):
        rule = some_rule(chance)
        try:
            changed(engine, lambda connection, rule=rule: senders.add(connection, rule))
        except Gone:
            continue  # a locked one stands there
    mails = [some_mail(chance) for _ in range(300)]
    alone = [
        senders.decide(
            engine, NOW, account_id=each.account_id, site=each.site, sender=each.sender, ip=each.ip,
            recipient=each.recipient,
        )
        for each in mails
    ]  # fmt: skip
    assert decisions(engine, mails, NOW) == alone
    assert {each.action for each in alone} == {"allow", "deny", ""}
    assert {each.nogrey for each in alone} == {True, False}


def test_a_hundred_cost_one_statement_for_rules_and_one_for_settings(engine: Engine) -> None:
    told = []
    event.listen(engine, "before_cursor_execute", lambda *args: told.append(args[2]))
    mails = [some_mail(random.Random(number)) for number in range(100)]
    decisions(engine, mails, NOW)
    switched_off(engine, mails)
    assert len(told) == 2


@pytest.mark.parametrize(
    ("rows", "off"),
    [
        ([], False),
        ([(0, "", "0", False)], True),
        ([(0, "", "0", False), (2, "7", "1", False)], False),
        ([(1, "3", "0", False), (0, "", "1", False)], True),
        ([(0, "", "1", True), (1, "3", "0", True), (2, "7", "0", False)], False),
        ([(1, "3", "0", True), (2, "7", "1", False)], True),
        ([(1, "4", "0", False), (2, "8", "0", False)], False),
    ],
)
def test_a_setting_is_that_of_the_narrowest_scope_or_of_who_locked_it(
    engine: Engine, rows: list[tuple[int, str, str, bool]], off: bool
) -> None:
    with engine.begin() as connection:
        for rank, scope_id, value, locked in rows:
            row = {"rank": rank, "id": scope_id, "value": value, "locked": locked, "at": NOW.replace(tzinfo=None)}
            names = "scope_rank, scope_id, name, value, locked, updated_at"
            new = f"INSERT INTO policy_setting ({names}) VALUES (:rank, :id, 'rbl', :value, :locked, :at)"
            connection.execute(text(new), row)
    assert switched_off(engine, [Mail("", account_id="7", site="3")]) == [frozenset({"rbl"} if off else ())]
    assert (effective(engine, account_id="7", site="3").rbl.value == "0") is off


@pytest.mark.parametrize(
    "sender", ["x" * 4000 + "@bank.example", "a" * 320, "\U0001f600@bank.example", "\\\"'%s:x@b.example"]
)
def test_whatever_a_stranger_sends_is_only_looked_up(engine: Engine, sender: str) -> None:
    rule = Rule(EVERYBODY, "deny", Kind.sender, "x@bank.example", NOW)
    changed(engine, lambda connection: senders.add(connection, rule))
    assert decisions(engine, [Mail(sender, "192.0.2.7", sender)], NOW)[0].action == ""


def test_scopes_are_the_widest_first() -> None:
    assert Mail("", account_id="7", site="3").scopes() == ((0, ""), (1, "3"), (2, "7"))
    assert Mail("").scopes() == ((0, ""),)
    assert Scope(*Mail("").scopes()[0]) == EVERYBODY
