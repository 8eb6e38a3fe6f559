"""What a person types leads to their account, with one statement, alike on all databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.directory.account import Account
from app.directory.endpoint import parse_endpoint
from app.directory.errors import DirectoryBroken
from app.directory.resolve import Directory, Unlisted, account, domains, neighbour, refresh, resolve
from tests.directory.filling import account as an_account
from tests.directory.filling import alias, fill, run, server, site, statements

UNLISTED = Unlisted(parse_endpoint("imaps://old.example.net", "imap"), parse_endpoint("smtp://old.example.net", "smtp"))


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Two sites, three accounts, one that only forwards."""
    fill(
        engine,
        server(submission_host="smtp.example.net", sieve_host="mail1.example.net", tls_sha256="ab" * 32, tls_name="m1"),
        server("mail2", imap_port="143", imap_security="starttls", state="drain"),
        *site("acme", "acme.example", "acme.test", "bücher.example", time_zone="Europe/Berlin", brand="acme"),
        *site("school", "school.example", junk_pattern="spam.%Y"),
        an_account("acme", "alice", login="box12345", display_name="Alice", locale="de"),
        an_account("acme", "bob", server="mail2", role="site_admin"),
        an_account("school", "alice", kind="both", forward_to="alice@acme.example"),
        an_account("school", "fred", kind="forward", forward_to="f@x.example", password_hash="{SSHA}" + "A" * 36),
        alias("acme", "sales", account="bob"),
        alias("acme", "info", "acme.test", account="alice"),
        alias("acme", "info", account="bob"),
        alias("acme", "*", account="bob"),
        alias("acme", "outside", forward_to="x@y.example"),
        alias("acme", "bob+lists", account="alice"),
    )
    return engine


def login_of(engine: Engine, typed: str, *, domain: str | None = None, catch_all: bool = False) -> str | None:
    found = resolve(Directory(engine), typed, domain=domain, catch_all=catch_all)
    return found and found.login


@pytest.mark.parametrize(
    ("typed", "login"),
    [
        ("alice@acme.example", "box12345"),
        ("alice@acme.test", "box12345"),
        ("ALICE@Acme.EXAMPLE", "box12345"),
        (" alice@acme.example ", "box12345"),
        ("alice@acme.example.", "box12345"),
        ("alice%acme.example", "box12345"),
        ("alice@bücher.example", "box12345"),
        ("alice@BÜCHER.example", "box12345"),
        ("alice@xn--bcher-kva.example", "box12345"),
        ("alice+shopping@acme.example", "box12345"),
        ("alice@school.example", "alice@school.example"),
        ("bob@acme.test", "bob@acme.example"),
        ("bob+anything@acme.test", "bob@acme.example"),
        ("bob+lists@acme.test", "box12345"),
        ("sales@acme.example", "bob@acme.example"),
        ("sales+x@acme.example", "bob@acme.example"),
        ("info@acme.test", "box12345"),
        ("info@acme.example", "bob@acme.example"),
        ("nobody@acme.example", None),
        ("outside@acme.example", None),
        ("alice@other.example", None),
        ("alice", None),
        ("*@acme.example", None),
        ("alice@acme.example@school.example", None),
        ("alice\r\n@acme.example", None),
        ("alice'--@acme.example", None),
        ('"alice"@acme.example', None),
        ("alice\0@acme.example", None),
        ("", None),
        ("@", None),
        ("alice@", None),
        ("a" * 64 + "@" + "b" * 200 + ".example", None),
    ],
)
def test_every_form_of_an_address_leads_to_its_mailbox_login(filled: Engine, typed: str, login: str | None) -> None:
    assert login_of(filled, typed) == login


def test_a_bare_name_belongs_to_the_default_domain(filled: Engine) -> None:
    assert login_of(filled, "alice", domain="school.example") == "alice@school.example"
    assert login_of(filled, "alice", domain="Acme.Example") == "box12345"
    assert login_of(filled, "alice@acme.example", domain="school.example") == "box12345"


def test_a_catch_all_owns_mail_but_is_no_name_to_sign_in_with(filled: Engine) -> None:
    assert login_of(filled, "whoever@acme.example") is None
    assert login_of(filled, "whoever@acme.example", catch_all=True) == "bob@acme.example"
    assert login_of(filled, "alice@acme.example", catch_all=True) == "box12345"
    assert login_of(filled, "alice+x@acme.example", catch_all=True) == "box12345"
    assert login_of(filled, "whoever@school.example", catch_all=True) is None


def test_an_account_carries_all_that_its_rows_say(filled: Engine) -> None:
    alice = resolve(Directory(filled), "info@acme.test")
    assert alice is not None and alice.server is not None
    assert alice.address == "alice@acme.example"
    assert (alice.display_name, alice.locale, alice.time_zone) == ("Alice", "de", "Europe/Berlin")
    assert (alice.brand, alice.role, alice.kind, alice.password_hash) == ("acme", "user", "mailbox", None)
    assert alice.id.isdecimal() and alice.site.isdecimal()
    imap, submission, sieve = alice.server.imap, alice.server.submission, alice.server.sieve
    assert submission is not None and sieve is not None
    assert (imap.host, imap.port, imap.security, imap.pin, imap.name) == (
        "mail1.example.net",
        993,
        "tls",
        "ab" * 32,
        "m1",
    )
    assert (submission.host, submission.port, submission.security) == ("smtp.example.net", 587, "starttls")
    assert submission.pin is None, "another host has another certificate"
    assert (sieve.port, sieve.security, sieve.pin) == (4190, "starttls", "ab" * 32)


def test_a_server_tells_its_state_and_the_site_its_junk_pattern(filled: Engine) -> None:
    bob = resolve(Directory(filled), "bob@acme.example")
    school = resolve(Directory(filled), "alice@school.example")
    assert bob and bob.server and (bob.server.state, bob.role) == ("drain", "site_admin")
    assert bob.server.submission is None and bob.server.sieve is None
    assert school and school.server and (school.server.junk_pattern, school.kind) == ("spam.%Y", "both")


def test_an_account_that_only_forwards_has_a_hash_and_no_server(filled: Engine) -> None:
    fred = resolve(Directory(filled), "fred@school.example")
    assert fred and (fred.kind, fred.server, fred.login) == ("forward", None, None)
    assert fred.password_hash == "{SSHA}" + "A" * 36
    assert "SSHA" not in fred.to_json() + repr(fred), "the hash goes neither into a session nor into a log"


def test_the_same_person_is_one_account_under_every_name(filled: Engine) -> None:
    directory = Directory(filled)
    found = {resolve(directory, typed) for typed in ("alice@acme.example", "alice+x@acme.test", "info@acme.test")}
    assert len(found) == 1


@pytest.mark.parametrize(
    "typed", ["alice@acme.example", "nobody@acme.example", "alice@other.example", "sales+x@acme.test"]
)
def test_one_look_up_is_one_statement(filled: Engine, typed: str) -> None:
    directory = Directory(filled, unlisted=UNLISTED)
    with statements(filled) as sent:
        resolve(directory, typed)
    assert len(sent) == 1


def test_what_is_no_address_costs_no_statement(filled: Engine) -> None:
    with statements(filled) as sent:
        resolve(Directory(filled, unlisted=UNLISTED), "a\nb@acme.example")
    assert sent == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE account SET enabled = false WHERE username = 'alice'",
        "UPDATE site SET enabled = false WHERE name = 'acme'",
        "UPDATE domain SET enabled = false WHERE name = 'acme.example'",
    ],
)
def test_what_is_disabled_stays_out_even_of_an_unlisted_server(filled: Engine, change: str) -> None:
    directory = Directory(filled, unlisted=UNLISTED)
    alice = resolve(directory, "alice@acme.example")
    run(filled, change)
    assert alice is not None
    assert resolve(directory, "alice@acme.example") is None
    assert resolve(directory, "alice+x@acme.example") is None
    assert resolve(directory, "alice", domain="acme.example") is None
    assert "domain" in change.split()[1] or refresh(directory, alice) is None


def test_a_disabled_alias_hides_what_lies_behind_it(filled: Engine) -> None:
    run(filled, "UPDATE address SET enabled = false WHERE local = 'bob+lists'")
    assert login_of(filled, "bob+lists@acme.example") is None
    assert login_of(filled, "bob+other@acme.example") == "bob@acme.example"


def test_an_address_of_another_site_s_account_leads_nowhere(filled: Engine) -> None:
    run(filled, "UPDATE address SET account_id = (SELECT account_id FROM account WHERE username = 'fred')")
    assert resolve(Directory(filled), "sales@acme.example") is None


def test_addresses_of_domains_that_no_row_knows_are_served_by_the_unlisted_server(filled: Engine) -> None:
    found = resolve(Directory(filled, unlisted=UNLISTED), "Carol+x@Elsewhere.example")
    assert found and found.server and found.server.submission
    assert (found.id, found.login) == ("u:carol@elsewhere.example", "carol@elsewhere.example")
    assert (found.address, found.site) == ("carol@elsewhere.example", "elsewhere.example")
    assert (found.server.id, found.server.imap.host) == ("old.example.net:993", "old.example.net")


@pytest.mark.parametrize("typed", ["nobody@acme.example", "box12345", "alice%acme.example@x.example", "a!b@x.example"])
def test_the_unlisted_server_gets_nobody_of_a_domain_that_a_row_knows(filled: Engine, typed: str) -> None:
    assert resolve(Directory(filled, unlisted=UNLISTED), typed) is None


def test_without_any_table_the_unlisted_server_serves_everybody(empty: Engine) -> None:
    directory = Directory(empty, unlisted=UNLISTED)
    found = resolve(directory, "carol@elsewhere.example")
    bare = resolve(directory, "Carol_1")
    assert found and found.login == "carol@elsewhere.example"
    assert bare and (bare.login, bare.address, bare.id) == ("carol_1", "carol_1@old.example.net", "u:carol_5f1")
    assert account(directory, bare.id) == bare and account(directory, found.id) == found
    assert domains(directory) == ()


def test_without_any_table_and_without_an_unlisted_server_the_directory_is_broken(empty: Engine) -> None:
    with pytest.raises(DirectoryBroken):
        resolve(Directory(empty), "carol@elsewhere.example")


def test_one_missing_table_is_a_fault_and_not_an_empty_directory(filled: Engine) -> None:
    run(filled, "DROP TABLE address")
    with pytest.raises(DirectoryBroken):
        resolve(Directory(filled, unlisted=UNLISTED), "alice@elsewhere.example")


def test_an_account_is_found_again_by_its_id(filled: Engine) -> None:
    directory = Directory(filled)
    alice = resolve(directory, "alice@acme.example")
    assert alice is not None
    with statements(filled) as sent:
        assert account(directory, alice.id) == alice
    assert len(sent) == 1
    assert refresh(directory, alice) == alice


@pytest.mark.parametrize(
    "account_id", ["", "0", "99999", "-1", "1e3", "²", "9" * 30, "u:x", "q:x", "u:_zz", "x:1", "u:_ff"]
)
def test_an_id_of_nobody_finds_nobody(filled: Engine, account_id: str) -> None:
    assert account(Directory(filled), account_id) is None


@pytest.mark.parametrize(
    ("typed", "beside"),
    [
        ("aaron@acme.example", "box12345"),
        ("alice+x@acme.test", "box12345"),
        ("ann%BÜCHER.example", "bob@acme.example"),
        ("zoe@acme.example", "box12345"),  # the last one's is the first
        ("bob@school.example", "alice@school.example"),  # fred only forwards
        ("bob@other.example", None),
        ("bob", None),
        ("b b@acme.example", None),
    ],
)
def test_an_address_of_nobody_has_a_neighbour_with_a_mailbox(filled: Engine, typed: str, beside: str | None) -> None:
    found = neighbour(Directory(filled, unlisted=UNLISTED), typed)
    assert (found and found.login) == beside
    assert found is None or found.server is not None


def test_a_moved_mailbox_is_followed(filled: Engine) -> None:
    directory = Directory(filled)
    alice = resolve(directory, "alice@acme.example")
    assert alice is not None
    run(filled, "UPDATE account SET server_id = (SELECT server_id FROM mail_server WHERE name = 'mail2')")
    moved = refresh(directory, alice)
    assert moved and moved.server and moved.server.imap.host == "mail2.example.net"


def test_the_choice_of_domains_is_of_all_or_a_site_or_a_brand(filled: Engine) -> None:
    directory = Directory(filled)
    acme = ("acme.example", "acme.test", "xn--bcher-kva.example")
    alice = resolve(directory, "alice@acme.example")
    assert alice is not None
    assert domains(directory) == (*acme[:2], "school.example", acme[2])
    assert domains(directory, brand="acme") == domains(directory, brand="acme", unbranded=False) == acme
    assert domains(directory, brand="postern", unbranded=True) == ("school.example",)
    assert domains(directory, brand="postern") == ()
    assert domains(directory, site=alice.site) == acme
    assert domains(directory, site="nonsense") == ()
    run(filled, "UPDATE domain SET enabled = false WHERE name = 'acme.test'")
    assert "acme.test" not in domains(directory)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE account SET login = NULL",
        "UPDATE account SET server_id = NULL",
        "UPDATE mail_server SET imap_host = 'a b'",
        "UPDATE mail_server SET imap_port = 0",
        "UPDATE mail_server SET imap_security = 'plain'",
        "UPDATE mail_server SET tls_sha256 = 'ab'",
        "UPDATE account SET login = 'a\r\nb'",
    ],
)
def test_rows_that_cannot_be_used_are_a_fault_of_the_directory(filled: Engine, change: str) -> None:
    run(filled, change)
    with pytest.raises(DirectoryBroken):
        resolve(Directory(filled), "alice@acme.example")


def test_a_plain_server_elsewhere_is_used_only_when_that_is_allowed(filled: Engine) -> None:
    run(filled, "UPDATE mail_server SET imap_security = 'plain'")
    assert resolve(Directory(filled, allow_plaintext=True), "alice@acme.example")
    run(filled, "UPDATE mail_server SET imap_host = '127.0.0.1'")
    assert resolve(Directory(filled), "alice@acme.example")


def test_keys_are_compared_byte_by_byte(filled: Engine) -> None:
    fill(filled, an_account("school", "müller", login="umlaut"), an_account("school", "muller", login="plain"))
    assert login_of(filled, "müller@school.example") == "umlaut"
    assert login_of(filled, "MULLER@school.example") == "plain"


def test_a_session_gets_back_the_account_that_it_was_given(filled: Engine) -> None:
    alice = resolve(Directory(filled), "alice@acme.example")
    assert alice is not None
    assert Account.from_json(alice.to_json()) == alice
