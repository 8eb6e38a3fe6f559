"""Exim's SQL decides as app/policy does: the same rule of many, and the same triplet of a greylist."""

from __future__ import annotations

import random
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import Engine, insert, select

from app.directory.resolve import Directory, resolve
from app.policy import greylist, senders
from app.policy.tables import RuleRow, TripletRow
from app.policy.value import networks
from tests.mta.sqlexim import GOOD, LIAR, LISTED, SIX, SqlExim

pytestmark = pytest.mark.databases
RECIPIENTS = ("alice@one.example", "both@one.example", "Sales+x@one.test", "any@two.example", "out@two.example")
SENDERS = tuple(
    f"{local}@{domain}" for local, domain in product(("a", "b+7", "O'Hara"), ("sender.example", "else.example"))
)
CLIENTS = (GOOD, LISTED, LIAR, SIX)
SCOPES = ((0, ""), (1, "1"), (1, "2"), (2, "1"), (2, "2"), (2, "5"), (2, "9"))
ODD = (
    *("news-1234@sender.example", "bounce+alice=one.example@sender.example", "prvs=0a1b2c3d4e=bob@sender.example"),
    *("SRS0=HHH=TT=else.example=bob@sender.example", "srs1+x=y==z@sender.example", "+a+b@sender.example", ""),
    *("a.b-c_d@sender.example", "12345@sender.example", "o'x9y@sender.example", "list-help@sender.example"),
    *(
        "a+b+c+d@sender.example",
        "++a+b1@sender.example",
        f"{'ab' * 90}@sender.example",
        f"{'a' * 120}7-x@sender.example",
    ),
    *('"shop-99"@sender.example', '"O\\\\N.9"@sender.example', '"a b"."c+d"@sender.example'),
)


@dataclass(frozen=True)
class Case:
    """A mail, and what was said of it."""

    client: str
    sender: str
    recipient: str


@pytest.fixture
def ruled(sql_exim: SqlExim) -> SqlExim:
    sql_exim.run(*(f"DELETE FROM {name}" for name in ("policy_rule", "policy_setting", "host_block", "grey_triplet")))
    return sql_exim


def test_exim_decides_as_the_app_does(ruled: SqlExim) -> None:
    """Denied by the same rule; allowed where a list is not asked; spared the delay where another is not delayed."""
    made = [(client, sender) for client in CLIENTS for sender in SENDERS]
    actions: Counter[tuple[str, bool]] = Counter()
    for seed, many in ((1, 8), (2, 20), (3, 50)):
        _rules(ruled, random.Random(seed), many)
        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(lambda each: ruled.tries(each[1], *RECIPIENTS, source=each[0]), made))
        denied = _denied(ruled)
        for attempt, recipient in product(told, RECIPIENTS):
            case = Case(attempt.source, attempt.sender, recipient)
            wanted = _wanted(ruled.engine, case)
            assert attempt.told[recipient].text == _said(wanted, case), (seed, case, wanted)
            assert wanted.action != "deny" or wanted.rule and denied[case] == wanted.rule.rule_id
            actions[wanted.action, wanted.nogrey] += 1
    assert actions.total() == 360 and len(actions) == 4 and min(actions.values()) > 5, actions


def _rules(world: SqlExim, drawn: random.Random, many: int) -> None:
    """Rules of every kind about few values, so that several meet; some have ended, some are locked."""
    values = {
        1: [each.lower() for each in SENDERS],
        2: ["sender.example", "else.example"],
        3: [net for client in CLIENTS for net in networks(client)],
        4: [*(each.lower() for each in RECIPIENTS), "one.example", "two.example", "one.test"],
    }
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    now = datetime.now(UTC)
    for _ in range(many):
        rank, scope_id = drawn.choice(SCOPES)
        kind = drawn.choice((1, 1, 2, 3, 3, 4))
        row = {"scope_rank": rank, "scope_id": scope_id, "kind": kind, "value": drawn.choice(values[kind])}
        row["action"] = drawn.choice(("deny", "allow", "nogrey"))
        ends = drawn.choice((None, None, now + timedelta(days=1), now - timedelta(days=1)))
        rows[tuple(row.values())] = {**row, "locked": drawn.random() < 0.1, "expires_at": ends, "created_at": now}
    world.run("DELETE FROM policy_rule", "DELETE FROM grey_triplet")
    with world.engine.begin() as connection:
        connection.execute(insert(RuleRow), list(rows.values()))


def _wanted(engine: Engine, case: Case) -> senders.Decision:
    found = resolve(Directory(engine), case.recipient, catch_all=True)
    assert found is not None
    whose = {"account_id": found.id, "site": found.site, "recipient": case.recipient}
    return senders.decide(engine, datetime.now(UTC), sender=case.sender, ip=case.client, **whose)


def _said(wanted: senders.Decision, case: Case) -> str:
    if wanted.action == "deny":
        return "550 5.7.1 This address does not accept mail from you"
    if wanted.action == "allow":
        return "250 Accepted"
    if case.client == LISTED:
        return f"550 {LISTED} is listed at zen.example"
    return "250 Accepted" if wanted.nogrey else "451 4.7.1 Greylisted, please try again later"


def _denied(world: SqlExim) -> dict[Case, int]:
    lines = re.findall(
        r"\[([\da-f.:]+)\] F=<(\S+)> rejected RCPT <(\S+)>: \[blk p=rule id=(\d+)\]",
        world.exim.log().read_text(errors="replace"),
    )
    return {Case(client, sender, recipient): int(number) for client, sender, recipient, number in lines}


def test_a_greylist_s_triplet_is_the_app_s(ruled: SqlExim) -> None:
    clients = (GOOD, SIX)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: ruled.tries(each[1], RECIPIENTS[2], source=each[0]), product(clients, ODD)))
    plain = [re.sub(r'\\(.)|"', r"\1", each) for each in ODD]  # as Postfix tells them
    wanted = {greylist.triplet(client, sender, RECIPIENTS[2]) for client, sender in product(clients, plain)}
    table = TripletRow.__table__
    with ruled.engine.connect() as connection:
        rows = connection.execute(select(table.c.net, table.c.mark, table.c.sender, table.c.rcpt)).all()
    assert {greylist.Triplet(*row) for row in rows} == wanted and len(wanted) == 2 * len(ODD)
