"""Which sites there are, and who has an account there."""

from __future__ import annotations

from sqlalchemy import Engine

from app.directory.resolve import Directory, resolve
from app.directory.sites import Listed, accounts, listed, log_days, sites
from tests.directory.filling import account, fill, server, site


def two_sites(engine: Engine) -> Directory:
    fill(engine, server(), *site("zoo", "zoo.example", log_days="30"), *site("acme", "acme.example", "acme.test"))
    fill(
        engine,
        account("acme", "bert", kind="forward", forward_to="b@elsewhere.example", display_name="Bert B."),
        account("acme", "anna", role="site_admin"),
        account("zoo", "zoe"),
        account("acme", "old", enabled="no"),
    )
    return Directory(engine)


def test_sites_come_by_name_with_what_they_say_of_their_log(engine: Engine) -> None:
    directory = two_sites(engine)
    assert [(each.name, each.primary_domain, each.log_days) for each in sites(directory)] == [
        ("acme", "acme.example", None),
        ("zoo", "zoo.example", 30),
    ]
    assert log_days(directory) == {sites(directory)[1].id: 30}


def test_the_accounts_of_a_site_come_by_name_forwarding_and_disabled_ones_too(engine: Engine) -> None:
    directory = two_sites(engine)
    acme, zoo = (each.id for each in sites(directory))
    anna, bert, old = accounts(directory, acme)
    known = resolve(directory, "anna@acme.test")
    assert known is not None and (known.id, known.site, known.address) == (anna.id, acme, anna.address)
    assert bert == Listed(bert.id, "bert@acme.example", "Bert B.", "forward", "user", True)
    assert not old.enabled and anna.role == "site_admin"
    assert [each.address for each in accounts(directory, zoo)] == ["zoe@zoo.example"]


def test_what_is_no_site_has_no_accounts(engine: Engine) -> None:
    directory = two_sites(engine)
    for odd in ("", "x", "999999", "1 OR 1=1", "٣", "9" * 40):
        assert accounts(directory, odd) == ()


def test_a_query_of_a_provider_s_own_lists_nothing(engine: Engine) -> None:
    two_sites(engine)
    directory = Directory(engine, query="SELECT 1 AS address WHERE :address = 'x'")
    assert sites(directory) == () and accounts(directory, "1") == () and log_days(directory) == {}


def test_one_account_comes_with_its_site_also_when_it_is_disabled(engine: Engine) -> None:
    directory = two_sites(engine)
    acme, zoo = (each.id for each in sites(directory))
    for site_id in (acme, zoo):
        for each in accounts(directory, site_id):
            assert listed(directory, each.id) == (each, site_id)
    assert listed(directory, "999999") is None and listed(directory, "q:anna@acme.example") is None
