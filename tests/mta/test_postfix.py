"""Real Postfix refuses in every way that its log knows, and what is read of the log is what the client was told."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.blocklog.codes import Known, Policy, Resolved, Stage
from app.blocklog.tables import BlockRow, OddRow, RecentRow
from app.demo import directory
from app.demo import node as nodes
from app.demo.dovecot import Dovecot
from app.directory.engine import open_engine
from app.policy.hosts import HostBlock
from app.policy.hosts import blocks as host_blocks
from tests.conftest import make_server_folder
from tests.mta import mx
from tests.mta.dns import Nameserver
from tests.mta.mx import Mx
from tests.mta.namespace import Namespace
from tests.mta.peers import ContentFilter, Milter, PolicyService
from tests.mta.refusals import ALICE, ANSWERS, BOB, CAROL, FULL, VERDICTS, Case, cases, zone

pytestmark = pytest.mark.servers
PRETENDED = "nowhere.example"  # what one of the clients says that it is


@dataclass(frozen=True)
class World:
    """What was tried, and what the follower made of the logs, by the client's address."""

    cases: dict[str, Case]
    blocks: dict[str, list[Any]]
    recents: dict[str, list[Any]]
    odd: list[Any]
    shut_out: tuple[HostBlock, ...]


@pytest.fixture(scope="module")
def world(migrated: Path) -> Iterator[World]:
    if why := Mx.missing():
        pytest.skip(why)
    folder = make_server_folder()
    tried = cases()
    for number, case in enumerate(tried.values(), 1):
        if case.attempt.source == "127.0.0.1":
            case.attempt.source = f"198.51.100.{number}"
    try:
        try_all(folder, tried)
        yield follow(folder, tried, f"sqlite:///{shutil.copy(migrated, folder / 'log.db')}")
    finally:
        shutil.rmtree(folder)


def try_all(folder: Path, tried: dict[str, Case]) -> None:
    """Runs the servers, and all clients at once."""
    sources = sorted({case.attempt.source for case in tried.values()})
    listener = f"service lmtp {{\n  unix_listener {folder}/lmtp {{\n    mode = 0666\n  }}\n}}"
    boxes = {f"{name}@isp.example": "secret" for name in mx.PEOPLE}
    dovecot = Dovecot(folder / "dovecot", boxes, quota="60K", options=listener)
    with ExitStack() as stack:
        stack.callback(dovecot.stop)
        dovecot.start().deliver(FULL, b"Subject: full\n\n" + b"x" * 59_000)
        network = stack.enter_context(Namespace(folder, sources))
        stack.enter_context(Nameserver(network.listen(53, udp=True), zone(sources)))
        stack.enter_context(PolicyService(network.listen(mx.POLICY), ANSWERS))
        stack.enter_context(Milter(network.listen(mx.MILTER), VERDICTS))
        stack.enter_context(ContentFilter(network, mx.FILTER, mx.BACK))
        server = stack.enter_context(Mx(network))
        server.ready()
        first = replace(tried["too often"].attempt, told={}, replies={})
        first.make(mx.RATE, network=network)
        with ThreadPoolExecutor(8) as several:
            list(several.map(lambda case: case.attempt.make(case.port, network=network), tried.values()))
        again = replace(tried["greylisted"].attempt, told={}, replies={})
        until(lambda: not again.make(mx.GREYLISTING, network=network) and again.told[ALICE].code < 400)
        until(lambda: delivered(server))


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "it did not come to an end"
        time.sleep(0.1)


def delivered(server: mx.Mx) -> bool:
    """Whether nothing lies in the queue but what is held, and the log tells of all that left it."""
    under_way = [each for name in ("incoming", "active") for each in (server.folder / "queue" / name).iterdir()]
    log = server.said()
    return not under_way and log.count(": removed") >= log.count("(queue active)")


def follow(folder: Path, tried: dict[str, Case], url: str) -> World:
    """Runs the follower over both logs, as for a backfill."""
    engine = open_engine(url)
    with engine.begin() as connection:
        server = directory.put_server(connection, "box1", {"imap": 143})
        for name in mx.PEOPLE:
            directory.put_account(connection, f"{name}@isp.example", name, server)
    words = [sys.executable, "-m", "app.blocklog.follow", "--node", "mx1", "--once"]
    logs = [str(folder / "mail.log"), str(folder / "syslog.txt")]
    ours = {"POSTERN_OWN_NAMES": f"{PRETENDED},192.0.2.25"}
    settings = nodes.environment({"POSTERN_DATABASE_URL": url, "POSTERN_SECRET_KEY": secrets.token_urlsafe(32), **ours})
    done = subprocess.run([*words, *logs], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with engine.connect() as connection:
        blocks = connection.execute(select(BlockRow.__table__)).all()
        recents = connection.execute(select(RecentRow.__table__)).all()
        odd = connection.execute(select(OddRow.__table__)).all()
    shut_out = host_blocks(engine, datetime.now(UTC))
    engine.dispose()
    return World(tried, by_client(blocks), by_client(recents), list(odd), shut_out)


def by_client(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.client_ip, []).append(row)
    return found


def test_who_said_that_it_was_one_of_ours_is_shut_out(world: World) -> None:
    (only,) = world.shut_out
    assert only.ip == world.cases["an unknown HELO"].attempt.source
    assert only.reason == f"named itself {PRETENDED} in HELO"


TWICE = "a milter at RCPT, and at the end"
NAMES = tuple(name for name in cases() if name != TWICE)
OURS = {f"{name}@isp.example" for name in mx.PEOPLE}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_is_what_the_client_was_told(world: World, name: str) -> None:
    case = world.cases[name]
    attempt, rows = case.attempt, world.blocks.get(case.attempt.source, [])
    told = told_of(case)
    assert {row.rcpt for row in rows} == set(told)
    assert len(rows) == len(told)
    for row in rows:
        code, dsn = told[row.rcpt]
        assert (row.policy, row.outcome, row.stage) == (case.policy, case.outcome, case.stage)
        assert (row.smtp_code, row.dsn) == (None if case.port == mx.MILTERS and code and not case.seen else code, dsn)
        assert row.detail == case.detail
        sender = f"{row.sender_local}@{row.sender_domain}"
        assert sender == (attempt.sender.lower() or "@") or case.unseen or case.stage < Stage.mail
        assert row.rcpts_known in known(case, row.rcpt)
        assert bool(row.account_id) == (row.rcpt in OURS)


def known(case: Case, recipient: str) -> set[Known]:
    """How sure a row may be of its recipient."""
    if case.port == mx.SILENT:
        return {Known.others_unknown}
    if case.stage not in (Stage.data, Stage.end_of_message):
        return {Known.certain}
    last = recipient == case.attempt.recipients[-1]
    return {Known.certain, Known.joined} if last else {Known.joined}


def told_of(case: Case) -> dict[str, tuple[int | None, str | None]]:
    """What the client was told of each recipient; of nobody where it could name none."""
    if case.policy is None:
        return {}
    if case.stopped:
        return dict.fromkeys(case.stopped, case.codes)
    refused = case.attempt.refused or {"": list(case.attempt.replies.values())[-1]}
    if case.unseen:
        refused = dict(zip([""], refused.values(), strict=True))
    return {name.lower(): (reply.code, reply.dsn) for name, reply in refused.items()}


def test_a_recipient_that_a_milter_refused_is_not_refused_again_with_the_message(world: World) -> None:
    rows = world.blocks[world.cases[TWICE].attempt.source]
    found = sorted((row.rcpt, row.policy, row.stage) for row in rows)
    end = (Policy.spam, Stage.end_of_message)
    assert found == [(ALICE, *end), (BOB, Policy.dmarc, Stage.rcpt), (CAROL, *end)]


def test_accepted_mail_is_one_row_a_recipient_however_many_hops_it_took(world: World) -> None:
    rows = world.recents[world.cases["through a filter"].attempt.source]
    assert sorted(row.rcpt for row in rows) == [ALICE, BOB]


def test_an_alias_that_was_accepted_is_found_by_its_members(world: World) -> None:
    rows, team = world.recents[world.cases["plain"].attempt.source], "team@isp.example"
    assert sorted((row.rcpt, row.final_rcpt) for row in rows) == [(ALICE, ALICE), (team, ALICE), (team, BOB)]


def test_mail_that_was_greylisted_is_resolved_once_it_came(world: World) -> None:
    (row,) = world.blocks[world.cases["greylisted"].attempt.source]
    assert row.resolved_how == Resolved.greylist_passed


def test_no_line_of_these_is_odd_but_what_no_pattern_classes(world: World) -> None:
    assert [row.example for row in world.odd if row.why != "a reply of no known class"] == []
