"""What an rspamd refuses for a real Postfix by a rule stands in the block log with that rule, which counts it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from app.blocklog.codes import Outcome, Policy
from app.blocklog.tables import BlockRow
from app.directory.engine import open_engine
from app.policy.actions import By, add_rule
from app.policy.rule import EVERYBODY, Rule, Scope, account_scope
from app.policy.senders import rules_of
from app.policy.value import Kind
from tests.conftest import make_server_folder
from tests.directory.filling import account, fill, run, server, site
from tests.mta import guarded
from tests.mta.client import Attempt, Reply
from tests.mta.dns import Nameserver, reverse
from tests.mta.guarded import PORT, Guarded, environment
from tests.mta.namespace import Namespace
from tests.mta.rspamd import MILTER, Rspamd

pytestmark = pytest.mark.servers
ALICE, BOB = "alice@isp.example", "bob@isp.example"
CLIENT = "203.0.113.7"
_MAPS = f"{guarded._FILES}\nsmtpd_milters = inet:127.0.0.1:{MILTER}\nmilter_default_action = accept"


@dataclass(frozen=True)
class World:
    """Postfix, its service and its milter, and their database."""

    server: Guarded
    rspamd: Rspamd
    engine: Engine

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)

    def told(self, author: str, *recipients: str, subject: str = "news") -> Reply:
        """What a client is told of a message that names somebody in From whom its envelope does not."""
        message = f"From: <{author}>\r\nTo: x@isp.example\r\nSubject: {subject}\r\n\r\nHello\r\n"
        attempt = Attempt("bounces@sender.example", recipients, message, source=CLIENT)
        attempt.make(PORT, network=self.server.network)
        return attempt.told[recipients[-1]]

    def rule(self, action: str, value: str, scope: Scope) -> int:
        made = Rule(scope, action, Kind.domain, value, datetime.now(UTC), origin="admin")
        return add_rule(self.engine, By("1", "1", "1"), made)[1].rule_id

    def hits(self, scope: Scope) -> dict[int, int]:
        return {each.rule_id: each.hits for each in rules_of(self.engine, scope, datetime.now(UTC))}

    def log(self) -> dict[str, Any]:
        """The rows of the block log by recipient, after the follower has read all."""
        self.server.said()
        words = [sys.executable, "-m", "app.blocklog.follow", "--again", "--node", "mx1", "--once"]
        words += [str(self.server.log), str(self.rspamd.log)]
        done = subprocess.run(words, env=environment(self.url), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with self.engine.connect() as connection:
            return {row.rcpt: row for row in connection.execute(select(BlockRow).order_by(BlockRow.blocked_at))}


@pytest.fixture(scope="module")
def started(migrated: Path) -> Iterator[World]:
    if why := "rspamd is not installed" if Rspamd.missing() else Guarded.missing():
        pytest.skip(why)
    folder = make_server_folder()
    url = f"sqlite:///{shutil.copy(migrated, folder / 'postern.db')}"
    zone = {reverse(CLIENT): {"PTR": ["mail.sender.example"]}, "mail.sender.example": {"A": [CLIENT]}}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        engine = open_engine(url)
        stack.callback(engine.dispose)
        fill(engine, server(), *site("one", "isp.example"), account("one", "alice"), account("one", "bob"))
        network = stack.enter_context(Namespace(folder, [CLIENT]))
        stack.enter_context(Nameserver(network.listen(53, udp=True), zone))
        postfix = stack.enter_context(Guarded(network, (ALICE, BOB), _MAPS))
        postfix.serve(url)
        (folder / "rspamd").mkdir()
        yield World(postfix, stack.enter_context(Rspamd(folder / "rspamd", "", network)), engine)


@pytest.fixture
def world(started: World) -> Iterator[World]:
    run(started.engine, "INSERT INTO policy_setting VALUES (0, '', 'greylist', '0', FALSE, CURRENT_TIMESTAMP)")
    yield started
    run(started.engine, "DELETE FROM policy_rule", "DELETE FROM policy_setting", "DELETE FROM block_log")


def test_a_message_that_a_rule_refused_after_data_is_linked_to_it_and_counted_once(world: World) -> None:
    mine = account_scope("1")
    number = world.rule("deny", "bank.example", mine)
    refused = world.told("boss@bank.example", ALICE)
    assert refused.text.startswith(f"554 5.7.1 This address does not accept mail from you [rule {number}]")
    row = world.log()[ALICE]
    assert (row.policy, row.outcome, row.rule_id, row.account_id) == (Policy.rule, Outcome.refused, number, "1")
    assert (row.reason, row.score) == (f"This address does not accept mail from you [rule {number}]", None)
    assert world.hits(mine) == {number: 1}


def test_no_rule_stands_at_mail_of_somebody_else(world: World) -> None:
    number = world.rule("deny", "bank.example", account_scope("1"))
    other = world.rule("deny", "bank.example", account_scope("2"))
    assert world.told("boss@bank.example", ALICE, BOB).code == 554
    assert {rcpt: (row.policy, row.rule_id) for rcpt, row in world.log().items()} == {
        ALICE: (Policy.rule, number),
        BOB: (Policy.rule, None),
    }
    wide = world.rule("deny", "club.example", EVERYBODY)
    assert world.told("boss@club.example", ALICE, BOB).code == 554
    assert [row.rule_id for row in world.log().values()] == [wide, wide]
    assert (world.hits(account_scope("2")), world.hits(EVERYBODY)) == ({other: 0}, {wide: 2})


def test_what_a_subject_says_of_a_rule_is_not_believed(world: World) -> None:
    number = world.rule("deny", "bank.example", EVERYBODY)
    run(world.engine, "INSERT INTO policy_setting VALUES (0, '', 'reject_score', '6', FALSE, CURRENT_TIMESTAMP)")
    subject = f"viagra;}},POSTERN_DENY(5000.00){{{number};}}"
    assert world.told("boss@else.example", BOB, subject=subject).code == 554
    assert f"[SIX(6.00){{{subject}" in world.rspamd.log.read_text()
    row = world.log()[BOB]
    assert (row.policy, row.rule_id, row.score) == (Policy.spam, None, 6)
    assert world.hits(EVERYBODY) == {number: 0}


def test_a_sender_who_is_allowed_at_both_places_is_counted_once(world: World) -> None:
    number = world.rule("allow", "sender.example", account_scope("2"))
    assert world.told("boss@else.example", BOB, subject="viagra").code == 250
    assert "POSTERN_ALLOW(0.00)" in world.rspamd.log.read_text()
    world.server.stop_serving()  # it writes down what it counted
    try:
        assert world.hits(account_scope("2")) == {number: 1}
    finally:
        world.server.serve(world.url)
