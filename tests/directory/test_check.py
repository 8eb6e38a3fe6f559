"""`directory check` tells of every fault that can be made, and of nothing in a good directory."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import Engine, text

from app.directory.account import Endpoint
from app.directory.check import check, unreachable
from tests.directory.filling import account, alias, fill, run, server, site


@pytest.fixture
def filled(engine: Engine) -> Engine:
    fill(
        engine,
        server(),
        *site("acme", "acme.example"),
        *site("school", "school.example"),
        account("acme", "alice"),
        account("school", "fred", kind="forward", forward_to="f@x.example", password_hash="{SSHA}" + "A" * 36),
        alias("acme", "sales", "acme.example", account="alice"),
        alias("acme", "*", account="alice"),
    )
    return engine


def spoil(engine: Engine, line: str) -> None:
    """Run SQL without the checks of keys that would forbid it, as databases filled by other programs are."""
    off = {"sqlite": "PRAGMA foreign_keys = OFF", "postgresql": "SET session_replication_role = replica"}
    on = {"sqlite": "PRAGMA foreign_keys = ON", "postgresql": "SET session_replication_role = DEFAULT"}
    kind = engine.dialect.name
    with engine.connect() as connection:
        raw = connection.execution_options(isolation_level="AUTOCOMMIT")
        raw.execute(text(off.get(kind, "SET foreign_key_checks = 0")))
        raw.execute(text(line))
        raw.execute(text(on.get(kind, "SET foreign_key_checks = 1")))


def test_nothing_is_found_in_a_good_directory(filled: Engine) -> None:
    assert list(check(filled, reach=False)) == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "UPDATE domain SET site_id = 99 WHERE name = 'school.example'",
            "belongs to site number 99",
        ),
        ("UPDATE site SET primary_domain = 'x.example' WHERE name = 'acme'", "is none of its domains"),
        ("UPDATE account SET site_id = 99 WHERE username = 'alice'", "belongs to site number 99"),
        ("UPDATE account SET server_id = 99 WHERE username = 'alice'", "lies on server number 99"),
        ("UPDATE account SET server_id = NULL WHERE username = 'alice'", "should have a mail server"),
        ("UPDATE account SET login = '' WHERE username = 'alice'", "should have a mail server"),
        ("UPDATE account SET login = '../box1' WHERE username = 'alice'", "has the login '../box1', which is no name"),
        ("UPDATE account SET forward_to = 'x' WHERE username = 'fred'", "account fred: forward_to is not"),
        ("UPDATE address SET forward_to = '|x', account_id = NULL WHERE local = 'sales'", "address sales: forward"),
        ("UPDATE account SET password_hash = NULL WHERE username = 'fred'", "nobody can sign in to it"),
        ("UPDATE account SET password_hash = '{PLAIN}x' WHERE username = 'fred'", "cannot be checked here"),
        ("UPDATE address SET account_id = 99 WHERE local = 'sales'", "leads to account number 99"),
        ("UPDATE address SET domain_id = 99 WHERE local = 'sales'", "is of domain number 99"),
        ("UPDATE address SET account_id = NULL WHERE local = 'sales'", "leads to no account"),
        (
            "UPDATE domain SET name = 'School.example' WHERE name = 'school.example'",
            "'School.example' is never found",
        ),
        ("UPDATE domain SET name = 'bücher.example' WHERE name = 'school.example'", "is never found"),
        ("UPDATE account SET username = 'Alice' WHERE username = 'alice'", "account 'Alice' is never found"),
        ("UPDATE account SET username = '*' WHERE username = 'alice'", "account '*' is never found"),
        ("UPDATE address SET local = 'a b' WHERE local = 'sales'", "address 'a b' is never found"),
        ("UPDATE mail_server SET imap_host = 'a b'", "server mail1: needs the name or address of a host"),
        ("UPDATE mail_server SET tls_sha256 = 'ab'", "tls_sha256"),
        ("UPDATE mail_server SET imap_security = 'plain'", "readable"),
    ],
)
def test_each_fault_is_told(filled: Engine, line: str, sentence: str) -> None:
    spoil(filled, line)
    told = list(check(filled, reach=False))
    assert any(sentence in each for each in told), told


def test_an_address_of_another_site_s_account_is_told(filled: Engine) -> None:
    spoil(filled, "UPDATE address SET account_id = (SELECT account_id FROM account WHERE username = 'fred')")
    assert sum("belongs to another site" in each for each in check(filled, reach=False)) == 2


@pytest.mark.servers
def test_a_server_that_does_not_answer_is_told_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert list(unreachable(Endpoint("127.0.0.1", port, "tls"))) == []
    [told] = unreachable(Endpoint("127.0.0.1", port, "tls"))
    assert f"127.0.0.1 port {port}" in told
    [told] = unreachable(Endpoint("no-such-host.invalid", 993, "tls"))
    assert "has no address" in told


@pytest.mark.servers
def test_check_connects_to_all_services_of_servers_that_should_be_up(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = str(listening.getsockname()[1])
    fields = {"imap_host": "127.0.0.1", "imap_port": free, "submission_host": "127.0.0.1", "submission_port": free}
    fill(engine, server("mail1", **fields), server("mail2", **fields, state="down"))
    told = list(check(engine))
    assert len(told) == 2 and all(each.startswith("server mail1: ") for each in told)


def test_an_empty_directory_is_a_good_one(engine: Engine) -> None:
    assert list(check(engine)) == []


def test_a_broken_certificate_is_told(filled: Engine) -> None:
    run(filled, "UPDATE mail_server SET tls_ca = 'ünfug'")
    assert list(check(filled, reach=False)) == ["server mail1: tls_ca holds no certificate in PEM form"]
