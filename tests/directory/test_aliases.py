"""The addresses of an account, as the directory leads to it, and none that leads to somebody else."""

from __future__ import annotations

from sqlalchemy import Engine, insert

from app.directory.aliases import addresses_of
from app.directory.resolve import Directory, account, resolve
from app.directory.tables import AccountRow, AddressRow, DomainRow, ServerRow, SiteRow


def fill(engine: Engine) -> None:
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=1, name="One", primary_domain="one.example"))
        server = {"server_id": 1, "name": "m", "imap_host": "127.0.0.1", "imap_port": 143, "imap_security": "tls"}
        rows.execute(insert(ServerRow).values(server))
        for number, name in enumerate(("one.example", "two.example", "off.example"), 1):
            rows.execute(insert(DomainRow).values(domain_id=number, name=name, site_id=1, enabled=number < 3))
        for number, name in enumerate(("ann", "bob"), 1):
            account = {"account_id": number, "site_id": 1, "username": name, "server_id": 1, "login": name}
            rows.execute(insert(AccountRow).values(account))
        for local, domain, owner, enabled in (
            ("office", 0, 1, True),
            ("ann.b", 2, 1, True),
            ("old", 1, 1, False),
            ("*", 1, 1, True),
            ("ann", 2, 2, True),  # this one is Bob's
        ):
            address = {"site_id": 1, "local": local, "domain_id": domain, "account_id": owner, "enabled": enabled}
            rows.execute(insert(AddressRow).values(address))


def test_an_account_has_the_addresses_that_lead_to_it(engine: Engine) -> None:
    fill(engine)
    directory = Directory(engine)
    ann, bob = account(directory, "1"), account(directory, "2")
    assert ann is not None and bob is not None
    assert addresses_of(directory, ann) == ("ann.b@two.example", "office@one.example", "office@two.example")
    assert addresses_of(directory, bob) == ("ann@two.example", "bob@two.example")
    for owner in (ann, bob):
        for each in addresses_of(directory, owner):
            assert resolve(directory, each) == owner


def test_who_has_no_row_here_has_no_further_addresses(engine: Engine) -> None:
    fill(engine)
    directory = Directory(engine, query="SELECT 'ann@one.example' AS address WHERE :address = :address")
    found = account(Directory(engine), "1")
    assert found is not None and addresses_of(directory, found) == ()
