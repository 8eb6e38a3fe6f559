"""What is offered for which message, what the page says a rule would have done, and when it doubts the sender."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.blocklog.codes import Known, Outcome, Policy, Resolved, Stage
from app.blocklog.query import Block
from app.policy.rule import EVERYBODY, Rule, account_scope
from app.policy.senders import Decision
from app.policy.value import Kind
from app.web.blocked.situation import Doubt, Help, Situation, situation

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ROW = Block(
    account_id="7", blocked_at=NOW, id=1, site="3", policy=Policy.rbl, outcome=Outcome.refused, stage=Stage.rcpt,
    rcpts_known=Known.certain, smtp_code=554, dsn="5.7.1", score=None, detail="zen.spamhaus.org", rule_id=None,
    client_ip="203.0.113.7", client_name="mail.bank.example", helo="mail", sender_local="info",
    sender_domain="bank.example", rcpt="anna@one.example", subject=None, message_id=None, reason="blocked",
    queue_id=None, source_id=1, stored_ref=None, resolved_at=None, resolved_how=None,
)  # fmt: skip
KEPT: dict[str, Any] = {"outcome": Outcome.quarantined, "policy": Policy.spam, "stored_ref": "amavis:t3d7qJkAoigg"}
MINE = Rule(account_scope("7"), "allow", Kind.domain, "bank.example", NOW)


def of(
    decision: Decision | None = None, *, kept: tuple[str, ...] = ("release",), report: bool = False, asked: bool = True,
    **fields: Any,
) -> Situation:  # fmt: skip
    row = replace(ROW, **fields)
    own = {"one.example"}
    return situation(row, decision or Decision(), account_id="7", own=own, kept=kept, report=report, asked=asked)


@pytest.mark.parametrize(
    ("fields", "offers"),
    [
        ({}, {"allow", "tell"}),
        ({"policy": Policy.spam, "outcome": Outcome.discarded}, {"allow", "tell"}),
        ({"policy": Policy.greylist, "outcome": Outcome.delayed}, {"nogrey"}),
        (KEPT, {"allow", "release"}),
        ({**KEPT, "resolved_at": NOW, "resolved_how": Resolved.released}, {"allow"}),
        ({**KEPT, "policy": Policy.virus}, set()),
        ({"policy": Policy.virus}, set()),
        ({"policy": Policy.virus, "outcome": Outcome.dropped}, set()),
        ({"outcome": Outcome.junked, "policy": Policy.spam}, {"allow", "junk"}),
        ({"policy": Policy.size}, {"tell"}),
        ({"policy": Policy.quota}, {"tell", "storage"}),
        ({"policy": Policy.rate, "outcome": Outcome.delayed}, set()),
        ({"sender_local": "", "sender_domain": ""}, set()),
        ({"sender_local": "a b", "sender_domain": "no domain"}, set()),
    ],
)
def test_what_is_offered_depends_on_what_happened(fields: dict[str, Any], offers: set[str]) -> None:
    assert of(**fields).offers == offers


def test_what_the_site_has_not_set_up_is_not_offered() -> None:
    assert "release" not in of(kept=(), **KEPT).offers and "report" in of(report=True).offers


def test_a_rule_that_no_mail_server_asks_is_not_offered_and_one_that_is_there_can_be_removed() -> None:
    assert of(asked=False).offers == {"tell"}
    assert of(asked=False, policy=Policy.greylist, outcome=Outcome.delayed).offers == set()
    assert of(Decision("allow", MINE), asked=False).offers == {"tell", "unrule"}
    assert "delete" in of(kept=("release", "delete"), **KEPT).offers


@pytest.mark.parametrize(
    ("stage", "helped"),
    [
        (Stage.connect, Help.early), (Stage.helo, Help.early), (Stage.mail, Help.early), (Stage.rcpt, Help.yes),
        (Stage.data, Help.late), (Stage.end_of_message, Help.late), (Stage.after_acceptance, Help.late),
        (Stage.unknown, Help.unknown),
    ],
)  # fmt: skip
def test_a_rule_of_one_person_helps_only_once_they_were_named(stage: Stage, helped: Help) -> None:
    assert of(stage=stage).help is helped


def test_a_locked_rule_of_the_provider_comes_first() -> None:
    locked = Rule(EVERYBODY, "deny", Kind.domain, "bank.example", NOW, locked=True)
    assert of(Decision("deny", locked)).help is Help.locked
    assert of(Decision("deny", replace(locked, locked=False))).help is Help.yes


def test_an_own_rule_can_be_removed_instead() -> None:
    its = of(Decision("allow", MINE, nogrey=True))
    assert its.rule == MINE and its.offers == {"unrule", "tell"}
    its = of(Decision("deny", replace(MINE, action="deny")), policy=Policy.rule)
    assert its.offers == {"unrule", "allow", "tell"}
    assert of(Decision("allow", replace(MINE, scope=EVERYBODY))).rule is None


@pytest.mark.parametrize(
    ("fields", "doubt"),
    [
        ({}, None),
        ({"policy": Policy.spf}, Doubt.failed),
        ({"policy": Policy.dkim}, Doubt.failed),
        ({"policy": Policy.dmarc}, Doubt.failed),
        ({"sender_domain": "one.example"}, Doubt.own),
    ],
)
def test_a_sender_who_may_be_forged_is_doubted(fields: dict[str, Any], doubt: Doubt | None) -> None:
    assert of(**fields).doubt is doubt


def test_a_rule_is_about_an_address_or_a_domain_but_never_about_a_free_mail_provider() -> None:
    assert of().values() == {"address": "info@bank.example", "domain": "bank.example"} and of().first == "address"
    assert of(sender_domain="gmail.com").values() == {"address": "info@gmail.com"}
    assert of(sender_local="bounces+123-anna=one.example").first == "domain"
    assert of(sender_local="bounces+1", sender_domain="gmail.com").first == "address"
    assert of(sender_local="l" * 255, sender_domain=f"{'d' * 60}.{'e' * 60}.example").offers == {"allow"}
