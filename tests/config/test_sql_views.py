"""Other schemas and ours: our views on PostfixAdmin's and vexim's tables, and vexim's names on our tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from app.directory.engine import open_engine
from app.directory.resolve import Directory, resolve
from app.policy.away import Away, keep
from tests.config.test_sql import asked
from tests.databases import DatabaseServer
from tests.directory.filling import account, alias, fill, run, server, site
from tests.directory.test_query import POSTFIXADMIN, POSTFIXADMIN_QUERY, UNLISTED, VEXIM, VEXIM_QUERY
from tests.mailsql import FOLDER, MailSQL

pytestmark = pytest.mark.databases
_MORE_VEXIM = (
    "ALTER TABLE users ADD COLUMN smtp VARCHAR(255)",
    "ALTER TABLE users ADD COLUMN on_forward INTEGER DEFAULT 0",
    "ALTER TABLE users ADD COLUMN unseen INTEGER DEFAULT 0",
    "UPDATE users SET smtp = forward, forward = '' WHERE type <> 'local'",
    "INSERT INTO users VALUES (15, 1, 'keep', 'keep@a.example', '', 'local', 0, 1, 'k@x.example', 'Keep', '', 1, 1)",
)
_MORE_POSTFIXADMIN = (
    "INSERT INTO mailbox VALUES ('a_b+c@a.example', '', 'A', 'a.example/ab/', 0, 'a_b+c', 'a.example', true)",
    "INSERT INTO alias VALUES ('a_b+c@a.example', 'k@x.example,a_b+c@a.example', 'a.example', true),"
    " ('@a.example', 'bob@a.example', 'a.example', true),"
    " ('two@a.example', 'x@x.example,y@y.example', 'a.example', true)",
)
Made = Callable[[str, tuple[str, ...], str], tuple[Engine, Engine]]


@pytest.fixture(params=["mariadb", "postgresql"])
def database(request: pytest.FixtureRequest) -> MailSQL:
    return MailSQL(request.getfixturevalue(request.param))


@pytest.fixture
def beside(database: MailSQL) -> Iterator[Made]:
    """Makes another program's tables in a database or schema beside ours, and our views on them; gives both: theirs as
    their owner has it, ours as Exim has it."""
    engines: list[Engine] = []

    def make(name: str, tables: tuple[str, ...], file: str) -> tuple[Engine, Engine]:
        server: DatabaseServer = database.server
        if database.kind == "mariadb":
            url = server.new_database()
            theirs, place = open_engine(url), f"test{server.databases}"
        else:
            place = f"their_{name}"
            database.run(f"CREATE SCHEMA {place}")
            theirs = open_engine(f"{database.url}&options=-csearch_path%3D{place}")
        run(theirs, *tables)
        database.run_file(FOLDER / file, **{f"{name}.": f"{place}."})
        engines.extend((theirs, open_engine(database.url_of("exim"))))
        return engines[-2], engines[-1]

    yield make
    for each in engines:
        each.dispose()


def _found(engine: Engine, *addresses: str) -> dict[str, tuple[str, str, str, str]]:
    rows = {each: asked(engine, each) for each in addresses}
    return {
        each: (row["account_id"], row["kind"], row["login"] if row["kind"] != "forward" else "", row["forward_to"])
        for each, row in rows.items()
        if row and row["live"]
    }


def test_postfixadmin_s_addresses_are_found_as_the_app_finds_them(beside: Made, database: MailSQL) -> None:
    theirs, exim = beside("postfixadmin", POSTFIXADMIN + _MORE_POSTFIXADMIN, "views_postfixadmin.sql")
    alice = ("q:alice@a.example", "mailbox", "alice@a.example", "")
    names = ("alice@a.example", "Alice@a.test", "sales@a.test", "alice+x@a.example", "a_b+c@a.example", "two@a.example")
    out = ("old@a.example", "bob@a.example", "carol@off.example", "x@other.example", "any@a.example")
    found = _found(exim, *names, *out)
    assert {each: found[each] for each in names[:4]} == dict.fromkeys(names[:4], alice)
    odd = "q:a_5fb_2bc@a.example"
    assert found["a_b+c@a.example"] == (odd, "both", "a_b+c@a.example", "k@x.example")
    assert found["two@a.example"] == ("", "forward", "", "x@x.example,y@y.example")
    assert found.keys() == set(names)
    concat = "CONCAT(:{}, '@', {})".format if database.kind == "mariadb" else ":{} || '@' || {}".format
    plain, target = concat("plain", ":domain"), concat("local", "t.target_domain")
    query = POSTFIXADMIN_QUERY.format(local_at_target=target, plain_at_domain=plain)
    directory = Directory(theirs, query=query, unlisted=UNLISTED)
    for name in (*names[:2], "sales@a.example", *names[3:5]):
        account_ = resolve(directory, name)
        row = asked(exim, name)
        assert account_ and row and (account_.id, account_.site) == (row["account_id"], row["site"])


def test_vexim_s_addresses_are_found_as_the_app_finds_them(beside: Made) -> None:
    theirs, exim = beside("vexim", VEXIM + _MORE_VEXIM, "views_on_vexim.sql")
    names = ("alice@a.example", "alice+x@a.test", "fred@a.test", "keep@a.example", "any@a.example")
    assert _found(exim, *names, "gone@a.example", "alice@b.example") == {
        "alice@a.example": ("q:11", "mailbox", "alice@a.example", ""),
        "alice+x@a.test": ("q:11", "mailbox", "alice@a.example", ""),
        "fred@a.test": ("q:12", "forward", "", "f@x.example"),
        "keep@a.example": ("q:15", "both", "keep@a.example", "k@x.example"),
        "any@a.example": ("", "forward", "", "alice@a.example"),
    }
    directory = Directory(theirs, query=VEXIM_QUERY)
    for name in names[:3]:
        account_, row = resolve(directory, name), asked(exim, name)
        assert account_ and row and (account_.id, account_.site) == (row["account_id"], row["site"])


def test_an_exim_made_for_vexim_reads_our_tables(database: MailSQL) -> None:
    owner = open_engine(database.url)
    fill(
        owner,
        server(vacation="sql"),
        *site("one", "one.example", "one.test"),
        account("one", "alice", login="box1"),
        account("one", "both", kind="both", login="box2", forward_to="x@else.example"),
        account("one", "gone", login="box3", enabled="no"),
        alias("one", "sales", account="alice"),
        alias("one", "*", "one.test", account="both"),
    )
    at = "'2026-01-01 00:00:00'"
    run(
        owner,
        "INSERT INTO policy_rule (scope_rank, scope_id, action, kind, value, created_at)"
        f" VALUES (2, '1', 'deny', 2, 'bank.example', {at}), (2, '1', 'allow', 2, 'friend.example', {at})",
        "INSERT INTO policy_setting (scope_rank, scope_id, name, value, locked, updated_at)"
        f" VALUES (0, '', 'reject_score', '12.5', false, {at}), (1, '1', 'junk_score', '4.5', true, {at}),"
        f" (2, '1', 'junk_score', '9', false, {at}), (2, '1', 'rbl', '0', false, {at})",
    )
    for number, on in (("1", True), ("2", False)):
        keep(owner, number, Away(on, "Fort.\n’n Gruß"), datetime.now(UTC), seen="")
    database.run_file(FOLDER / "views_vexim.sql")
    exim = open_engine(database.url_of("exim"))
    lines = {
        "SELECT smtp FROM users, domains WHERE localpart = :local AND domain = :domain AND domains.enabled = '1'"
        " AND users.enabled = '1' AND users.domain_id = domains.domain_id": {
            "alice@one.example": "box1@mail1.internal",
            "sales@one.example": "alice@one.example",
            "*@one.test": "both@one.example",
            "gone@one.example": None,
        },
        "SELECT forward FROM users, domains WHERE localpart = :local AND domain = :domain"
        " AND users.domain_id = domains.domain_id AND on_forward = '1' AND unseen = '1'": {
            "both@one.example": "x@else.example",
            "alice@one.example": None,
        },
        "SELECT CONCAT(sa_tag * 10, '/', sa_refuse * 10, '/', on_blocklist, '/', on_vacation, '/', spam_drop)"
        " FROM users WHERE username = :address": {
            "alice@one.example": "40/130/0/1/0",
            "both@one.example": "40/130/1/0/0",
        },
        "SELECT vacation FROM users WHERE username = :address AND on_vacation = 1": {
            "alice@one.example": "Fort.\n’n Gruß",
            "both@one.example": None,
        },
        "SELECT CONCAT(blockhdr, ' ', blockval) FROM blocklists, users WHERE blocklists.user_id = users.user_id"
        " AND users.username = :address": {"alice@one.example": "From bank.example"},
        "SELECT CONCAT(domain, '/', d.sa_refuse, '/', d.blocklists) FROM domains d, domainalias a"
        " WHERE a.alias = :domain AND a.domain_id = d.domain_id AND d.type = 'local'": {
            "@one.test": "one.example/13/1",
            "@one.example": None,
        },
        "SELECT out_ip FROM domains WHERE domain = :domain": {"@one.example": None},
        "SELECT g.name FROM groups g, group_contents c, users u WHERE c.group_id = g.id AND c.member_id = u.user_id"
        " AND g.name = :local": {"all@one.example": None},
    }
    with exim.connect() as connection:
        for line, wanted in lines.items():
            for address, value in wanted.items():
                local, _, domain = address.partition("@")
                keys = {"local": local, "domain": domain, "address": address}
                found = connection.execute(text(line), keys).scalar()
                assert found == value, (line, address)
    exim.dispose()
    owner.dispose()
