"""A provider's own schema behind a query: the layouts of PostfixAdmin and vexim, and queries that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.directory.endpoint import parse_endpoint
from app.directory.errors import DirectoryBroken
from app.directory.resolve import Directory, Unlisted, account, domains, neighbour, refresh, resolve
from tests.directory.filling import run, statements

IMAP = parse_endpoint("imaps://imap.isp.example", "imap")
UNLISTED = Unlisted(IMAP, parse_endpoint("smtp://smtp.isp.example", "smtp"), junk_pattern="spam.%Y")

POSTFIXADMIN = (
    "CREATE TABLE domain (domain VARCHAR(255) PRIMARY KEY, description VARCHAR(255), transport VARCHAR(255),"
    " backupmx BOOLEAN, active BOOLEAN)",
    "CREATE TABLE mailbox (username VARCHAR(255) PRIMARY KEY, password VARCHAR(255), name VARCHAR(255),"
    " maildir VARCHAR(255), quota BIGINT, local_part VARCHAR(255), domain VARCHAR(255), active BOOLEAN)",
    "CREATE TABLE alias (address VARCHAR(255) PRIMARY KEY, goto TEXT, domain VARCHAR(255), active BOOLEAN)",
    "CREATE TABLE alias_domain (alias_domain VARCHAR(255) PRIMARY KEY, target_domain VARCHAR(255), active BOOLEAN)",
    "INSERT INTO domain VALUES ('a.example', '', 'virtual', false, true), ('off.example', '', 'virtual', false, false)",
    "INSERT INTO mailbox VALUES ('alice@a.example', '', 'Alice', 'a.example/alice/', 0, 'alice', 'a.example', true),"
    " ('bob@a.example', '', 'Bob', 'a.example/bob/', 0, 'bob', 'a.example', false),"
    " ('carol@off.example', '', 'Carol', 'off.example/carol/', 0, 'carol', 'off.example', true)",
    "INSERT INTO alias VALUES ('sales@a.example', 'alice@a.example', 'a.example', true),"
    " ('old@a.example', 'alice@a.example', 'a.example', false),"
    " ('alice@a.example', 'alice@a.example', 'a.example', true)",
    "INSERT INTO alias_domain VALUES ('a.test', 'a.example', true)",
)
POSTFIXADMIN_QUERY = """
SELECT m.username AS address, m.name AS display_name, m.active AND d.active AS enabled
FROM mailbox m JOIN domain d ON d.domain = m.domain
WHERE m.username IN (
  :address,
  {plain_at_domain},
  (SELECT a.goto FROM alias a WHERE a.address = :address AND a.active),
  (SELECT {local_at_target} FROM alias_domain t WHERE t.alias_domain = :domain AND t.active))
ORDER BY m.username = :address DESC LIMIT 1;
"""

VEXIM = (
    "CREATE TABLE domains (domain_id INTEGER PRIMARY KEY, domain VARCHAR(255) UNIQUE, maildir VARCHAR(4096),"
    " type VARCHAR(5), enabled INTEGER)",
    "CREATE TABLE domainalias (domain_id INTEGER, alias VARCHAR(64))",
    "CREATE TABLE users (user_id INTEGER PRIMARY KEY, domain_id INTEGER, localpart VARCHAR(64), username VARCHAR(255),"
    " crypt VARCHAR(255), type VARCHAR(8), admin INTEGER, enabled INTEGER, forward VARCHAR(4096),"
    " realname VARCHAR(255), UNIQUE (localpart, domain_id))",
    "INSERT INTO domains VALUES (1, 'a.example', '/mail/a', 'local', 1)",
    "INSERT INTO domainalias VALUES (1, 'a.test')",
    "INSERT INTO users VALUES (11, 1, 'alice', 'alice@a.example', '$6$x', 'local', 1, 1, '', 'Alice'),"
    " (12, 1, 'fred', 'fred@a.example', '$6$y', 'alias', 0, 1, 'f@x.example', 'Fred'),"
    " (13, 1, 'gone', 'gone@a.example', '$6$z', 'local', 0, 0, '', ''),"
    " (14, 1, '*', '*@a.example', '', 'catch', 0, 1, 'alice@a.example', 'Catchall')",
)
VEXIM_QUERY = """
SELECT u.username AS address, u.user_id AS account_id, u.domain_id AS site, u.realname AS display_name,
       u.crypt AS password_hash, CASE WHEN u.type = 'local' THEN 'mailbox' ELSE 'forward' END AS kind,
       CASE WHEN u.admin = 1 THEN 'site_admin' ELSE 'user' END AS role,
       CASE WHEN u.enabled = 1 AND d.enabled = 1 THEN 1 ELSE 0 END AS enabled,
       'mail1.isp.example' AS imap_host, 143 AS imap_port, 'starttls' AS imap_security
FROM users u JOIN domains d ON d.domain_id = u.domain_id
WHERE u.localpart IN (:local, :plain) AND u.type IN ('local', 'alias')
  AND d.domain_id = COALESCE((SELECT n.domain_id FROM domains n WHERE n.domain = :domain),
                             (SELECT o.domain_id FROM domainalias o WHERE o.alias = :domain))
ORDER BY u.localpart = :local DESC LIMIT 1
"""


@pytest.fixture
def postfixadmin(empty: Engine) -> Directory:
    run(empty, *POSTFIXADMIN)
    mysql = empty.dialect.name in ("mysql", "mariadb")
    target = "CONCAT(:local, '@', t.target_domain)" if mysql else ":local || '@' || t.target_domain"
    plain = "CONCAT(:plain, '@', :domain)" if mysql else ":plain || '@' || :domain"
    query = POSTFIXADMIN_QUERY.format(local_at_target=target, plain_at_domain=plain)
    return Directory(empty, query=query, unlisted=UNLISTED)


@pytest.fixture
def vexim(empty: Engine) -> Directory:
    run(empty, *VEXIM)
    return Directory(empty, query=VEXIM_QUERY)


@pytest.mark.parametrize(
    "typed", ["alice@a.example", "ALICE%A.example", "alice@a.test", "sales@a.example", "alice+x@a.example"]
)
def test_postfixadmin_s_layout_answers_in_one_statement(postfixadmin: Directory, typed: str) -> None:
    with statements(postfixadmin.engine) as sent:
        found = resolve(postfixadmin, typed)
    assert len(sent) == 1
    assert found and (found.address, found.login, found.display_name) == ("alice@a.example", "alice@a.example", "Alice")
    assert (found.id, found.site) == ("q:alice@a.example", "a.example")
    assert found.server == UNLISTED.server, "a row without imap_host lies on the servers of the URLs"


@pytest.mark.parametrize(
    "typed", ["bob@a.example", "carol@off.example", "old@a.example", "x@a.example", "x@unknown.example", "alice"]
)
def test_whom_postfixadmin_does_not_let_in_stays_out_of_the_unlisted_server_too(
    postfixadmin: Directory, typed: str
) -> None:
    assert resolve(postfixadmin, typed) is None


def test_beside_an_address_that_a_query_does_not_know_is_the_server_of_the_urls(postfixadmin: Directory) -> None:
    found = neighbour(postfixadmin, "x+y@a.example")
    assert found and found.server == UNLISTED.server and found.login == "x@a.example"
    assert neighbour(postfixadmin, "x y@a.example") is None


def test_beside_an_address_that_a_query_does_not_know_is_whom_it_found_lately(vexim: Directory) -> None:
    assert neighbour(vexim, "x@a.example") is None
    alice = resolve(vexim, "alice@a.example")
    assert resolve(vexim, "fred@a.example") and resolve(vexim, "gone@a.example") is None
    assert alice and neighbour(vexim, "x@a.example") == alice, "not fred, who only forwards"
    assert neighbour(vexim, "x@b.example") is None
    vexim.seen.update((f"{number}.example", alice) for number in range(1000))
    assert resolve(vexim, "alice@a.test") and len(vexim.seen) == 1


def test_an_account_of_a_query_is_found_again(postfixadmin: Directory) -> None:
    alice = resolve(postfixadmin, "sales@a.example")
    assert alice is not None
    assert account(postfixadmin, alice.id) == alice and refresh(postfixadmin, alice) == alice
    run(postfixadmin.engine, "UPDATE mailbox SET active = false")
    assert account(postfixadmin, alice.id) is None and refresh(postfixadmin, alice) is None
    assert account(postfixadmin, "1") is None
    assert domains(postfixadmin) == ()


@pytest.mark.parametrize("typed", ["alice@a.example", "alice@a.test", "alice+x@a.test"])
def test_vexim_s_layout_answers_with_its_own_numbers_and_server(vexim: Directory, typed: str) -> None:
    found = resolve(vexim, typed)
    assert found and found.server
    assert (found.id, found.site, found.role, found.kind) == ("q:11", "1", "site_admin", "mailbox")
    assert (found.server.imap.host, found.server.imap.port, found.server.imap.security) == (
        "mail1.isp.example",
        143,
        "starttls",
    )
    assert (found.server.id, found.server.submission) == ("mail1.isp.example:143", None)
    assert found.password_hash is None and refresh(vexim, found) == found


def test_vexim_s_aliases_sign_in_against_their_hash(vexim: Directory) -> None:
    fred = resolve(vexim, "fred@a.test")
    assert fred and (fred.kind, fred.password_hash, fred.server) == ("forward", "$6$y", None)


@pytest.mark.parametrize(
    "typed", ["gone@a.example", "gone+x@a.test", "nobody@a.example", "alice@b.example", "*@a.example"]
)
def test_whom_vexim_does_not_let_in_stays_out(vexim: Directory, typed: str) -> None:
    assert resolve(vexim, typed) is None


def test_a_query_may_hand_an_address_to_the_unlisted_server(empty: Engine) -> None:
    directory = Directory(empty, query="SELECT 1 AS unlisted WHERE :domain = 'old.example'", unlisted=UNLISTED)
    found = resolve(directory, "zoe@old.example")
    assert found and found.login == "zoe@old.example" and found.id == "u:zoe@old.example"
    assert account(directory, found.id) == found
    assert resolve(directory, "zoe@new.example") is None


def test_a_query_sees_a_bare_name_with_an_empty_domain(empty: Engine) -> None:
    query = "SELECT 'zoe@x.example' AS address WHERE :address = 'zoe' AND :local = 'zoe' AND :domain = ''"
    assert resolve(Directory(empty, query=query, unlisted=UNLISTED), "Zoe")


def test_the_first_row_counts(empty: Engine) -> None:
    query = "SELECT 'a@x.example' AS address UNION ALL SELECT 'b@x.example' ORDER BY address DESC"
    found = resolve(Directory(empty, query=query, unlisted=UNLISTED), "x@x.example")
    assert found and found.address == "b@x.example"


@pytest.mark.parametrize(
    ("enabled", "in_"),
    [
        ("1", True),
        ("'1'", True),
        ("'Y'", True),
        ("'yes'", True),
        ("0", False),
        ("'0'", False),
        ("'N'", False),
        ("NULL", False),
    ],
)
def test_enabled_is_read_as_databases_write_it(empty: Engine, enabled: str, in_: bool) -> None:
    query = f"SELECT 'a@x.example' AS address, {enabled} AS enabled"
    assert (resolve(Directory(empty, query=query, unlisted=UNLISTED), "a@x.example") is not None) is in_


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELECT 'alice' AS address", "needs a domain"),
        ("SELECT NULL AS address", "address"),
        ("SELECT 'a@x.example' AS adress", "columns that mean nothing here: adress"),
        ("SELECT 'a@x.example' AS address, 'pop' AS kind", "kind"),
        ("SELECT 'a@x.example' AS address, 'h' AS imap_host, 'ssl' AS imap_security", "imap_security"),
        ("SELECT 'a@x.example' AS address, 'h' AS imap_host, 'x' AS imap_port", "x"),
        ("SELECT 'a@x.example' AS address, 'h h' AS imap_host", "host"),
        ("SELECT 'a@x.example' AS address, 'h' AS imap_host, 'plain' AS imap_security", "unencrypted"),
        ("SELECT 'a@x.example' AS address FROM no_such_table", "no_such_table"),
        ("SELECT no_such_column AS address", "no_such_column"),
        ("SELEC 1", "SELEC|syntax"),
    ],
)
def test_a_query_that_cannot_be_used_is_a_fault_and_says_which(empty: Engine, query: str, sentence: str) -> None:
    with pytest.raises(DirectoryBroken, match=sentence):
        resolve(Directory(empty, query=query, unlisted=UNLISTED), "a@x.example")


def test_a_row_without_server_is_a_fault_where_no_url_is_set(empty: Engine) -> None:
    with pytest.raises(DirectoryBroken, match="imap_host"):
        resolve(Directory(empty, query="SELECT 'a@x.example' AS address"), "a@x.example")


def test_unknown_parameters_are_told_when_the_directory_is_opened(empty: Engine) -> None:
    with pytest.raises(DirectoryBroken, match=":user"):
        Directory(empty, query="SELECT :user AS address")


def test_percent_signs_and_casts_of_a_query_are_left_alone(empty: Engine) -> None:
    query = "SELECT 'a@x.example' AS address WHERE :local LIKE 'a%' AND 'x:y' <> '%s %%'"
    if empty.dialect.name == "postgresql":
        query += " AND (:local)::text <> ''"
    assert resolve(Directory(empty, query=query.replace("x:y", "x\\:y"), unlisted=UNLISTED), "abc@x.example")


def test_the_queries_of_the_operators_page_are_those_tested_here() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/directory.md").read_text()
    mariadb = POSTFIXADMIN_QUERY.format(
        local_at_target="CONCAT(:local, '@', t.target_domain)", plain_at_domain="CONCAT(:plain, '@', :domain)"
    )
    assert mariadb.strip().rstrip(";") in page and VEXIM_QUERY.strip() in page
