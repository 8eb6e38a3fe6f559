"""What Postfix is told, by rules, settings, switches, shut out servers and greylisting together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest
from sqlalchemy import Engine, text

from app.policy import hosts
from app.policy.actions import By
from app.policy.answers import LATER, SHUT_OUT, Answers
from app.policy.delegation import Request
from app.policy.rule import EVERYBODY, site_scope
from tests.policy.rules import NOW, kept, rule

OWNERS = {
    "alice@isp.example": (("7", "3"),),
    "team@isp.example": (("7", "3"), ("8", "3")),
    "both@isp.example": (("7", "3"), ("9", "4")),
}
ASKED = Request(
    protocol_state="RCPT", sender="info@bank.example", recipient="alice@isp.example", client_address="192.0.2.7"
)
RULES, GREYLIST = (replace(ASKED, policy_context=place) for place in ("rules", "greylist"))
CONNECT = replace(ASKED, policy_context="connect")


def answers(engine: Engine, *, off: tuple[str, ...] = (), now: datetime = NOW) -> Answers:
    found = Answers(engine, lambda some: {each: OWNERS.get(each, (("", ""),)) for each in some})
    found.trusted, found.off, found.clock = (ip_network("198.51.100.0/24"),), frozenset(off), lambda: now
    return found


def told(engine: Engine, *requests: Request, off: tuple[str, ...] = (), now: datetime = NOW) -> list[str]:
    return answers(engine, off=off, now=now)(requests)


def switch_off(engine: Engine, name: str, rank: int = 2, scope_id: str = "7") -> None:
    names = "scope_rank, scope_id, name, value, updated_at"
    values = {"rank": rank, "id": scope_id, "name": name, "at": NOW.replace(tzinfo=None)}
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO policy_setting ({names}) VALUES (:rank, :id, :name, '0', :at)"), values)


def test_a_denied_sender_is_told_so_with_the_rule(engine: Engine) -> None:
    (number,) = kept(engine, rule("deny", "bank.example"))
    refused = f"REJECT 5.7.1 This address does not accept mail from you [rule {number}]"
    other = replace(RULES, sender="a@other.example")
    assert told(engine, RULES, ASKED, other, GREYLIST)[:3] == [refused, refused, "DUNNO"]


def test_an_allowed_sender_skips_lists_and_greylisting(engine: Engine) -> None:
    kept(engine, rule("allow", "bank.example"))
    mine = answers(engine)
    assert mine([RULES, ASKED, GREYLIST]) == ["postern_allow", "OK", "DUNNO"]
    assert sum(mine.rule_hits.values()) == 2


def test_who_wants_no_lists_gets_none(engine: Engine) -> None:
    switch_off(engine, "rbl")
    switch_off(engine, "greylist")
    team = replace(RULES, recipient="team@isp.example")
    assert told(engine, RULES, team, ASKED) == ["postern_norbl", "DUNNO", "DUNNO"]


def test_a_rule_of_one_does_not_stop_mail_of_several(engine: Engine) -> None:
    kept(engine, rule("deny", "bank.example"))
    team, both = (replace(RULES, recipient=f"{name}@isp.example") for name in ("team", "both"))
    assert told(engine, team, both) == ["DUNNO", "DUNNO"]
    kept(engine, rule("deny", "bank.example", site_scope("3")))
    assert [each[:6] for each in told(engine, team, both)] == ["REJECT", "DUNNO"]


def test_a_long_recipient_is_asked_about_and_remembered_as_a_short_one(engine: Engine) -> None:
    kept(engine, rule("deny", "bank.example"))
    mine, asked = answers(engine), set[str]()
    mine.owners = lambda some: asked.update(some) or dict.fromkeys(some, (("7", "3"),))  # type: ignore[func-returns-value]
    long = replace(RULES, recipient=f"Alice+{'x' * 2000}@isp.example")
    assert mine([long, RULES])[0].startswith("REJECT")
    assert asked == {"alice@isp.example", f"alice+{'x' * 59}@isp.example"}


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("bank.example!info", "isp.example!alice"),
        ("info%bank.example", "alice%isp.example@[192.0.2.1]"),
        ("info@bank.example", "alice@isp.example@mx1.isp.example"),
    ],
)
def test_an_address_that_names_its_way_leads_past_no_rule(engine: Engine, sender: str, recipient: str) -> None:
    kept(engine, rule("deny", "bank.example"))
    (answer,) = told(engine, replace(RULES, sender=sender, recipient=recipient))
    assert answer.startswith("REJECT 5.7.1 ")


def test_a_first_mail_is_asked_to_come_again(engine: Engine) -> None:
    assert told(engine, GREYLIST, RULES) == [LATER, "DUNNO"]
    assert told(engine, ASKED, now=NOW + timedelta(minutes=6)) == ["DUNNO"]


def test_where_no_attempt_is_written_rules_hold_and_nobody_waits_for_ever(engine: Engine) -> None:
    kept(engine, rule("deny", "bank.example"))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE grey_triplet RENAME TO elsewhere"))
    mine = answers(engine)
    assert [each[:6] for each in mine([ASKED, replace(ASKED, sender="a@other.example")])] == ["REJECT", "DUNNO"]
    assert mine.unwritten
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO grey_triplet"))
    assert mine([replace(GREYLIST, sender="a@other.example")]) == [LATER]
    assert not mine.unwritten


@pytest.mark.parametrize("what", ["rule", "account", "site", "switch"])
def test_nothing_is_asked_to_come_again_where_that_is_off(engine: Engine, what: str) -> None:
    if what == "rule":
        kept(engine, rule("nogrey", "192.0.2.0/24", EVERYBODY))
    elif what != "switch":
        switch_off(engine, "greylist", *((2, "7") if what == "account" else (1, "3")))
    assert told(engine, GREYLIST, off=("greylist_on",) if what == "switch" else ()) == ["DUNNO"]


@pytest.mark.parametrize(
    ("switch", "paused"),
    [
        ("allow_cnxns", {"stranger", "inside", "person"}),
        ("allow_other", {"stranger"}),
        ("allow_trusted", {"inside"}),
        ("allow_authd", {"person"}),
    ],
)
def test_a_switch_stops_whom_it_is_about(engine: Engine, switch: str, paused: set[str]) -> None:
    who = {
        "stranger": CONNECT,
        "inside": replace(CONNECT, client_address="198.51.100.7"),
        "person": replace(CONNECT, sasl_username="alice"),
    }
    found = dict(zip(who, told(engine, *who.values(), off=(switch,)), strict=True))
    assert {name for name, answer in found.items() if answer[:3] in ("421", "450")} == paused
    assert {answer for name, answer in found.items() if name not in paused} <= {"DUNNO"}


def test_a_server_that_is_shut_out_stays_out_as_long_as_that_holds(engine: Engine) -> None:
    hosts.block(engine, By("1"), "192.0.2.7", "spam", NOW, NOW + timedelta(days=1))
    mapped, other = (replace(CONNECT, client_address=ip) for ip in ("::ffff:192.0.2.7", "192.0.2.8"))
    person = replace(CONNECT, sasl_username="alice")
    mine = answers(engine)
    assert mine([CONNECT, mapped, other, person]) == [SHUT_OUT, SHUT_OUT, "DUNNO", "DUNNO"]
    assert mine.host_hits == {"192.0.2.7": 2}
    assert told(engine, CONNECT, now=NOW + timedelta(days=2)) == ["DUNNO"]


def test_postscreen_is_told_who_is_shut_out_and_whom_everybody_allows(engine: Engine) -> None:
    hosts.block(engine, By("1"), "192.0.2.7", "spam", NOW, NOW + timedelta(days=1))
    kept(engine, rule("allow", "192.0.2.0/24", EVERYBODY), rule("deny", "203.0.113.0/24", EVERYBODY))
    kept(engine, rule("allow", "203.0.113.0/32", site_scope("3")), rule("nogrey", "203.0.114.0/24", EVERYBODY))
    ips = ("192.0.2.7", "192.0.2.8", "203.0.113.0", "203.0.114.1", "198.51.100.7", "nonsense", "")
    asked = [Request(policy_context="host", client_address=each) for each in ips]
    mine = answers(engine, off=("allow_cnxns",))
    assert mine(asked) == ["reject", "permit", *["DUNNO"] * 5]
    assert (mine.host_hits, mine.rule_hits) == ({"192.0.2.7": 1}, {})
    assert told(engine, asked[0], now=NOW + timedelta(days=1)) == ["permit"]


def test_what_has_no_recipient_and_other_contexts_pass(engine: Engine) -> None:
    kept(engine, rule("deny", "bank.example", EVERYBODY))
    data = replace(RULES, protocol_state="DATA")
    assert told(engine, replace(RULES, recipient=""), data, replace(ASKED, policy_context="x"))[:2] == ["DUNNO"] * 2
