"""A real rspamd obeys limits and rules of a message's recipients, which it asks the policy service for."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.directory.engine import open_engine
from app.policy import spam
from app.policy.actions import By, add_rule
from app.policy.chosen import Chosen
from app.policy.rule import EVERYBODY, Rule, Scope, account_scope
from app.policy.value import Kind
from tests import dovecot24
from tests.conftest import make_server_folder
from tests.directory.filling import account, fill, run, server, site
from tests.mta.rspamd import Rspamd

pytestmark = [pytest.mark.databases, pytest.mark.servers]
ALICE, BOB = "alice@one.example", "bob@one.example"
MINE = account_scope("1")


@dataclass(frozen=True)
class World:
    """rspamd, the service beside it and their database."""

    rspamd: Rspamd
    engine: Engine

    def verdict(self, *recipients: str, **more: str) -> str:
        return str(self.rspamd.says(*recipients, **more)["action"])

    def limit(self, name: str, value: str, scope: Scope = MINE) -> None:
        spam.choose_all(self.engine, By("1", "1", "1"), scope, {name: Chosen(value)}, datetime.now(UTC))

    def rule(self, action: str, value: str, scope: Scope = MINE) -> int:
        kind = Kind.network if "/" in value else Kind.sender if "@" in value else Kind.domain
        made = Rule(scope, action, kind, value, datetime.now(UTC), origin="admin")
        return add_rule(self.engine, By("1", "1", "1"), made)[1].rule_id


@pytest.fixture(scope="module")
def started(migrated: Path) -> Iterator[World]:
    if Rspamd.missing():
        pytest.skip("needs rspamd")
    folder = make_server_folder()
    url = f"sqlite:///{shutil.copy(migrated, folder)}"
    engine = open_engine(url)
    fill(engine, server(), *site("one", "one.example"), account("one", "alice"), account("one", "bob"))
    try:
        with Rspamd(folder, url) as rspamd:
            yield World(rspamd, engine)
    finally:
        engine.dispose()
        shutil.rmtree(folder)


@pytest.fixture
def world(started: World) -> Iterator[World]:
    yield started
    run(started.engine, "DELETE FROM policy_rule", "DELETE FROM policy_setting")


def test_the_limits_of_one_account_change_its_verdict_and_nobody_elses(world: World) -> None:
    assert world.verdict(ALICE, subject="viagra") == "add header"
    world.limit("junk_score", "7")
    assert world.verdict(ALICE, subject="viagra") == "greylist"
    world.limit("greylist", "0")
    assert world.verdict(ALICE, subject="viagra") == "no action"
    assert world.verdict(BOB, subject="viagra") == "add header"
    world.limit("reject_score", "6")
    assert world.verdict("ALICE@One.Example", subject="viagra") == "reject"
    assert world.verdict(BOB, subject="viagra") == "add header"


def test_who_wants_less_than_others_gets_it_though_their_limits_stand_in_another_order(world: World) -> None:
    world.limit("reject_score", "3")
    assert world.verdict(ALICE, subject="viagra") == "reject"
    world.limit("reject_score", "15")
    world.limit("junk_score", "3.5")
    assert world.verdict(ALICE, subject="viagra") == "add header"


def test_a_denied_sender_is_refused_with_the_number_of_the_rule(world: World) -> None:
    number = world.rule("deny", "sender.example")
    told = world.rspamd.says(ALICE)
    assert told["action"] == "reject"
    assert told["messages"]["smtp_message"] == f"This address does not accept mail from you [rule {number}]"
    assert world.verdict(BOB) == world.verdict(ALICE, BOB) == "no action"
    assert world.verdict(ALICE, sender="x@else.example", author="a@sender.example") == "reject"


def test_an_allowed_sender_is_no_spam_but_a_virus_is_one(world: World) -> None:
    number = world.rule("allow", "203.0.113.0/24")
    told = world.rspamd.says(ALICE, subject="viagra")
    assert (told["action"], told["symbols"]["POSTERN_ALLOW"]["options"]) == ("no action", [str(number)])
    assert world.verdict(ALICE, subject="virus viagra") == "reject"
    assert world.verdict(ALICE, BOB, subject="viagra") == "add header"


def test_what_people_send_themselves_is_not_asked_about(world: World) -> None:
    world.rule("deny", "sender.example", EVERYBODY)
    assert world.verdict(ALICE, User="alice") == world.verdict(ALICE, IP="127.0.0.1") == "no action"


def test_no_word_of_a_message_becomes_a_line_of_a_request(world: World) -> None:
    world.rule("deny", "a@sender.example")
    for odd in ("x\nsender=a@sender.example", "x\n\nrequest=x\nsender=a@sender.example\nrecipient=" + ALICE):
        told = world.rspamd.says(ALICE, sender=odd.replace("\n", "%0A"), author="a@else.example")
        assert told["action"] == "no action", odd
    assert world.verdict(f"{ALICE},{BOB}") == "no action"


def test_rules_about_a_domain_hold_for_addresses_that_are_none(world: World) -> None:
    world.rule("deny", "sender.example")
    for author in ('"a, b"@sender.example', '"a b"@sender.example'):
        assert world.verdict(ALICE, sender="x@else.example", author=author) == "reject", author


def both(world: World, *recipients: str, subject: str = "viagra", **more: str) -> dict[str, object]:
    """The verdict, which is the same whether the plugin asks or the settings module does. The plugin does not ask for
    whoever signed in; 3.4 has no external_map, but takes the same object as a field of the request."""
    told = world.rspamd.settings(*recipients, **more)
    field = {"Settings": told} if told else {}
    ways = [
        world.rspamd.says(*recipients, subject=subject, **more),
        world.rspamd.says(*recipients, subject=subject, User="alice", **field, **more),
    ]
    names = ("POSTERN_DENY", "POSTERN_ALLOW", "GREYLIST_CHECK")
    plugin, module = (
        {
            "action": each["action"],
            "symbols": {name: each["symbols"][name].get("options") for name in names if name in each["symbols"]},
            "text": each["messages"],
        }
        for each in ways
    )
    if plugin["action"] == "reject" and "POSTERN_DENY" in plugin["symbols"]:
        module["symbols"].pop("GREYLIST_CHECK", None)  # it goes on after a verdict that no other symbol changes
    assert plugin == module
    return plugin


def test_rspamds_own_settings_module_decides_as_the_plugin(world: World) -> None:
    assert both(world, ALICE)["action"] == "add header"
    world.limit("junk_score", "7")
    assert both(world, ALICE)["action"] == both(world, ALICE, BOB)["action"] == "greylist"
    world.limit("greylist", "0")
    assert both(world, ALICE) == {"action": "no action", "symbols": {}, "text": {}}
    world.limit("reject_score", "6")
    assert both(world, ALICE)["action"] == "reject"
    number = world.rule("deny", "sender.example")
    for more in ({}, {"sender": "x@else.example", "author": "a@sender.example"}):
        denied = both(world, ALICE, subject="news", **more)
        assert (denied["action"], denied["symbols"]) == ("reject", {"POSTERN_DENY": [str(number)]})
    assert both(world, ALICE, BOB)["action"] == "no action"
    wide = world.rule("allow", "203.0.113.0/24", account_scope("2"))
    assert both(world, BOB) == {"action": "no action", "symbols": {"POSTERN_ALLOW": [str(wide)]}, "text": {}}
    assert both(world, BOB, subject="viagra virus")["action"] == "reject"


def test_where_the_settings_module_asks_by_itself_it_decides_as_the_plugin(world: World) -> None:
    if dovecot24.missing() or not (dovecot24.ROOT / "usr/bin/rspamd").exists():
        pytest.skip("Rspamd 3.12 is not unpacked: .ci/debian13")
    world.limit("junk_score", "7")
    number, _ = world.rule("deny", "sender.example"), world.rule("allow", "203.0.113.0/24", account_scope("2"))
    denied, nobody, long = "a@sender.example", "x@else.example", f"{'x' * 30_000}@sender.example"
    with ExitStack() as stack:
        ways = []
        for plugin in (True, False):
            folder = make_server_folder()
            stack.callback(shutil.rmtree, folder)
            ways.append(stack.enter_context(Rspamd(folder, world.rspamd.database, plugin=plugin, new=True)))
        for recipients in ((ALICE,), (BOB,), (ALICE, BOB), tuple(f"a{each}@one.example" for each in range(51))):
            for sender, author in (
                (denied, nobody),
                (nobody, denied),
                (nobody, '"a, b"@sender.example'),
                (nobody, long),
                ("", long),
            ):
                for more in ({}, {"User": "alice"}, {"IP": "127.0.0.1"}):
                    asked = {"sender": sender, "author": author, "subject": "viagra", **more}
                    verdicts = [each.says(*recipients, **asked)["action"] for each in ways]
                    assert verdicts[0] == verdicts[1], (recipients, asked)
        assert ways[1].says(ALICE, sender=nobody, author=long)["action"] == "reject"
        assert ways[1].says(ALICE)["symbols"]["POSTERN_DENY"]["options"] == [str(number)]
        assert f"[POSTERN_DENY(5000.00){{{number};}}" in ways[1].log.read_text()
        ways[1].stop_serving()
        try:
            assert ways[1].says(ALICE)["action"] == "no action"
        finally:
            ways[1].serve()


def test_without_the_service_mail_is_judged_by_the_sites_own_limits_within_a_second(world: World) -> None:
    world.limit("junk_score", "7")
    world.rspamd.stop_serving()
    try:
        began = time.monotonic()
        assert world.verdict(ALICE, subject="viagra") == "add header"
        assert time.monotonic() - began < 4
    finally:
        world.rspamd.serve()
    assert world.verdict(ALICE, subject="viagra") == "greylist"
