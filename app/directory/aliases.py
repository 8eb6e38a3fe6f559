"""All addresses under which an account receives mail, by the directory's own tables.

What the rows suggest is looked up as any typed address is: an address that leads to somebody else, or to nobody any
more, is not the account's, whichever rows say so.
"""

from sqlalchemy import select

from app.directory.account import Account
from app.directory.engine import asking
from app.directory.resolve import Directory, resolve
from app.directory.tables import ANY_DOMAIN, CATCH_ALL, AccountRow, AddressRow, DomainRow

MOST = 40


def addresses_of(directory: Directory, account: Account) -> tuple[str, ...]:
    """The account's addresses beside its main one, in order; at most 40 are looked up.

    Nothing where a provider's query, or no row at all, told of the account. Raises DirectoryAway, DirectoryBroken.
    """
    if directory.query is not None or not account.id.isdecimal():
        return ()
    found = (each for each in _suggested(directory, int(account.id)) if each != account.address)
    return tuple(each for each in list(found)[:MOST] if _is(directory, each, account))


def _suggested(directory: Directory, number: int) -> list[str]:
    """Its names under every domain of its site, and its rows of addresses."""
    row, domain = AddressRow, DomainRow
    width = row.domain_id.in_([ANY_DOMAIN, domain.domain_id])
    named = select(AccountRow.username, domain.name).join(domain, domain.site_id == AccountRow.site_id)
    others = select(row.local, domain.name).join_from(row, domain, (domain.site_id == row.site_id) & width)
    theirs = others.where(row.account_id == number, row.local != CATCH_ALL)
    with asking(), directory.engine.connect() as connection:
        rows = [*connection.execute(named.where(AccountRow.account_id == number)), *connection.execute(theirs)]
    return sorted({f"{local}@{name}" for local, name in rows})


def _is(directory: Directory, address: str, account: Account) -> bool:
    found = resolve(directory, address)
    return found is not None and found.id == account.id
