"""Servers that are shut out are told so when they connect, by a real postscreen that asks the policy service."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.tables import BlockRow
from app.directory.engine import open_engine
from app.policy import hosts
from tests.conftest import make_server_folder
from tests.mta.client import Attempt, Reply
from tests.mta.guarded import SCREENED, Guarded
from tests.mta.namespace import Namespace
from tests.mta.test_policy_service import ADMIN, ALICE, World, follow, fresh, people, until

pytestmark = pytest.mark.servers
CLIENT, SIX, FLOOD, OURS = "203.0.113.7", "2001:db8::7", "203.0.113.9", "203.0.113.10"
ALLOWED, TRUSTED = "198.51.100.7", "192.0.2.7"
SHUT_OUT = "521 5.3.2 Service currently unavailable"


@pytest.fixture(scope="module")
def world(migrated: Path) -> Iterator[World]:
    if why := Guarded.missing():
        pytest.skip(why)
    folder = make_server_folder()
    url = f"sqlite:///{shutil.copy(migrated, folder / 'postern.db')}"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        engine = open_engine(url)
        stack.callback(engine.dispose)
        network = stack.enter_context(Namespace(folder, [CLIENT, SIX, FLOOD, OURS, ALLOWED, TRUSTED]))
        server = stack.enter_context(Guarded(network, (ALICE,), lists=""))
        found = World(server, engine, people(engine))
        serve(found)
        yield found


def serve(world: World) -> None:
    world.server.serve(
        world.url, POSTERN_OWN_NAMES="mx1.isp.example,192.0.2.25", POSTERN_POLICY_TRUSTED=f"{TRUSTED}/32"
    )


def greeted(world: World, source: str = CLIENT) -> Reply:
    """What a client is told when it connects, and nothing else."""
    with world.server.network.connect(SCREENED, source) as line, line.makefile("rb") as lines:
        return Reply(next(each for each in lines if each[3:4] != b"-").decode().rstrip())


def told(world: World, source: str = CLIENT, helo: str = "mail.sender.example") -> int:
    """What it is told of a recipient; of the connection where it does not come so far."""
    attempt = Attempt(fresh(), (ALICE,), helo=helo, source=source)
    attempt.make(SCREENED, network=world.server.network)
    return attempt.told[ALICE].code if attempt.told else attempt.replies["connect"].code


def block(world: World, ip: str, seconds: float = 3600) -> None:
    now = datetime.now(UTC)
    hosts.block(world.engine, ADMIN, ip, "an attack", now, now + timedelta(seconds=seconds))


@pytest.mark.parametrize("source", [CLIENT, SIX])
def test_a_server_is_shut_out_from_its_next_connection_until_that_ends(world: World, source: str) -> None:
    assert told(world, source) == 250
    block(world, source)
    assert greeted(world, source).text.startswith(SHUT_OUT), "though postscreen knows that it passed"
    now = datetime.now(UTC)
    hosts.extend(world.engine, ADMIN, source, now, now)
    assert told(world, source) == 250, "nor does it remember that it was shut out"
    block(world, source)
    assert greeted(world, source).code == 521
    hosts.remove(world.engine, ADMIN, source, datetime.now(UTC))
    assert greeted(world, source).code == 220


def test_who_says_hello_as_one_of_ours_does_not_come_again(world: World) -> None:
    assert told(world, OURS, helo="mx1.isp.example") == 250
    until(lambda: greeted(world, OURS).code == 521)
    until(lambda: [each.hits for each in hosts.blocks(world.engine, datetime.now(UTC)) if each.ip == OURS] > [0])


def test_who_is_inside_is_never_shut_out(world: World) -> None:
    block(world, TRUSTED)
    assert told(world, TRUSTED) == 250
    assert told(world, "127.0.0.1") == 250


def test_a_network_that_everybody_allows_is_spared_the_tests(world: World) -> None:
    world.add("allow", "198.51.100.0/24")
    assert told(world, ALLOWED) == 250
    log = world.server.said()
    assert f"ALLOWLISTED [{ALLOWED}]" in log and f"PASS NEW [{ALLOWED}]" not in log
    block(world, ALLOWED)
    assert greeted(world, ALLOWED).code == 521


def test_without_sql_and_without_the_service_all_come_in(world: World) -> None:
    block(world, CLIENT)
    rename(world, "host_block", "elsewhere")
    try:
        began = time.monotonic()
        assert greeted(world).code == 220
        assert time.monotonic() - began < 4
    finally:
        rename(world, "elsewhere", "host_block")
    until(lambda: greeted(world).code == 521)
    world.server.stop_serving()
    try:
        assert greeted(world).code == 220
    finally:
        serve(world)
    until(lambda: greeted(world).code == 521)


def rename(world: World, name: str, to: str) -> None:
    with world.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {name} RENAME TO {to}"))


def test_the_block_log_knows_of_it_for_administrators_alone(world: World) -> None:
    block(world, FLOOD)
    assert [greeted(world, FLOOD).code for _ in range(3)] == [521] * 3
    follow(world)
    with world.engine.connect() as connection:
        (row,) = connection.execute(select(BlockRow.__table__).where(BlockRow.client_ip == FLOOD))
    assert (row.policy, row.outcome, row.stage) == (Policy.client, Outcome.refused, Stage.connect)
    assert (row.account_id, row.rcpt, row.smtp_code, row.dsn) == ("", "", 521, "5.3.2")
    until(lambda: [each.hits for each in hosts.blocks(world.engine, datetime.now(UTC)) if each.ip == FLOOD] == [3])
