"""A real Postfix decides as app/policy does: by the same rule of many, however sender and recipient are spelled."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

import pytest
from sqlalchemy import delete, insert

from app.policy import senders
from app.policy.tables import RuleRow
from app.policy.value import networks
from tests.mta.client import Attempt, Reply
from tests.mta.guarded import PORT
from tests.mta.test_policy_service import ALICE, BOB, CAROL, CLIENT, LISTED, OTHER, World, site_id, world

__all__ = ["world"]
pytestmark = pytest.mark.servers
RECIPIENTS: Final = (ALICE, BOB, CAROL)
SENDERS: Final = tuple(f"{a}@{b}" for a, b in product(("a", "b+7", "o'hara"), ("sender.example", "else.example")))
CLIENTS: Final = (CLIENT, LISTED, OTHER)
_WAYS: Final = ("{0}@{1}", '"{0}"@{1}.', "@x.example,@y.example:{0}@{1}", "{0} (a@b) @{1}", '"{0}@{1}"', '{0}@"{1}"')
_SENDING: Final = (*_WAYS, "{1}!{0}", "{0}%{1}", '"{1}!{0}"')
_RECEIVING: Final = (*_WAYS, "{0}%{1}@[127.0.0.1]", "{1}!{0}@[127.0.0.1]", "{0}@{1}@[127.0.0.1]")


def test_postfix_decides_as_the_app_does(world: World) -> None:
    drawn, found = random.Random(7), Counter[str]()
    for many in (3, 5, 8, 12, 20):
        make_rules(world, drawn, many)
        for client, sender in product(CLIENTS, SENDERS):
            found.update(tried(world, drawn, client, sender))
    assert len(found) == 3 and min(found.values()) > 25, found


def tried(world: World, drawn: random.Random, client: str, sender: str) -> list[str]:
    """A mail to all, and what the app says of each."""
    spelled = {each: spell(drawn, each, _RECEIVING) for each in RECIPIENTS}
    attempt = Attempt(spell(drawn, sender, _SENDING), tuple(spelled.values()), source=client)
    attempt.make(PORT, network=world.server.network)
    wanted = {each: decide(world, client, sender, each) for each in RECIPIENTS}
    for each, decision in wanted.items():
        assert agree(attempt.told[spelled[each]], decision, client), (attempt, each, decision)
    return [each.action for each in wanted.values()]


def spell(drawn: random.Random, address: str, ways: tuple[str, ...]) -> str:
    local, _, domain = address.partition("@")
    return drawn.choice((str.upper, str.lower))(drawn.choice(ways).format(local, domain))


def make_rules(world: World, drawn: random.Random, many: int) -> None:
    """Of every kind and scope about few values, so that several meet; some have ended, some are locked."""
    values = {1: SENDERS, 2: ("sender.example", "else.example"), 4: (*RECIPIENTS, "isp.example")}
    values[3] = (*(f"{each}/32" for each in CLIENTS), *networks(CLIENT)[1:])
    scopes = [(0, ""), (1, site_id(world)), (1, "99"), *((2, each) for each in world.ids.values())]
    now, rows = datetime.now(UTC), {}
    for _ in range(many):
        rank, scope_id = drawn.choice(scopes)
        kind = drawn.choice((1, 1, 2, 3, 3, 4))
        row = {"scope_rank": rank, "scope_id": scope_id, "kind": kind, "value": drawn.choice(values[kind])}
        row["action"] = drawn.choice(("deny", "allow", "nogrey"))
        ends = drawn.choice((None, None, now + timedelta(days=1), now - timedelta(days=1)))
        rows[tuple(row.values())] = {**row, "locked": drawn.random() < 0.1, "expires_at": ends, "created_at": now}
    with world.engine.begin() as connection:
        connection.execute(delete(RuleRow))
        connection.execute(insert(RuleRow), list(rows.values()))


def decide(world: World, client: str, sender: str, recipient: str) -> senders.Decision:
    whose = {"account_id": world.ids[recipient], "site": site_id(world), "recipient": recipient}
    return senders.decide(world.engine, datetime.now(UTC), sender=sender, ip=client, **whose)


def agree(told: Reply, wanted: senders.Decision, client: str) -> bool:
    """Whether a client was told what the rules say: of a denial with the rule that it is by."""
    if wanted.action == "deny":
        return wanted.rule is not None and f"[rule {wanted.rule.rule_id}]" in told.text
    if not wanted.action and client == LISTED:
        return "blocked using" in told.text
    return told.code == 250
