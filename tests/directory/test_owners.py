"""Owners asked in batches are those that a look-up of each address finds."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import Engine, insert

from app.directory.account import Endpoint
from app.directory.owners import owners, owners_of_logins
from app.directory.resolve import Directory, Unlisted, resolve
from app.directory.tables import AccountRow, AddressRow, DomainRow, ServerRow, SiteRow


def fill(engine: Engine) -> None:
    """Two sites; names, aliases for a domain and for all, catch-alls, disabled ones, and forwards."""
    site, domain, account, address = (each.__table__ for each in (SiteRow, DomainRow, AccountRow, AddressRow))
    with engine.begin() as connection:
        for number in (1, 2):
            name = f"s{number}"
            connection.execute(insert(site).values(site_id=number, name=name, primary_domain=f"{name}.example"))
        rows = [("s1.example", 1, True), ("alt.example", 1, True), ("off.example", 1, False), ("s2.example", 2, True)]
        for number, (name, its_site, enabled) in enumerate(rows, 1):
            values = {"domain_id": number, "name": name, "site_id": its_site, "enabled": enabled}
            connection.execute(insert(domain).values(**values))
        for number in (1, 2):
            values = {"server_id": number, "name": f"server{number}", "imap_host": f"imap{number}.example"}
            connection.execute(insert(ServerRow.__table__).values(**values))
        people = [(1, 1, "alice", 1, "box1", True), (2, 1, "bob", 1, "box2", True), (3, 1, "gone", 1, "box3", False)]
        people += [(4, 2, "alice", 2, "box1", True), (5, 2, "dan+x", 2, "box5", True)]
        names = ("account_id", "site_id", "username", "server_id", "login", "enabled")
        for each in people:
            connection.execute(insert(account).values(**dict(zip(names, each, strict=True))))
        aliases = [
            *((1, "info", 0, 1, None, True), (1, "info", 2, 2, None, True), (1, "old", 0, 3, None, True)),
            *((1, "shut", 0, 1, None, False), (1, "*", 2, 2, None, True), (2, "*", 0, 4, None, True)),
            *((1, "team", 0, None, "alice@s1.example, bob@alt.example,x@far.example", True),),
            *((1, "away", 0, None, "x@far.example", True), (2, "bob", 0, 1, None, True)),
        ]
        columns = ("site_id", "local", "domain_id", "account_id", "forward_to", "enabled")
        for each in aliases:
            connection.execute(insert(address).values(**dict(zip(columns, each, strict=True))))


LOCALS = ("alice", "Alice", "bob", "gone", "info", "old", "shut", "nobody")
LOCALS += ("dan", "dan+x", "alice+tag", "bob+", "+", "")
DOMAINS = ("s1.example", "ALT.example", "off.example", "s2.example", "far.example", "not a domain")


def test_each_is_the_owner_that_a_single_look_up_finds(engine: Engine) -> None:
    fill(engine)
    directory = Directory(engine)
    asked = [f"{local}@{domain}" for local, domain in itertools.product(LOCALS, DOMAINS)]
    asked += ["alice", '"a b"@s1.example']
    found = owners(directory, asked)
    for each in asked:
        account = resolve(directory, each, catch_all=True)
        known = found.get(each, (("", ""),))
        assert [owner[0] for owner in known] == [account.id if account else ""], each
        assert account is None or known == ((account.id, account.site),)


@pytest.mark.parametrize("detail", ["x" * 80, " ", "a b", "a@b", "(", "\N{SOFT HYPHEN}"])
def test_mail_that_comes_with_a_detail_that_is_kept_nowhere_is_its_owner_s(engine: Engine, detail: str) -> None:
    fill(engine)
    mine, caught = f"alice+{detail}@s1.example", f"{detail * 90}@s2.example"
    assert owners(Directory(engine), [mine, caught]) == {mine: (("1", "1"),), caught: (("4", "2"),)}
    query = "SELECT 'alice@s1.example' AS address, 'imap.x.example' AS imap_host WHERE :local = 'alice'"
    assert owners(Directory(engine, query=query), [mine]) == {mine: (("q:alice@s1.example", "s1.example"),)}


def test_an_address_that_forwards_is_its_targets_that_are_ours(engine: Engine) -> None:
    fill(engine)
    found = owners(Directory(engine), ["team@s1.example", "away@s1.example", "nobody@s1.example", "x@far.example"])
    assert found["team@s1.example"] == (("1", "1"), ("2", "1"))
    assert found["away@s1.example"] == found["nobody@s1.example"] == (("", "1"),)
    assert found["x@far.example"] == (("", ""),)


def test_where_unlisted_accounts_are_served_their_addresses_have_owners(engine: Engine) -> None:
    fill(engine)
    directory = Directory(engine, unlisted=Unlisted(Endpoint("imap.far.example", 993, "tls")))
    found = owners(directory, ["x@far.example", "nobody@s1.example"])
    assert found == {"x@far.example": (("u:x@far.example", "far.example"),), "nobody@s1.example": (("", "1"),)}


def test_with_a_query_of_one_s_own_each_address_is_asked(engine: Engine) -> None:
    fill(engine)
    query = "SELECT 'alice@s1.example' AS address, 'imap.x.example' AS imap_host WHERE :local = 'alice'"
    found = owners(Directory(engine, query=query), ["alice@s1.example", "bob@s1.example"])
    assert found == {"alice@s1.example": (("q:alice@s1.example", "s1.example"),), "bob@s1.example": (("", ""),)}


def test_a_login_is_its_account_s_on_that_server(engine: Engine) -> None:
    fill(engine)
    directory = Directory(engine)
    logins = ["box1", "box2", "box3", "bob@s1.example", "bob%s1.example", "nobody"]
    here = owners_of_logins(directory, "imap1.example", logins)
    bob = ("2", "1")
    assert here == {"box1": ("1", "1"), "box2": bob, "bob@s1.example": bob, "bob%s1.example": bob}
    assert owners_of_logins(directory, "server2", ["box1"]) == {"box1": ("4", "2")}
    assert owners_of_logins(directory, "mx.example", ["box1", "box2"]) == {"box2": ("2", "1")}
