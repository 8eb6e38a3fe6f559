"""The statements behind `directory check`: each finds the rows of one fault.

Foreign keys keep most of these out; they come from tables that other programs fill, or that were once filled without
them.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from app.directory.tables import ANY_DOMAIN, AccountRow, AddressRow, DomainRow, ServerRow, SiteRow

Fault = tuple[str, Select[Any]]


def _without(columns: list[Any], table: Any, other: Any, on: ColumnElement[bool]) -> Select[Any]:
    """Rows of a table to which no row of the other belongs."""
    key = other.__table__.primary_key.columns[0]
    return select(*columns).select_from(table).outerjoin(other, on).where(key.is_(None))


def _of_sites() -> list[Fault]:
    site, domain = SiteRow, DomainRow
    primary = and_(domain.name == site.primary_domain, domain.site_id == site.site_id)
    return [
        (
            "domain {} belongs to site number {}, which does not exist",
            _without([domain.name, domain.site_id], domain, site, site.site_id == domain.site_id),
        ),
        (
            "site {} has the primary domain {}, which is none of its domains",
            _without([site.name, site.primary_domain], site, domain, primary),
        ),
    ]


def _of_accounts() -> list[Fault]:
    account, server = AccountRow, ServerRow
    who = (account.username, account.account_id)
    nowhere = or_(account.server_id.is_(None), account.login.is_(None), account.login == "")
    no_hash = or_(account.password_hash.is_(None), account.password_hash == "")
    return [
        (
            "account {} (number {}) belongs to site number {}, which does not exist",
            _without([*who, account.site_id], account, SiteRow, SiteRow.site_id == account.site_id),
        ),
        (
            "account {} (number {}) lies on server number {}, which does not exist",
            _without([*who, account.server_id], account, server, server.server_id == account.server_id).where(
                account.server_id.is_not(None)
            ),
        ),
        (
            "account {} (number {}) should have a mail server and a login",
            select(*who).where(account.kind != "forward", nowhere),
        ),
        (
            "account {} (number {}) only forwards and has no password hash: nobody can sign in to it",
            select(*who).where(account.kind == "forward", account.enabled, no_hash),
        ),
    ]


def _of_addresses() -> list[Fault]:
    address, account, domain = AddressRow, AccountRow, DomainRow
    which = (address.local, address.address_id)
    its_account = and_(account.account_id == address.account_id, account.site_id == address.site_id)
    its_domain = and_(domain.domain_id == address.domain_id, domain.site_id == address.site_id)
    return [
        (
            "address {} (number {}) leads to account number {}, which does not exist or belongs to another site",
            _without([*which, address.account_id], address, account, its_account).where(
                address.account_id.is_not(None)
            ),
        ),
        (
            "address {} (number {}) is of domain number {}, which does not exist or belongs to another site",
            _without([*which, address.domain_id], address, domain, its_domain).where(address.domain_id != ANY_DOMAIN),
        ),
        (
            "address {} (number {}) leads to no account and forwards to nobody",
            select(*which).where(address.enabled, address.account_id.is_(None), address.forward_to.is_(None)),
        ),
    ]


DANGLING: tuple[Fault, ...] = (*_of_sites(), *_of_accounts(), *_of_addresses())
