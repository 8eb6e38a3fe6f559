"""A real spamd obeys thresholds, languages and rules of an account, its site and everybody, read from SQL."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.directory.engine import open_engine
from app.policy import reputation, spam
from app.policy.actions import By, add_rule
from app.policy.chosen import Chosen
from app.policy.rule import EVERYBODY, Rule, Scope, account_scope, site_scope
from app.policy.senders import decide
from app.policy.value import Kind
from tests.anydatabase import mariadb, postgresql
from tests.conftest import make_server_folder
from tests.directory.filling import account, alias, fill, run, server, site
from tests.mailsql import POLICY, MailSQL
from tests.mta.spamassassin import SpamAssassin

__all__ = ["mariadb", "postgresql"]
pytestmark = [pytest.mark.databases, pytest.mark.servers]
ALICE, NUMBER, ONE = account_scope("1"), account_scope("2"), site_scope("1")
BY = By("1", "1", "1")
# As SpamAssassin's own sql/awl_mysql.sql and awl_pg.sql make it.
AWL = """CREATE TABLE awl (
  username varchar(100) NOT NULL DEFAULT '', email varchar(255) NOT NULL DEFAULT '', ip varchar(40) NOT NULL DEFAULT '',
  msgcount int NOT NULL DEFAULT 0, totscore float NOT NULL DEFAULT 0, signedby varchar(255) NOT NULL DEFAULT '',
  last_hit timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (username, email, signedby, ip))"""


@dataclass(frozen=True)
class World:
    """spamd and the database that it reads as the user `spamassassin`."""

    sql: MailSQL
    engine: Engine
    spamd: SpamAssassin

    def chooses(self, scope: Scope, name: str, value: str, *, locked: bool = False) -> None:
        spam.choose_all(self.engine, BY, scope, {name: Chosen(value, locked)}, datetime.now(UTC))

    def rule(self, action: str, value: str, scope: Scope = ALICE, *, locked: bool = False, days: int = 1) -> None:
        kind, now = Kind.sender if "@" in value else Kind.domain, datetime.now(UTC)
        made = Rule(scope, action, kind, value, now, locked=locked, origin="admin", expires_at=now + timedelta(days))
        add_rule(self.engine, BY, made)


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def started(request: pytest.FixtureRequest) -> Iterator[World]:
    if why := SpamAssassin.missing():
        pytest.skip(why)
    sql, folder = MailSQL(request.getfixturevalue(request.param)), make_server_folder()
    sql.server.folder.chmod(0o755)
    user = "spamassassin" if sql.kind == "postgresql" else "spamassassin@'%'"
    sql.run(AWL, f"GRANT SELECT, INSERT, UPDATE, DELETE ON awl TO {user}")
    engine = open_engine(sql.url)
    fill(
        engine,
        server(),
        *site("one", "one.example", "one.test"),
        *site("two", "two.example"),
        account("one", "alice"),
        account("one", "10023"),
        account("two", "bob"),
        alias("one", "sales", account="alice"),
    )
    try:
        with SpamAssassin(folder / "spamd", sql) as spamd:
            yield World(sql, engine, spamd)
    finally:
        engine.dispose()
        shutil.rmtree(folder)


@pytest.fixture
def world(started: World) -> Iterator[World]:
    yield started
    run(started.engine, *(f"DELETE FROM {each}" for each in ("policy_rule", "policy_setting", "spam_pref")))


def test_the_narrowest_threshold_holds_and_a_number_is_an_account_like_others(world: World) -> None:
    for scope, score in ((EVERYBODY, "8"), (ONE, "7"), (NUMBER, "6.5")):
        world.chooses(scope, "junk_score", score)
    for user, needed in {
        "10023@one.example": "6.5",
        "10023@ONE.test": "6.5",
        "ALICE@One.Example": "7.0",
        "sales@one.example": "7.0",
        "nobody@one.example": "7.0",
        "bob@two.example": "8.0",
        "a@nowhere.example": "8.0",
        "10023": "8.0",
    }.items():
        assert world.spamd.says(user) == f"0.0 of {needed}", user


def test_where_nobody_chose_the_filter_has_its_own_way(world: World) -> None:
    assert world.spamd.says("alice@one.example", subject="viagra") == "6.0 of 5.0 SIX"


def test_an_upper_case_login_and_one_with_a_detail_are_the_account(world: World) -> None:
    world.chooses(ALICE, "junk_score", "3")
    for user in ("ALICE@ONE.EXAMPLE", "Alice+Lists@one.example", "Sales@one.test"):
        assert world.spamd.says(user) == "0.0 of 3.0", user


def test_a_lock_above_wins(world: World) -> None:
    world.chooses(ALICE, "junk_score", "3")
    world.chooses(ONE, "junk_score", "4", locked=True)
    assert world.spamd.says("alice@one.example") == "0.0 of 4.0"
    world.chooses(EVERYBODY, "junk_score", "9", locked=True)
    assert world.spamd.says("alice@one.example") == "0.0 of 9.0"


@pytest.mark.parametrize(
    ("rules", "score"),
    [
        ([("deny", "bad.example", ALICE)], 100),
        ([("deny", "bad.example", EVERYBODY), ("allow", "bad.example", ALICE)], -100),
        ([("allow", "x@bad.example", ONE), ("deny", "x@bad.example", ALICE)], 100),
        ([("deny", "bad.example", account_scope("3"))], 0),
        ([("deny", "y@bad.example", ALICE)], 0),
        ([("deny", "below.bad.example", ALICE)], 0),
    ],
)
def test_rules_decide_as_they_do_everywhere(world: World, rules: list[tuple[str, str, Scope]], score: int) -> None:
    for action, value, scope in rules:
        world.rule(action, value, scope)
    said = world.spamd.says("alice@one.example", "x@bad.example")
    assert round(float(said.split()[0])) == score, said


def test_a_locked_rule_above_wins_and_one_that_ended_does_not(world: World) -> None:
    world.rule("allow", "x@bad.example")
    world.rule("deny", "x@bad.example", EVERYBODY, locked=True)
    assert "USER_IN_BLOCKLIST" in world.spamd.says("alice@one.example", "x@bad.example")
    world.rule("deny", "old.example", days=-1)
    assert world.spamd.says("alice@one.example", "x@old.example") == "0.0 of 5.0"


def test_no_rule_becomes_a_pattern_or_a_line_of_configuration(world: World) -> None:
    for value in ("*@else.example", "?@else.example", "x#y@else.example", "(@else.example"):
        world.rule("allow", value)
    row = "INSERT INTO policy_rule (scope_rank, scope_id, action, kind, value, created_at) VALUES"
    moment = "'2026-01-01 00:00:00'"
    with world.engine.begin() as connection:
        for number, value in enumerate(("x@y.example\nscore SIX -50", "x@y.example *@else.example")):
            line = text(f"{row} (2, '1', 'allow', {number + 1}, :value, {moment})")
            connection.execute(line, {"value": value})
    assert world.spamd.says("alice@one.example", "a@else.example", subject="viagra") == "6.0 of 5.0 SIX"


def test_what_wins_is_what_every_page_shows(world: World) -> None:
    """Forty worlds of random rules about one address and random limits, by the shipped statement itself."""
    chance, now = random.Random(5), datetime.now(UTC)
    statement = world.spamd.statement().replace("_DOMAIN_", "'one.example'").replace("_MAILBOX_", "'alice'")
    reader = open_engine(world.sql.url_of("spamassassin"))
    for _ in range(40):
        run(world.engine, "DELETE FROM policy_rule", "DELETE FROM policy_setting")
        for scope in (EVERYBODY, ONE, ALICE):
            locked = chance.random() < 0.3 and scope is not ALICE
            if chance.random() < 0.6:
                world.rule(chance.choice(["allow", "deny"]), "x@bad.example", scope, locked=locked)
            if chance.random() < 0.6:
                row = "INSERT INTO policy_setting (scope_rank, scope_id, name, value, locked, updated_at) VALUES"
                told = (scope.rank, scope.id, "junk_score", str(chance.randint(1, 9)), locked)
                with world.engine.begin() as connection:
                    values = dict(zip("abcde", told, strict=True))
                    connection.execute(text(f"{row} (:a, :b, :c, :d, :e, '2026-01-01 00:00:00')"), values)
        with reader.connect() as connection:
            rows = connection.exec_driver_sql(statement.replace("%", "%%")).all()
        limits = [value for name, value in rows if name == "required_score"] or ["5"]
        assert limits[-1] == spam.effective(world.engine, account_id="1", site="1").junk_score.value
        decided = decide(world.engine, now, account_id="1", site="1", sender="x@bad.example").action
        assert _standing(rows) == ({"allow": "welcomelist_from", "deny": "blocklist_from"}[decided] if decided else "")
    reader.dispose()


def _standing(rows: Iterable[Any]) -> str:
    """Which list has the address in the end, as SpamAssassin reads the lines; "" for none."""
    lists: set[str] = set()
    for name, _ in rows:
        if name.startswith("un"):
            lists.discard(name.removeprefix("un"))
        elif name.endswith("list_from"):
            lists.add(name)
    assert len(lists) < 2
    return "".join(lists)


def test_a_language_that_somebody_does_not_read_makes_points(world: World) -> None:
    german = "Die Versammlung der Mitglieder findet am kommenden Donnerstag um neun Uhr im großen Saal statt. " * 8
    assert "UNWANTED" not in world.spamd.says("alice@one.example", body=german.replace("ß", "ss"))
    world.chooses(ONE, "languages", "en fr")
    assert "UNWANTED_LANGUAGE_BODY" in world.spamd.says("alice@one.example", body=german.replace("ß", "ss"))
    world.chooses(ALICE, "languages", "")
    assert "UNWANTED" not in world.spamd.says("alice@one.example", body=german.replace("ß", "ss"))


def test_a_provider_may_write_preferences_of_its_own(world: World) -> None:
    row = "INSERT INTO spam_pref (scope_rank, scope_id, preference, value) VALUES"
    run(world.engine, f"{row} (1, '1', 'score', 'SIX 2')")
    assert world.spamd.says("alice@one.example", subject="viagra") == "2.0 of 5.0 SIX"
    assert world.spamd.says("bob@two.example", subject="viagra") == "6.0 of 5.0 SIX"


def test_what_it_learnt_about_a_sender_is_forgotten_for_one_person_alone(world: World) -> None:
    row = "INSERT INTO spam_pref (scope_rank, scope_id, preference, value) VALUES"
    run(world.engine, f"{row} (0, '', 'use_auto_welcomelist', '1')")
    people, odd = ("alice@one.example", "bob@two.example"), "O'Neil@Sender.example"
    for user in people:
        assert world.spamd.says(user, odd, subject="viagra").startswith("6.0")
        assert world.spamd.says(user, odd) == "3.0 of 5.0 AWL"
    user = POLICY if world.sql.kind == "postgresql" else f"{POLICY}@'%'"
    world.sql.run(f"GRANT SELECT (username, email), DELETE ON awl TO {user}")  # as docs/mta-spamassassin.md has it
    node = open_engine(world.sql.url_of(POLICY))
    assert reputation.forget(node, "awl", ["sales@one.example", "Alice@one.example"], odd) == 1
    assert reputation.forget(node, "awl", ["alice@one.example"], odd) == 0
    node.dispose()
    assert world.spamd.says("alice@one.example", odd) == "0.0 of 5.0"
    assert float(world.spamd.says("bob@two.example", odd).split()[0]) > 0


def test_what_stands_in_an_address_is_no_sql(world: World) -> None:
    world.chooses(EVERYBODY, "junk_score", "8")
    for user in ("x'or'1'='1@one.example", "x\\@one.example", "o'brien@one.example", "alice+_domain_@one.example"):
        assert world.spamd.says(user) == "0.0 of 8.0", user


def test_capital_letters_are_why_an_address_is_given_in_small_ones(world: World) -> None:
    """SpamAssassin itself puts the domain, in quotes, into the local part's quotes (docs/mta-spamassassin.md)."""
    assert "Service Unavailable" in world.spamd.says("alice+_DOMAIN_@one.example")


def test_the_user_of_spamassassin_reads_what_it_needs_and_nothing_else(world: World) -> None:
    engine = open_engine(world.sql.url_of("spamassassin"))
    try:
        for line in ("SELECT * FROM mta_login", "SELECT * FROM policy_rule", "UPDATE spam_pref SET value = ''"):
            with pytest.raises(DBAPIError), engine.begin() as connection:
                connection.execute(text(line))
    finally:
        engine.dispose()


def test_without_sql_it_refuses_to_look_and_says_so_at_once(world: World) -> None:
    locked = {"mariadb": "ALTER USER spamassassin@'%' ACCOUNT {}LOCK", "postgresql": "ALTER ROLE spamassassin {}LOGIN"}
    no, yes = {"mariadb": ("", "UN"), "postgresql": ("NO", "")}[world.sql.kind]
    world.sql.run(locked[world.sql.kind].format(no))
    try:
        assert "Service Unavailable" in world.spamd.says("alice@one.example")
    finally:
        world.sql.run(locked[world.sql.kind].format(yes))
    assert world.spamd.says("alice@one.example") == "0.0 of 5.0"
