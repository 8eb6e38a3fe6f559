"""Whose mail it is that came for some addresses, asked in batches: what `resolve` says of each, in three statements.

For who reads the logs of mail servers: thousands of recipients a second. A forwarding address belongs to those of its
targets that are ours. With a provider's own query, each address is asked by itself.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

from sqlalchemy import select

from app.directory.account import Account
from app.directory.address import BadAddress, TypedAddress, ascii_domain, local_part, parse_address
from app.directory.engine import asking
from app.directory.resolve import Directory, resolve
from app.directory.tables import ANY_DOMAIN, CATCH_ALL, AccountRow, AddressRow, DomainRow, ServerRow, SiteRow

MOST_MEMBERS = 20

Owner = tuple[str, str]  # the ids of an account and its site; "" for no account, no site of ours


def owners(directory: Directory, addresses: Collection[str]) -> dict[str, tuple[Owner, ...]]:
    """The owners of each address. Raises DirectoryAway, DirectoryBroken."""
    if directory.query is not None:
        return {each: _resolved(directory, each, _parsed(each)) for each in addresses}
    parsed = {each: key for each in addresses if (key := _parsed(each)) is not None}
    found, forwards = leads(directory, parsed)
    members = {member for targets in forwards.values() for member in targets}
    if members:
        further, _ = leads(directory, {each: key for each in members if (key := _parsed(each)) is not None})
        for each, targets in forwards.items():
            known = [owner for target in targets for owner in further.get(target, ())]
            ours = tuple(dict.fromkeys(owner for owner in known if owner[0]))
            if 0 < len(ours) <= MOST_MEMBERS:
                found[each] = ours
    if directory.unlisted is not None:
        for each, key in parsed.items():
            if found[each] == (("", ""),) and key.domain:
                found[each] = _resolved(directory, each, key)
    return found


def _resolved(directory: Directory, address: str, key: TypedAddress | None) -> tuple[Owner, ...]:
    named = key.address if key is not None and key.local else address
    return (_owner(resolve(directory, named, catch_all=True)),)


def owners_of_logins(directory: Directory, host: str, logins: Collection[str]) -> dict[str, Owner]:
    """The accounts that sign in on a mail server under some names: its own, or addresses. `host` is the server's name
    or that of one of its services; where it is none of ours, a login that only one account has is that account's."""
    found: dict[str, Owner] = {}
    if directory.query is None:
        found = _by_login(directory, host, logins)
    rest = [each for each in logins if each not in found and ("@" in each or "%" in each)]
    for each in rest:
        owner = _owner(resolve(directory, each))
        if owner[0]:
            found[each] = owner
    return found


def _by_login(directory: Directory, host: str, logins: Collection[str]) -> dict[str, Owner]:
    account, server = AccountRow, ServerRow
    hosts = (server.name, server.imap_host, server.submission_host)
    columns = (account.login, account.account_id, account.site_id, *hosts)
    asked = select(*columns).outerjoin(server, server.server_id == account.server_id).where(account.login.in_(logins))
    with asking(), directory.engine.connect() as connection:
        rows = connection.execute(asked.where(account.enabled)).all()
    found: dict[str, Owner] = {}
    for login in logins:
        mine = [row for row in rows if row.login == login]
        here = [row for row in mine if host.lower() in (row.name, row.imap_host, row.submission_host)] or mine
        if len(here) == 1:
            found[login] = (str(here[0].account_id), str(here[0].site_id))
    return found


def _owner(account: Account | None) -> Owner:
    return ("", "") if account is None else (account.id, account.site)


def _parsed(address: str) -> TypedAddress | None:
    """The keys of an address that mail came for. Its local part may be longer, and hold other signs, than the directory
    keeps any: then it is that without +detail, or none, which is the catch-all's."""
    try:
        return parse_address(address)
    except BadAddress:
        local, _, domain = address.rpartition("@")
    for plain in (local.partition("+")[0], ""):
        with suppress(BadAddress):
            return TypedAddress(plain and local_part(plain), ascii_domain(domain)) if local else None
    return None


def leads(
    directory: Directory, parsed: dict[str, TypedAddress]
) -> tuple[dict[str, tuple[Owner, ...]], dict[str, list[str]]]:
    """Owners by the rows of the directory, and the targets of addresses that only forward."""
    domains = _domains(directory, {each.domain for each in parsed.values() if each.domain})
    sites = {row.site_id for row in domains.values()}
    locals_ = {key for each in parsed.values() if each.domain in domains for key in (each.local, each.plain)}
    addresses, accounts = _rows(directory, sites, locals_)
    found: dict[str, tuple[Owner, ...]] = {}
    forwards: dict[str, list[str]] = {}
    for typed, key in parsed.items():
        domain = domains.get(key.domain or "")
        if domain is None:
            found[typed] = (("", ""),)
            continue
        row = _best(key, domain, addresses, accounts)
        live = row is not None and domain.enabled and domain.site_enabled and row.enabled and row.live
        number = row.account_id if row is not None and live else None
        found[typed] = ((str(number) if number is not None else "", str(domain.site_id)),)
        if row is not None and live and row.forward_to and number is None:
            targets = row.forward_to.replace("\n", ",").split(",")
            forwards[typed] = [each.strip().lower() for each in targets if each.strip()]
    return found, forwards


def _domains(directory: Directory, names: Iterable[str]) -> dict[str, Any]:
    row, site = DomainRow, SiteRow
    columns = (row.name, row.domain_id, row.site_id, row.enabled, site.enabled.label("site_enabled"))
    asked = select(*columns).join(site, site.site_id == row.site_id).where(row.name.in_(sorted(names)))
    with asking(), directory.engine.connect() as connection:
        return {each.name: each for each in connection.execute(asked)}


def _rows(directory: Directory, sites: Iterable[int], locals_: Iterable[str]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Rows of addresses by site, local part and domain; accounts by site and name."""
    row, account = AddressRow, AccountRow
    live = account.enabled.is_not(False).label("live")  # a row without an account lives by itself
    numbers, names = sorted(sites), sorted(locals_)
    columns = (row.site_id, row.local, row.domain_id, account.account_id, row.forward_to, row.enabled, live)
    theirs = (account.account_id == row.account_id) & (account.site_id == row.site_id)
    asked = select(*columns).outerjoin(account, theirs)
    asked = asked.where(row.site_id.in_(numbers), row.local.in_([*names, CATCH_ALL]))
    own = (account.site_id, account.username, account.account_id, account.forward_to, account.enabled, live)
    people = select(*own).where(account.site_id.in_(numbers), account.username.in_(names))
    with asking(), directory.engine.connect() as connection:
        addresses = {(each.site_id, each.local, each.domain_id): each for each in connection.execute(asked)}
        return addresses, {(each.site_id, each.username): each for each in connection.execute(people)}


def _best(key: TypedAddress, domain: Any, addresses: dict[Any, Any], accounts: dict[Any, Any]) -> Any:
    """The row that decides, as statement.py orders them."""
    site = domain.site_id
    for local, by_name in ((key.local, False), (key.plain, False), (key.local, True), (key.plain, True)):
        if by_name and (site, local) in accounts:
            return accounts[site, local]
        for number in () if by_name else (domain.domain_id, ANY_DOMAIN):
            if (site, local, number) in addresses:
                return addresses[site, local, number]
    for number in (domain.domain_id, ANY_DOMAIN):
        if (site, CATCH_ALL, number) in addresses:
            return addresses[site, CATCH_ALL, number]
    return None
