"""Postfix takes its addresses out of the directory: shipped maps, views and users, on MariaDB and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.directory.engine import open_engine
from app.policy import actions, greylist, hits, hosts, spam
from app.policy.actions import By
from app.policy.rule import EVERYBODY, Rule
from app.policy.value import Kind
from tests.anydatabase import mariadb, postgresql
from tests.conftest import make_server_folder
from tests.directory.filling import account, alias, fill, server, site
from tests.mailsql import PASSWORD, POLICY, MailSQL
from tests.mta.client import Attempt, Reply, message
from tests.mta.guarded import PORT, SCREENED, SERVICE, SHIPPED, Guarded
from tests.mta.namespace import Namespace

__all__ = ["mariadb", "postgresql"]
pytestmark = [pytest.mark.databases, pytest.mark.servers]
CLIENT, SHUT, SIX, ALLOWED = "203.0.113.7", "203.0.113.8", "2001:db8::7", "198.51.100.7"
MAPPED = 2528  # a postscreen that asks SQL itself
_PORTS = f"""\
{MAPPED} inet n - n - 1 postscreen
  -o postscreen_access_list=permit_mynetworks,%(kind)s:{{folder}}/etc/host.cf
  -o postscreen_cache_map=
"""
_MAPS = """\
virtual_alias_domains = hash:{folder}/etc/hosted_domains
virtual_alias_maps = proxy:%(kind)s:{folder}/etc/recipient.cf
transport_maps = hash:{folder}/etc/mail_servers"""
_DOMAINS = ("one.example", "one.test", "two.example", "off.example")
_ASKED = (
    b"request=smtpd_access_policy\nprotocol_state=RCPT\npolicy_context=rules\nsender=a@sender.example\n"
    b"recipient=alice@one.example\nclient_address=203.0.113.7\n\n"
)


@dataclass(frozen=True)
class World:
    """A Postfix and the database that it reads as the user `postfix`."""

    sql: MailSQL
    engine: Engine
    server: Guarded

    def found(self, address: str, name: str = "recipient") -> str:
        """What a map has for an address."""
        kind = "mysql" if self.sql.kind == "mariadb" else "pgsql"
        words = ["postmap", "-c", self.server.folder / "etc", "-q", address]
        line = " ".join(map(_quoted, [*words, f"{kind}:{self.server.folder}/etc/{name}.cf"]))
        return self.server.network.run(["sh", "-c", f"{line} || true"]).strip()

    def told(self, recipient: str, sender: str = "a@sender.example", *, data: bool = False) -> Reply:
        attempt = Attempt(sender, (recipient,), message() if data else None, source=CLIENT)
        attempt.make(PORT, network=self.server.network)
        return attempt.told[recipient]

    def asked(self) -> int:
        """How often the view of recipients was asked about until now, as the server logs it."""
        log = self.sql.server.folder / ("statements" if self.sql.kind == "mariadb" else "log")
        return log.read_text(errors="replace").count("FROM mta_recipient WHERE")

    def greeted(self, source: str, port: int = MAPPED) -> int:
        """The code that a client is told when it connects."""
        with self.server.network.connect(port, source) as line, line.makefile("rb") as lines:
            return int(next(each for each in lines if each[3:4] != b"-")[:3])


def _quoted(word: object) -> str:
    return "'" + str(word).replace("'", "'\\''") + "'"


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if why := Guarded.missing():
        pytest.skip(why)
    sql = MailSQL(request.getfixturevalue(request.param))
    sql.server.folder.chmod(0o755)  # Postfix looks for the socket as a user of its own
    folder = make_server_folder()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        engine = open_engine(sql.url)
        stack.callback(engine.dispose)
        people(engine)
        tell_statements(sql)
        network = stack.enter_context(Namespace(folder, [CLIENT, SHUT, SIX, ALLOWED]))
        kind = "mysql" if sql.kind == "mariadb" else "pgsql"
        found = Guarded(network, (), _MAPS % {"kind": kind}, lists="", ports=_PORTS % {"kind": kind})
        for name, words in files(sql, found).items():
            (found.folder / "etc" / name).write_text(words)
        for name in ("hosted_domains", "mail_servers"):
            network.run(["postmap", f"hash:{found.folder}/etc/{name}"])
        stack.enter_context(found)
        found.serve(sql.url_of(POLICY), POSTERN_GREYLIST_SECONDS="1")
        yield World(sql, engine, found)


def people(engine: Engine) -> None:
    fill(
        engine,
        server(),
        *site("one", "one.example", "one.test"),
        *site("two", "two.example"),
        *site("off", "off.example", enabled="no"),
        account("one", "alice", login="u000001"),
        account("one", "o'brien", login="o'brien@one.example"),
        account("one", "both", kind="both", login="u000002", forward_to="x@else.example"),
        account("one", "away", kind="forward", forward_to="z@else.example,y@else.example"),
        account("one", "gone", login="u000004", enabled="no"),
        account("two", "bob", login="u000005"),
        account("off", "eve", login="u000006"),
        alias("one", "sales", account="alice"),
        alias("one", "alice", "one.test", account="both"),
        alias("one", "x%y", forward_to="o@else.example"),
        alias("two", "*", "two.example", account="bob"),
        alias("two", "held", enabled="no"),
    )
    spam.choose(engine, By("1", site="1"), EVERYBODY, "greylist", "0", False, datetime.now(UTC))


def tell_statements(sql: MailSQL) -> None:
    """Has the server log what the user `postfix` asks."""
    if sql.kind == "postgresql":
        sql.run("ALTER ROLE postfix SET log_statement = 'all'")
    else:
        sql.run(f"SET GLOBAL general_log_file = '{sql.server.folder}/statements'", "SET GLOBAL general_log = 1")


def files(sql: MailSQL, server: Guarded) -> dict[str, str]:
    """What stands in /etc/postfix, as an operator changes it."""
    made = {"hosted_domains": "".join(f"{each} 1\n" for each in _DOMAINS), "mail_servers": "mail1.internal discard:\n"}
    for name in ("recipient", "class", "host"):
        words = (SHIPPED / f"sql/{name}-{sql.kind}.cf").read_text()
        for old, new in {
            "unix:/run/mysqld/mysqld.sock": f"unix:{sql.server.socket}",
            "unix:/run/postgresql": f"unix:{sql.server.folder}",
            "CHANGE": PASSWORD,
            "dbname = mail": f"dbname = {sql.name}",
            "/etc/postfix/": f"{server.folder}/etc/",
        }.items():
            words = words.replace(old, new)
        made[f"{name}.cf"] = words
    return made


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("alice@one.example", "u000001@mail1.internal"),
        ("Alice@ONE.example", "u000001@mail1.internal"),
        ("alice+lists@one.example", "u000001@mail1.internal"),
        ("sales@one.test", "u000001@mail1.internal"),
        ("alice@one.test", "u000002@mail1.internal,x@else.example"),
        ("o'brien@one.example", '"o\'brien@one.example"@mail1.internal'),
        ("both@one.example", "u000002@mail1.internal,x@else.example"),
        ("away@one.example", "z@else.example, y@else.example"),
        ("x%y@one.example", "o@else.example"),
        ("anybody@two.example", "u000005@mail1.internal"),
        ("bob+x@two.example", "u000005@mail1.internal"),
        ("held@two.example", ""),
        ("gone@one.example", ""),
        ("nobody@one.example", ""),
        ("eve@off.example", ""),
        ("x' OR '1'='1@one.example", ""),
        ("x\\@one.example", ""),
        ("u000001@mail1.internal", ""),
        ("x@else.example", ""),
        ("alice", ""),
        ("@one.example", ""),
    ],
)
def test_an_address_leads_to_its_mailbox_and_where_it_is_forwarded_to(world: World, address: str, found: str) -> None:
    assert world.found(address) == found


def test_a_mail_costs_two_statements_and_an_unknown_recipient_one(world: World) -> None:
    before = world.asked()
    assert world.told("alice@one.example", data=True).code == 250
    until(lambda: "removed" in world.server.log.read_text())
    assert world.asked() - before == 2
    assert "to=<u000001@mail1.internal>, orig_to=<alice@one.example>" in world.server.log.read_text()
    assert world.told("nobody@one.example").code == 550
    assert world.asked() - before == 3


def test_nobody_outside_reaches_a_mailbox_by_its_name_on_the_server(world: World) -> None:
    for recipient in ("u000001@mail1.internal", "x@else.example", "@one.example:x@else.example"):
        assert world.told(recipient).code == 554, recipient


def test_a_rule_holds_for_the_next_mail(world: World) -> None:
    rule = Rule(EVERYBODY, "deny", Kind.sender, "spammer@sender.example", datetime.now(UTC), origin="admin")
    assert world.told("alice@one.example", "spammer@sender.example").code == 250
    number = actions.add_rule(world.engine, By("1"), rule)[1].rule_id
    assert f"[rule {number}]" in world.told("alice@one.example", "spammer@sender.example").text


def test_greylisting_works_with_the_rights_that_the_service_has(world: World) -> None:
    spam.choose(world.engine, By("1", site="1"), EVERYBODY, "greylist", "1", False, datetime.now(UTC))
    try:
        assert world.told("both@one.example").code == 450
        time.sleep(1)
        assert world.told("both@one.example").code == 250
    finally:
        spam.choose(world.engine, By("1", site="1"), EVERYBODY, "greylist", "0", False, datetime.now(UTC))


def test_the_service_may_do_what_it_does_and_no_more(world: World) -> None:
    engine, now = open_engine(world.sql.url_of(POLICY)), datetime.now(UTC)
    try:
        assert hosts.shut_out(engine, [hosts.Found(CLIENT, "named itself ours", now)], now, timedelta(days=1)) == 1
        hits.add(engine, {CLIENT: 1}, {1: 1})
        assert hosts.shut_out(engine, [], now + timedelta(days=2), timedelta(days=1)) == 0
        greylist.forget(engine, now + timedelta(days=100), greylist.Times())
        for line in (
            "SELECT password_hash FROM account",
            "SELECT detail FROM action_log",
            "SELECT * FROM block_log",
            "UPDATE policy_rule SET action = 'allow'",
            "DELETE FROM policy_rule",
            "UPDATE policy_setting SET value = '0'",
            "UPDATE account SET login = ''",
        ):
            with pytest.raises(DBAPIError), engine.begin() as connection:
                connection.execute(text(line))
    finally:
        engine.dispose()


def test_a_class_tells_who_wants_no_lists(world: World) -> None:
    assert world.found("alice+x@one.example", "class") == "DUNNO"
    scope = spam.scopes("1", "1")[1]
    spam.choose(world.engine, By("1", site="1"), scope, "rbl", "0", False, datetime.now(UTC))
    assert world.found("alice@one.example", "class") == "postern_norbl"
    assert world.found("anybody@two.example", "class") == "DUNNO"
    assert [world.found(key, "class") for key in ("one.example", "alice@", "x@else.example")] == ["", "", ""]


def test_a_map_tells_postscreen_who_is_shut_out_and_whom_everybody_allows(world: World) -> None:
    now = datetime.now(UTC)
    for ip, ends in ((SHUT, 3600), (SIX, 3600), ("203.0.113.9", -1)):
        hosts.block(world.engine, By("1"), ip, "spam", now, now + timedelta(seconds=ends))
    for action, network, locked in (
        ("allow", "198.51.100.0/24", False),
        ("deny", "198.51.100.8/32", True),
        ("allow", "2001:db8::/48", False),
        ("nogrey", "192.0.2.0/24", False),
    ):
        rule = Rule(EVERYBODY, action, Kind.network, network, now, origin="admin", locked=locked)
        actions.add_rule(world.engine, By("1"), rule)
    asked = (SHUT, SIX, "203.0.113.9", ALLOWED, "198.51.100.8", "2001:db8::8", "2001:db8:1::8", "192.0.2.1")
    expected = ["reject", "reject", "", "permit", "", "permit", "", ""]
    assert [world.found(each, "host") for each in asked] == expected
    assert [world.greeted(each) for each in (SHUT, SIX, ALLOWED, CLIENT)] == [521, 521, 220, 220]
    hosts.extend(world.engine, By("1"), SHUT, now, now)
    assert world.greeted(SHUT) == 220


def test_a_database_that_stands_still_holds_no_mail_up_for_its_rules(world: World) -> None:
    process = world.sql.server.process
    assert process is not None
    stopped = [process.pid, *_children(process.pid)]
    for each in stopped:
        os.kill(each, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert world.greeted(CLIENT, SCREENED) == 220
        assert time.monotonic() - began < 4, "a second of it is postscreen's own; SQL is given up after 4 more"
        assert ask(world) == "action=DUNNO"
    finally:
        for each in stopped:
            os.kill(each, signal.SIGCONT)
    until(lambda: "SQL answers again" in world.server.told)
    assert world.server.told.count("SQL does not answer") == 1


def ask(world: World) -> str:
    """What the service says, asked as Postfix does."""
    with world.server.network.connect(SERVICE) as line:
        line.sendall(_ASKED)
        with line.makefile("rb") as answer:
            return answer.readline().decode().strip()


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(each) for each in file.read().split()]


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
