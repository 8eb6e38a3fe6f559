"""What somebody sets in Postern changes what a real Postfix answers to the next mail."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from app.blocklog.codes import Policy
from app.blocklog.tables import BlockRow
from app.demo import directory
from app.demo.node import Node
from app.directory.engine import open_engine
from app.policy import actions, hosts, intake, senders, spam
from app.policy.actions import By
from app.policy.rule import EVERYBODY, Rule, Scope, account_scope, site_scope
from app.policy.value import Kind
from tests.conftest import MakeAccount, Site, make_server_folder
from tests.mta.client import Attempt, Reply
from tests.mta.dns import Nameserver, listed, reverse
from tests.mta.guarded import LIST, PORT, Guarded, environment
from tests.mta.namespace import Namespace
from tests.visitor import Visitor

pytestmark = pytest.mark.servers
ALICE, BOB, CAROL = (f"{name}@isp.example" for name in ("alice", "bob", "carol"))
CLIENT, LISTED, SHUT, OURS, OTHER = (f"203.0.113.{number}" for number in (7, 8, 9, 10, 11))
ADMIN = By("1")
AT_ONCE = 2530  # refuses when a client connects
_PORTS = f"""\
127.0.0.1:{AT_ONCE} inet n - n - - smtpd
  -o smtpd_delay_reject=no
"""
_NUMBERS = count(1)


@dataclass(frozen=True)
class World:
    """A running Postfix with its service, and the database that both obey."""

    server: Guarded
    engine: Engine
    ids: dict[str, str]

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)

    def serve(self) -> None:
        """Starts the service."""
        self.server.serve(self.url, POSTERN_OWN_NAMES="mx1.isp.example,192.0.2.25", POSTERN_GREYLIST_SECONDS="2")

    def told(self, sender: str, *recipients: str, source: str = CLIENT, helo: str = "mail.sender.example") -> Reply:
        """What a client is told of the last of some recipients."""
        attempt = Attempt(sender, recipients, helo=helo, source=source)
        attempt.make(PORT, network=self.server.network)
        return attempt.told[recipients[-1]]

    def greeted(self, source: str) -> str:
        """What a client is told when it connects, or, where that was not the end, of a recipient."""
        attempt = Attempt(fresh(), (ALICE,), source=source)
        attempt.make(AT_ONCE, network=self.server.network)
        return attempt.told[ALICE].text if attempt.told else f"at once {attempt.replies['connect'].text}"

    def add(self, action: str, value: str, scope: Scope = EVERYBODY, *, locked: bool = False) -> int:
        """Adds a rule as the pages do; its id."""
        kind = Kind.network if "/" in value else Kind.sender if "@" in value else Kind.domain
        rule = Rule(scope, action, kind, value, datetime.now(UTC), locked=locked, origin="admin")
        return actions.add_rule(self.engine, ADMIN, rule)[1].rule_id


def fresh(domain: str = "") -> str:
    """A sender that nobody knows yet."""
    first, second = divmod(next(_NUMBERS), 26)
    return f"somebody@{domain or f'sender{chr(97 + first)}{chr(97 + second)}.example'}"


@pytest.fixture(scope="module")
def world(migrated: Path) -> Iterator[World]:
    if why := Guarded.missing():
        pytest.skip(why)
    folder = make_server_folder()
    sources = [CLIENT, LISTED, SHUT, OURS, OTHER]
    names = {reverse(each): {"PTR": ["mail.sender.example"]} for each in sources}
    zone = {**names, "mail.sender.example": {"A": sources}, listed(LISTED, LIST): {"A": ["127.0.0.2"]}}
    url = f"sqlite:///{shutil.copy(migrated, folder / 'postern.db')}"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        engine = open_engine(url)
        stack.callback(engine.dispose)
        network = stack.enter_context(Namespace(folder, sources))
        stack.enter_context(Nameserver(network.listen(53, udp=True), zone))
        server = stack.enter_context(Guarded(network, (ALICE, BOB, CAROL), ports=_PORTS))
        found = World(server, engine, people(engine))
        found.serve()
        yield found


def people(engine: Engine) -> dict[str, str]:
    """Accounts of one site, by address. Greylisting is off for all: each test says when it is on."""
    with engine.begin() as connection:
        box = directory.put_server(connection, "box1", {"imap": 143})
        for each in (ALICE, BOB, CAROL):
            directory.put_account(connection, each, each.partition("@")[0], box)
        rows = connection.execute(text("SELECT username, account_id FROM account"))
        ids = {f"{row.username}@isp.example": str(row.account_id) for row in rows}
    setting(engine, EVERYBODY, "greylist", "0")
    return ids


def setting(engine: Engine, scope: Scope, name: str, value: str) -> None:
    """Chooses as the page does."""
    spam.choose(engine, replace(ADMIN, site="1"), scope, name, value, False, datetime.now(UTC))


def test_a_rule_of_ones_own_holds_for_the_next_mail_and_for_nobody_else(world: World) -> None:
    sender = fresh()
    assert world.told(sender, ALICE).code == 250
    number = world.add("deny", sender, account_scope(world.ids[ALICE]))
    refused = world.told(sender, ALICE)
    assert (refused.code, refused.dsn) == (554, "5.7.1")
    assert f"does not accept mail from you [rule {number}]" in refused.text
    assert world.told(sender, BOB).code == 250


@pytest.mark.parametrize(
    "recipient",
    [
        *(f"alice+{'x' * 80}@isp.example", '"alice+a b"@isp.example', "alice+\u00ad@isp.example"),
        *("@elsewhere.example:alice@isp.example", '"al\\ice"@ISP.example.', "alice (a@b)@isp.example"),
        *("alice%isp.example@[127.0.0.1]", "isp.example!alice@[127.0.0.1]", '"alice@isp.example"@[127.0.0.1]'),
    ],
)
def test_no_spelling_of_a_recipient_leads_past_a_rule_of_theirs(world: World, recipient: str) -> None:
    sender = fresh()
    assert world.told(sender, recipient).code == 250
    world.add("deny", sender, account_scope(world.ids[ALICE]))
    assert world.told(sender, recipient).code == 554


@pytest.mark.parametrize("local", ['"a\tb"', "a\u00adb", '"a b"', "a\x7fb", '"a\\"b"'])
def test_no_spelling_of_a_sender_leads_past_a_rule_about_their_domain(world: World, local: str) -> None:
    domain = fresh().partition("@")[2]
    world.add("deny", f"odd.{domain}")
    assert world.told(f"{local}@ODD.{domain}", BOB).code == 554
    assert world.told(f"{local}@odd.{domain}.", BOB).code >= 500


@pytest.mark.parametrize(
    "spelled", ["{}!x", "x%{}", "@a.example,@b.example:x@{}", '"x@{}"', 'x@"{}"', "x @ {}.", "x@{}(.)"]
)
def test_no_way_of_naming_a_sender_leads_past_a_rule_about_them(world: World, spelled: str) -> None:
    domain = fresh().partition("@")[2]
    assert world.told(spelled.format(domain), BOB).code == 250
    world.add("deny", f"x@{domain}")
    assert world.told(spelled.format(domain), BOB).code == 554


@pytest.mark.parametrize("recipient", ["isp.example!alice", "alice%isp.example", "alice", "alice@localhost"])
def test_who_names_no_domain_reaches_nobody_but_the_postmaster(world: World, recipient: str) -> None:
    assert (world.told(fresh(), recipient).code in (504, 554), world.told("", "postmaster").code) == (True, 250)


def test_rules_of_all_scopes_decide_as_the_pages_say(world: World) -> None:
    sender = fresh()
    domain = sender.partition("@")[2]
    world.add("deny", domain, site_scope(site_id(world)))
    assert world.told(sender, BOB).code == 554
    world.add("allow", sender, account_scope(world.ids[BOB]))
    assert world.told(sender, BOB).code == 250
    assert world.told(sender, ALICE).code == 554
    world.add("deny", f"{CLIENT}/32", EVERYBODY, locked=True)
    assert world.told(sender, BOB).code == 554
    assert world.told(sender, BOB, source=OTHER).code == 250
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM policy_rule WHERE locked"))


def test_several_recipients_of_a_mail_are_each_told_their_own(world: World) -> None:
    sender = fresh()
    world.add("deny", sender, account_scope(world.ids[BOB]))
    attempt = Attempt(sender, (ALICE, BOB, CAROL), source=CLIENT)
    attempt.make(PORT, network=world.server.network)
    assert [attempt.told[each].code for each in (ALICE, BOB, CAROL)] == [250, 554, 250]


def test_block_lists_are_skipped_for_who_turned_them_off_and_for_a_sender_that_is_allowed(world: World) -> None:
    sender = fresh()
    assert "blocked using" in world.told(sender, ALICE, source=LISTED).text
    assert "\n" not in world.told(sender, ALICE, source=LISTED).text.partition("For help, quote")[2]
    setting(world.engine, account_scope(world.ids[ALICE]), "rbl", "0")
    assert world.told(sender, ALICE, source=LISTED).code == 250
    assert world.told(sender, BOB, source=LISTED).code == 554
    world.add("allow", sender, account_scope(world.ids[BOB]))
    assert world.told(sender, BOB, source=LISTED).code == 250
    setting(world.engine, account_scope(world.ids[ALICE]), "rbl", "1")
    assert world.told(sender, ALICE, source=LISTED).code == 554


def test_whoever_is_allowed_reaches_no_unknown_recipient_and_no_other_server(world: World) -> None:
    sender = fresh()
    world.add("allow", sender)
    setting(world.engine, EVERYBODY, "rbl", "0")
    try:
        tried = ("nobody@isp.example", "x@elsewhere.example", "x%elsewhere.example@isp.example", "a!x@isp.example")
        for recipient in (*tried, '"x@elsewhere.example"@isp.example', "@isp.example:x@elsewhere.example"):
            told = world.told(sender, recipient)
            assert told.code in (550, 554), (recipient, told)
    finally:
        setting(world.engine, EVERYBODY, "rbl", "1")


def test_a_first_mail_waits_and_then_comes(world: World) -> None:
    sender = fresh()
    setting(world.engine, account_scope(world.ids[CAROL]), "greylist", "1")
    try:
        first = world.told(sender, CAROL)
        assert (first.code, first.dsn) == (450, "4.7.1")
        assert "Greylisted, please try again later" in first.text
        assert world.told(sender, ALICE).code == 250
        assert world.told(sender, CAROL).code == 450
        time.sleep(2)
        assert world.told(sender, CAROL).code == 250
        assert world.told(sender.replace("somebody", "other"), CAROL).code == 450
        world.add("nogrey", sender.partition("@")[2], site_scope(site_id(world)))
        assert world.told(sender.replace("somebody", "another"), CAROL).code == 250
    finally:
        setting(world.engine, account_scope(world.ids[CAROL]), "greylist", "0")


def test_a_server_is_shut_out_and_let_in(world: World) -> None:
    now = datetime.now(UTC)
    hosts.block(world.engine, ADMIN, SHUT, "spam", now, now + timedelta(hours=1))
    refused = world.told(fresh(), ALICE, source=SHUT)
    assert refused.code == 554
    assert "Client host rejected: Mail from this server is not accepted" in refused.text
    assert world.told(fresh(), ALICE).code == 250
    hosts.remove(world.engine, ADMIN, SHUT, now)
    assert world.told(fresh(), ALICE, source=SHUT).code == 250


def test_who_says_hello_as_one_of_ours_is_shut_out(world: World) -> None:
    assert world.told(fresh(), ALICE, source=OURS, helo="mx1.isp.example").code == 250
    until(lambda: world.told(fresh(), ALICE, source=OURS).code == 554)
    assert OURS in [each.ip for each in hosts.blocks(world.engine, datetime.now(UTC))]


def test_the_switches_of_the_intake_are_obeyed(world: World) -> None:
    def turn(name: str, on: bool) -> None:
        intake.turn(world.engine, ADMIN, name, on, datetime.now(UTC), address="admin@isp.example")

    for name, code in (("allow_cnxns", 421), ("allow_other", 450)):
        turn(name, False)
        until(lambda code=code: world.told(fresh(), ALICE).code == code)
        assert world.greeted(CLIENT).startswith(f"at once {code} 4.3.2")
        inside = world.told(fresh(), ALICE, source="127.0.0.1").code
        assert inside == (421 if name == "allow_cnxns" else 250)
        turn(name, True)
        until(lambda: world.told(fresh(), ALICE).code == 250)


def test_without_waiting_for_a_recipient_a_client_is_told_when_it_connects(world: World) -> None:
    now = datetime.now(UTC)
    hosts.block(world.engine, ADMIN, SHUT, "spam", now, now + timedelta(hours=1))
    told = world.greeted(SHUT)
    assert told.startswith("at once 554 5.7.1 <mail.sender.example[203.0.113.9]>: Client host rejected: Mail")
    hosts.remove(world.engine, ADMIN, SHUT, now)
    assert world.greeted(SHUT).startswith("250")


def test_without_the_service_mail_flows_and_nobody_else_is_let_in(world: World) -> None:
    sender = fresh()
    world.add("deny", sender)
    world.server.stop_serving()
    try:
        assert world.told(sender, ALICE).code == 250
        assert world.told(sender, "nobody@isp.example").code == 550
    finally:
        world.serve()
    assert world.told(sender, ALICE).code == 554


def test_a_refusal_by_a_rule_is_in_the_block_log_with_the_rule(world: World) -> None:
    denied, listed_one, unsure = fresh(), fresh(), fresh()
    number = world.add("deny", denied, account_scope(world.ids[ALICE]))
    world.told(denied, ALICE)
    world.told(listed_one, ALICE, source=LISTED)
    setting(world.engine, account_scope(world.ids[CAROL]), "greylist", "1")
    world.told(unsure, CAROL)
    setting(world.engine, account_scope(world.ids[CAROL]), "greylist", "0")
    follow(world)
    with world.engine.connect() as connection:
        rows = {f"{row.sender_local}@{row.sender_domain}": row for row in connection.execute(select(BlockRow))}
    found = {each: (rows[each].policy, rows[each].rule_id) for each in (denied, listed_one, unsure)}
    assert found == {denied: (Policy.rule, number), listed_one: (Policy.rbl, None), unsure: (Policy.greylist, None)}
    assert rows[denied].account_id == world.ids[ALICE]
    assert rows[denied].reason.endswith(f"[rule {number}]")
    mine = senders.rules_of(world.engine, account_scope(world.ids[ALICE]), datetime.now(UTC))
    assert [each.hits for each in mine if each.rule_id == number] == [1]


def test_what_somebody_denies_on_the_page_is_refused_from_the_next_mail_on(
    world: World, site: Site, node: Node, make_account: MakeAccount
) -> None:
    carol = make_account()
    site.add(CAROL, carol)
    world.server.stop_serving()
    try:
        world.server.serve(site.settings["POSTERN_DATABASE_URL"])
        setting(site.engine, EVERYBODY, "greylist", "0")
        sender = fresh()
        assert world.told(sender, CAROL).code == 250
        browser = Visitor(node.url)
        assert browser.sign_in(CAROL, carol.password).status == 303
        token = browser.token("/filters/senders")
        form = {"action": "deny", "days": "0", "what": sender, "csrf_token": token}
        assert browser.post("/filters/senders", form).status == 303
        assert "[rule " in world.told(sender, CAROL).text
    finally:
        setting(site.engine, EVERYBODY, "greylist", "1")
        world.server.stop_serving()
        world.serve()


def follow(world: World) -> None:
    """Reads Postfix' log to its end, as the follower does."""
    world.server.said()
    words = [sys.executable, "-m", "app.blocklog.follow", "--node", "mx1", "--once", str(world.server.log)]
    done = subprocess.run(words, env=environment(world.url), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def site_id(world: World) -> str:
    with world.engine.connect() as connection:
        return str(connection.scalar(text("SELECT site_id FROM site")))


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
