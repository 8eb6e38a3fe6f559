"""config/sql: views say what the app says, and each SQL user can do what it needs and nothing else."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app.directory.address import parse_address
from app.directory.engine import open_engine
from app.directory.resolve import Directory, resolve
from app.policy.away import Away, keep
from tests.directory.filling import account, alias, fill, run, server, site
from tests.mailsql import FOLDER, USERS, MailSQL

pytestmark = pytest.mark.databases

_ASKED = (
    "SELECT * FROM {view} WHERE domain = :domain AND local IN (:local, :plain, '*')"
    " ORDER BY local = '*', by_name, local <> :local, wide LIMIT 1"
)
_HASH = "$6$salt$" + "x" * 86
_READS = {
    "exim": {"mta_domain", "mta_recipient", "mta_rule", "mta_setting", "mta_host_block", "mta_host_pardon", "mta_away"},
    "postfix": {"mta_domain", "mta_recipient", "mta_network", "mta_setting", "mta_host_block"},
    "dovecot": {"mta_box", "mta_login", "mta_setting"},
    "spamassassin": {"mta_domain", "sa_setting", "sa_rule"},
}
_VIEWS = set().union(*_READS.values())
_TABLES = ("account", "address", "policy_rule", "policy_setting", "action_log", "outbox", "block_log", "site", "away")


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def sql(request: pytest.FixtureRequest) -> Iterator[MailSQL]:
    made = MailSQL(request.getfixturevalue(request.param))
    made.run_file(FOLDER / f"{made.kind}.sql")  # a second run changes nothing
    engine = open_engine(made.url)
    fill(
        engine,
        server(),
        *site("one", "one.example", "one.test"),
        *site("two", "two.example"),
        *site("off", "off.example", enabled="no"),
        account("one", "alice", login="box1", password_hash=_HASH),
        account("one", "both", kind="both", login="box2", forward_to="x@else.example"),
        account("one", "away", kind="forward", forward_to="z@else.example", password_hash=_HASH),
        account("one", "gone", login="box4", enabled="no"),
        account("two", "bob", login="box5"),
        account("off", "eve", login="box6"),
        alias("one", "sales", account="alice"),
        alias("one", "alice", "one.test", account="both"),
        alias("one", "out", forward_to="o@else.example"),
        alias("one", "shut", account="alice", enabled="no"),
        alias("two", "*", "two.example", account="bob"),
        alias("two", "held", enabled="no"),
    )
    run(engine, "UPDATE account SET forward_to = 'x@else.example\ny@else.example' WHERE username = 'both'")
    engine.dispose()
    yield made


@pytest.fixture(scope="module")
def engines(sql: MailSQL) -> Iterator[dict[str, Engine]]:
    opened = {user: open_engine(sql.url_of(user)) for user in USERS} | {"owner": open_engine(sql.url)}
    yield opened
    for each in opened.values():
        each.dispose()


def asked(engine: Engine, address: str, view: str = "mta_recipient") -> dict[str, Any] | None:
    parsed = parse_address(address)
    keys = {"domain": parsed.domain, "local": parsed.local, "plain": parsed.plain}
    with engine.connect() as connection:
        row = connection.execute(text(_ASKED.format(view=view)), keys).mappings().first()
    return dict(row) if row else None


@pytest.mark.parametrize("domain", ["one.example", "one.test", "two.example", "off.example", "no.example"])
def test_an_address_means_what_it_means_to_the_app(engines: dict[str, Engine], domain: str) -> None:
    for local in ("alice", "alice+x", "sales", "Sales+y", "both", "gone", "shut", "bob", "held", "any", "eve", "away"):
        found = resolve(Directory(engines["owner"]), f"{local}@{domain}", catch_all=True)
        row = asked(engines["exim"], f"{local}@{domain}")
        ours = row["account_id"] if row and row["live"] else ""
        assert ours == (found.id if found else ""), local
        if found:
            assert row and (row["site"], row["kind"], row["address"]) == (found.site, found.kind, found.address)
            assert row["login"] == (found.login or "")


def test_what_forwards_says_where_to(engines: dict[str, Engine]) -> None:
    rows = {name: asked(engines["exim"], f"{name}@one.example") for name in ("both", "away", "out", "alice")}
    assert {name: (row["kind"], row["forward_to"]) for name, row in rows.items() if row} == {
        "both": ("both", "x@else.example,y@else.example"),
        "away": ("forward", "z@else.example"),
        "out": ("forward", "o@else.example"),
        "alice": ("mailbox", ""),
    }


def test_an_answer_has_the_addresses_that_are_the_account_s_own(engines: dict[str, Engine], sql: MailSQL) -> None:
    run(engines["owner"], "UPDATE mail_server SET vacation = 'sql'")
    words = "’n Gruß\n🏖" * 50
    for number in ("1", "3", "4"):
        keep(engines["owner"], number, Away(True, words, "Füße"), datetime.now(UTC), seen="")
    with engines["exim"].connect() as connection:
        rows = connection.execute(text("SELECT * FROM mta_away")).mappings().all()
    (row,) = rows  # neither who only forwards nor who is disabled
    assert row["account_id"] == "1" and row["contacts"] is None and row["days"] == 7
    assert row["addresses"].split()[0] == "alice@one.example"
    assert {*row["addresses"].split()} == {"alice@one.example", "sales@one.example", "sales@one.test"}
    assert b64decode(row["subject"]).decode() == "Füße" and "\n" not in row["subject"]
    assert b64decode(row["answer"]).decode() == words.replace("\n", "\r\n")
    assert max(map(len, row["answer"].splitlines())) <= 76
    run(engines["owner"], "UPDATE mail_server SET sieve_host = 'mail1.example.net'")
    with engines["exim"].connect() as connection:
        assert connection.execute(text("SELECT * FROM mta_away")).all() == []


@pytest.mark.parametrize(
    ("login", "is_box"),
    [("box9", True), ("a.b+c@one.example", True), ("a@b@c", True), ("a@..", False), ("../a", False), ("a@-x", False),
     (".a", False), ("a/b", False)],
)  # fmt: skip
def test_what_could_lead_elsewhere_is_no_mailbox(engines: dict[str, Engine], login: str, is_box: bool) -> None:
    with engines["owner"].begin() as rows:  # as other programs may write it
        rows.execute(text("UPDATE account SET login = :login WHERE username = 'bob'"), {"login": login})
    with engines["dovecot"].connect() as rows:
        found = rows.execute(text("SELECT login FROM mta_box WHERE login = :login"), {"login": login}).all()
    with engines["owner"].begin() as rows:
        rows.execute(text("UPDATE account SET login = 'box5' WHERE username = 'bob'"))
    assert bool(found) is is_box


def test_dovecot_alone_sees_hashes(engines: dict[str, Engine]) -> None:
    row = asked(engines["dovecot"], "sales@one.test", "mta_login")
    assert row and (row["login"], row["password_hash"], row["port"]) == ("box1", _HASH, 993)
    assert asked(engines["dovecot"], "any@two.example", "mta_login") is None, "a catch-all is no name to sign in with"
    for user in USERS:
        with engines[user].connect() as connection:
            seen = [_columns(connection, view) for view in _READS[user]]
        assert ("password_hash" in set().union(*seen)) is (user == "dovecot")


def _columns(connection: Any, view: str) -> set[str]:
    return set(connection.execute(text(f"SELECT * FROM {view}")).keys())


@pytest.mark.parametrize("user", USERS)
def test_each_user_reads_its_views_and_nothing_else(engines: dict[str, Engine], user: str) -> None:
    states = ("host_block", "grey_triplet", "away_answer")
    state = ("away_answer",) if user == "exim" else ()
    for name in (*_VIEWS, *_TABLES, *states):
        assert allowed(engines[user], f"SELECT * FROM {name}") is (name in _READS[user] or name in state), name


def test_of_some_rows_a_user_reads_a_part(engines: dict[str, Engine]) -> None:
    for user, name, its, others in (
        ("spamassassin", "mta_recipient", "domain, local, by_name, wide, account_id", ("login", "forward_to", "host")),
        ("exim", "host_block", "ip, expires_at, hits", ("reason", "added_at")),
        ("exim", "grey_triplet", "net, mark, first_seen, last_seen, tries, passed_at", ("sender", "rcpt")),
    ):
        assert allowed(engines[user], f"SELECT {its} FROM {name}")
        assert not any(allowed(engines[user], f"SELECT {each} FROM {name}") for each in others), name


@pytest.mark.parametrize("user", USERS)
def test_nobody_writes_rules_accounts_or_settings(engines: dict[str, Engine], user: str) -> None:
    for line in (
        "INSERT INTO policy_rule (scope_rank, scope_id, action, kind, value, created_at)"
        " VALUES (0, '', 'allow', 2, 'x.example', '2026-01-01')",
        "DELETE FROM policy_rule",
        "UPDATE policy_setting SET value = '0'",
        "UPDATE mta_setting SET value = '0'",
        "UPDATE mta_rule SET action = 'allow'",
        "UPDATE account SET role = 'isp_admin'",
        "UPDATE mta_login SET password_hash = ''",
        "DELETE FROM host_block",
        "UPDATE host_block SET ip = '192.0.2.1'",
        "UPDATE away SET enabled = true",
        "UPDATE mta_away SET answer = ''",
        "DELETE FROM away_answer",
        "UPDATE away_answer SET mark = ''",
        "CREATE TABLE mine (a integer)" if engines[user].dialect.name != "postgresql" else "DROP TABLE account",
    ):
        assert not allowed(engines[user], line), line


def test_on_postgresql_13_and_14_too_only_the_owner_creates(request: pytest.FixtureRequest) -> None:
    made = MailSQL(request.getfixturevalue("postgresql"))
    public = "ALTER SCHEMA public OWNER TO {}", "GRANT CREATE ON SCHEMA public TO PUBLIC"
    owner, exim = open_engine(made.url), open_engine(made.url_of("exim"))
    made.run(public[0].format("postern"), public[1], "CREATE ROLE other", "ALTER TABLE account OWNER TO other")
    line = "CREATE TABLE public.mine (a integer)"
    part = (FOLDER / "postgresql.sql").read_text().partition("-- PostgreSQL 13 and 14")[2]
    try:
        assert allowed(exim, line), "as these versions are"
        assert allowed(owner, f"SET ROLE other; {part[part.index('DO $$') : part.index('GRANT SELECT')]}"), "a warning"
        assert allowed(exim, line)
        made.run_file(FOLDER / "postgresql.sql")
        assert not allowed(exim, line) and allowed(owner, line)
        assert allowed(owner, f"SET ROLE other; {line}"), "migrations go on"
    finally:
        owner.dispose(), exim.dispose()
        made.run("ALTER TABLE account OWNER TO postern", "REVOKE CREATE ON SCHEMA public FROM other", "DROP ROLE other")


def test_exim_writes_its_state(engines: dict[str, Engine]) -> None:
    for line in (
        "INSERT INTO host_block (ip, reason, added_at, expires_at)"
        " VALUES ('192.0.2.9', '', '2026-01-01', '2026-01-02')",
        "UPDATE host_block SET hits = hits + 1 WHERE ip = '192.0.2.9'",
        "INSERT INTO away_answer (account_id, mark, answered_at) VALUES ('1', 'x', '2026-01-01')",
        "UPDATE away_answer SET answered_at = '2026-01-02'",
    ):
        assert allowed(engines["exim"], line) and not allowed(engines["postfix"], line)


def test_a_view_of_a_part_shows_no_function_of_its_reader_the_rest(engines: dict[str, Engine]) -> None:
    if engines["exim"].dialect.name != "postgresql":
        pytest.skip("there are no functions before the view's own condition on MariaDB")
    columns = "at, actor_id, account_id, site, verb, target, ip"
    with engines["owner"].begin() as connection:
        values = "'2026-01-01', '1', '1', '1', 'forward', 'hers@else.example', ''"
        connection.execute(text(f"INSERT INTO action_log ({columns}) VALUES ({values})"))
        rule = "(scope_rank, scope_id, action, kind, value, created_at)"
        connection.execute(
            text(f"INSERT INTO policy_rule {rule} VALUES (2, '1', 'deny', 1, 'hers@else.example', now())")
        )
    for user, view, column in (("exim", "mta_host_pardon", "ip"), ("postfix", "mta_network", "network")):
        with engines[user].connect() as connection:
            connection.execute(text("SET enable_indexscan = off; SET enable_bitmapscan = off"))
            connection.execute(
                text(
                    "CREATE FUNCTION pg_temp.seen(what text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$"
                    " BEGIN IF what LIKE 'hers@%' THEN RAISE EXCEPTION 'seen %', what; END IF; RETURN true; END $$"
                )
            )
            assert connection.execute(text(f"SELECT * FROM {view} WHERE pg_temp.seen({column})")).all() == []
    with engines["owner"].begin() as connection:
        connection.execute(text("DELETE FROM action_log WHERE target = 'hers@else.example'"))
        connection.execute(text("DELETE FROM policy_rule WHERE value = 'hers@else.example'"))


def allowed(engine: Engine, line: str) -> bool:
    """Whether the database lets that user; nothing is left of what was done."""
    with engine.connect() as connection:
        try:
            connection.execute(text(line))
        except DBAPIError as error:
            words = str(error.orig).lower()
            assert any(each in words for each in ("denied", "must be owner", "cannot update view")), words
            return False
        finally:
            connection.rollback()
    return True
