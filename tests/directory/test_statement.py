"""50,000 accounts cost what 50 cost: the plans use indexes."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, insert, text

from app.directory.plan import plan
from app.directory.resolve import Directory, resolve
from app.directory.statement import account_statement, neighbour_statement, resolve_statement
from app.directory.tables import AccountRow, AddressRow, DomainRow, ServerRow, SiteRow
from tests.directory.filling import run

SITES = 2000  # enough that PostgreSQL asks the index of domains too; it reads a table of few pages whole, and rightly


def fill_many(engine: Engine, accounts: int) -> None:
    """Accounts over 2,000 sites and ten servers (fewer for fewer accounts), every other with an alias."""
    sites = min(SITES, accounts)
    with engine.begin() as connection:
        connection.execute(insert(ServerRow), [{"name": f"m{n}", "imap_host": f"m{n}.example.net"} for n in range(10)])
        names = [(n + 1, f"site{n}", f"site{n}.example") for n in range(sites)]
        connection.execute(insert(SiteRow), [{"name": name, "primary_domain": domain} for _, name, domain in names])
        connection.execute(insert(DomainRow), [{"name": domain, "site_id": number} for number, _, domain in names])
        rows = [
            {"site_id": n % sites + 1, "username": f"user{n}", "server_id": n % 10 + 1, "login": f"box{n}"}
            for n in range(accounts)
        ]
        connection.execute(insert(AccountRow), rows)
        aliases = [
            {"site_id": n % sites + 1, "local": f"alias{n}", "domain_id": 0, "account_id": n + 1}
            for n in range(0, accounts, 2)
        ]
        connection.execute(insert(AddressRow), aliases)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("site", "domain", "mail_server", "account", "address"):
            line = f"ANALYZE TABLE {table}" if engine.dialect.name == "mariadb" else f"ANALYZE {table}"
            connection.execute(text(line))


KEYS = {"local": "alias4000", "plain": "alias4000", "any": "*", "domain": "site0.example"}


@pytest.mark.slow
def test_no_look_up_reads_a_table_whole_at_fifty_thousand_accounts(patient: Engine) -> None:
    fill_many(patient, 50_000)
    by_address = plan(patient, resolve_statement(), KEYS)
    by_number = plan(patient, account_statement(), {"account_id": 4711})
    beside = plan(patient, neighbour_statement(), {"local": "nobody", "domain": "site0.example"})
    assert by_address.scans == by_number.scans == beside.scans == (), (by_address, by_number, beside)
    assert by_address.steps and by_number.steps and beside.steps
    found = resolve(Directory(patient), "alias4000@site0.example")
    assert found and found.login == "box4000" and found.address == "user4000@site0.example"


@pytest.mark.parametrize("typed", ["user49@site49.example", "alias48@site48.example"])
@pytest.mark.slow
def test_few_accounts_are_found_as_well(patient: Engine, typed: str) -> None:
    fill_many(patient, 50)
    assert resolve(Directory(patient), typed)


@pytest.mark.slow
def test_a_missing_index_is_seen_in_the_plan(patient: Engine) -> None:
    fill_many(patient, 8000)
    mariadb = patient.dialect.name == "mariadb"
    drop = {
        "sqlite": "DROP TABLE address",
        "postgresql": "ALTER TABLE address DROP CONSTRAINT uq_address_site_id_local_domain_id",
    }
    if mariadb:  # its foreign key needs an index that begins with site_id
        run(
            patient,
            "ALTER TABLE address DROP FOREIGN KEY fk_address_site_id, DROP KEY uq_address_site_id_local_domain_id",
        )
    else:
        run(patient, drop[patient.dialect.name])
    if patient.dialect.name == "sqlite":
        run(
            patient,
            "CREATE TABLE address (address_id INTEGER PRIMARY KEY, site_id INTEGER, local TEXT, domain_id INTEGER,"
            " account_id INTEGER, enabled BOOLEAN)",
        )
    assert "address" in plan(patient, resolve_statement(), KEYS).scans
