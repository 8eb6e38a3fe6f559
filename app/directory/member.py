"""What an administrator sets of one account of a site: from typed fields to columns, with what is wrong by field.

And the names of a site: no alias may stand in the place of an account's own name, as it would get that account's mail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from app.directory.complete import complete
from app.directory.edit import Change, Row, add
from app.directory.errors import NotAccepted
from app.directory.record import by_field, parse_record
from app.directory.tables import ANY_DOMAIN, CATCH_ALL, AccountRow, AddressRow, DomainRow, ServerRow, SiteRow

OWN = frozenset({"display_name", "kind", "forward_to", "time_zone", "locale", "role", "enabled"})


@dataclass(frozen=True, slots=True)
class Typed:
    """An account's columns as a form says them; `faults` by field."""

    columns: Mapping[str, Any]
    faults: Mapping[str, str]


def typed(site: Row, old: Row, fields: Mapping[str, str], *, server: int | None, targets: Sequence[str]) -> Typed:
    """The columns of an account that was `old`. `server`: where a new mailbox lies; `targets`: checked before."""
    given = {name: text for name, text in fields.items() if name in OWN and name != "forward_to"}
    key = {"site": str(site["name"]), "username": str(old["username"])}
    values, wrong = parse_record("account", {**key, **given})
    faults = by_field(wrong)
    columns = {name: value for name, value in values.items() if name in given}
    kind = columns.get("kind", old["kind"])
    columns |= {"kind": kind, "forward_to": ", ".join(targets) or None if kind != "mailbox" else None}
    if kind != "mailbox" and not targets:
        faults.setdefault("forward_to", "Say where its mail goes.")
    if kind == "forward":
        columns |= {"server_id": None, "login": None}
    elif server is not None:
        columns["server_id"] = server
    whole = {**old, **columns}
    try:
        if not faults:
            complete("account", whole, {site["site_id"]: site["primary_domain"]})
            columns["login"] = whole["login"]
    except ValueError as error:
        field, _, text = str(error).partition(": ")
        faults[field if field in ("server", "login") else "form"] = text or field
    return Typed(columns, faults)


def usual_server(connection: Connection, site_id: int) -> int | None:
    """The mail server that most accounts of a site lie on."""
    count = func.count()
    asked = select(AccountRow.server_id).where(AccountRow.site_id == site_id, AccountRow.server_id.is_not(None))
    return connection.scalar(asked.group_by(AccountRow.server_id).order_by(count.desc(), AccountRow.server_id).limit(1))


def servers(connection: Connection) -> dict[int, str]:
    """All mail servers by name."""
    return dict(connection.execute(select(ServerRow.server_id, ServerRow.name).order_by(ServerRow.name)).all())


def domains(connection: Connection, site_id: int) -> dict[int, str]:
    """The domains of a site by name."""
    rows = select(DomainRow.domain_id, DomainRow.name).where(DomainRow.site_id == site_id).order_by(DomainRow.name)
    return dict(connection.execute(rows).all())


def one_at_a_time(connection: Connection, site_id: int) -> None:
    """Until the transaction ends nobody else adds a name to the site: two would not see each other's. SQLite has one
    writer anyway."""
    connection.execute(select(SiteRow.site_id).where(SiteRow.site_id == site_id).with_for_update())


def addresses(connection: Connection, site_id: int, *, account_id: int | None, limit: int) -> list[dict[str, Any]]:
    """The address rows of an account; without one, those of the site that lead to nobody or are catch-alls."""
    row, account = AddressRow, AccountRow
    asked = select(row.__table__, account.username, DomainRow.name.label("domain"))
    asked = asked.select_from(row).outerjoin(account, account.account_id == row.account_id)
    asked = asked.outerjoin(DomainRow, DomainRow.domain_id == row.domain_id).where(row.site_id == site_id)
    if account_id is not None:
        asked = asked.where(row.account_id == account_id)
    else:
        asked = asked.where(row.account_id.is_(None) | (row.local == CATCH_ALL))
    return [dict(each) for each in connection.execute(asked.order_by(row.local, row.domain_id).limit(limit)).mappings()]


def add_address(
    connection: Connection, site_id: int, local: str, domain_id: int, *, provider: bool = False, **leads: Any
) -> Change:
    """Adds an address that leads to `account_id`, or to `forward_to`. Raises NotAccepted, Overtaken."""
    one_at_a_time(connection, site_id)
    if domain_id != ANY_DOMAIN and domain_id not in domains(connection, site_id):
        raise NotAccepted("That domain is not one of this site’s.")
    values = {"site_id": site_id, "local": local, "domain_id": domain_id, "account_id": None, "forward_to": None}
    values |= {"enabled": True, **leads}
    check_name(connection, values)
    if not provider:
        check_guarded(connection, values)
    return add(connection, "address", values)


def check_name(connection: Connection, address: Row) -> None:
    """That an address takes no mail of an account's own name from it, nor of that with +detail. Raises NotAccepted."""
    same = (AccountRow.site_id == address["site_id"]) & AccountRow.username.in_(meant(address["local"]))
    others = set(connection.scalars(select(AccountRow.account_id).where(same))) - {address["account_id"]}
    if others:
        raise NotAccepted("An account of this site has that name. Its mail would go elsewhere.")


def meant(local: str) -> tuple[str, str]:
    """The names that may get what comes for a local part: itself, and without +detail."""
    return local, local.partition("+")[0]


def guarded(connection: Connection, site_id: int) -> set[str]:
    """Names of the provider's people in a site, beside catch-alls: a row of somebody else's would take their mail, and
    one that is switched off would shut them out."""
    account, row = AccountRow, AddressRow
    people = select(account.username).where(account.site_id == site_id, account.role == "isp_admin")
    theirs = select(row.local).join(account, account.account_id == row.account_id)
    theirs = theirs.where(row.site_id == site_id, account.role == "isp_admin", row.local != CATCH_ALL)
    return {*connection.scalars(people), *connection.scalars(theirs)}


def check_guarded(connection: Connection, address: Row) -> None:
    """That an address is not one of the provider's people. Raises NotAccepted."""
    if guarded(connection, address["site_id"]).intersection(meant(address["local"])):
        raise NotAccepted("Somebody of your provider has that address.")


def check_mailboxes(connection: Connection, accounts: Sequence[Row]) -> None:
    """That nobody else signs in on the same mail server under the name of one of these, which are written already: a
    password that their site sets would open another's mailbox. Raises NotAccepted."""
    row, login = AccountRow, func.lower(AccountRow.login)
    servers = sorted({each["server_id"] for each in accounts if each.get("server_id") is not None})
    asked = select(row.server_id, login).where(row.server_id.in_(servers)).group_by(row.server_id, login)
    lent = {tuple(each) for each in connection.execute(asked.having(func.count() > 1))} if servers else set()
    for each in accounts:
        if (each.get("server_id"), str(each.get("login")).lower()) in lent:
            raise NotAccepted(f"{each['login']} is the mailbox of another account. Your provider can help.")


def check_username(connection: Connection, site_id: int, username: str) -> None:
    """That a new account takes no mail from an address of the site, nor from an account with +detail. Raises
    NotAccepted."""
    one_at_a_time(connection, site_id)
    names = meant(username)
    asked = select(AddressRow.address_id).where(AddressRow.site_id == site_id, AddressRow.local.in_(names)).limit(1)
    if connection.scalar(asked) is not None:
        raise NotAccepted("An address of this site has that name already. Remove it first.")
    same = select(AccountRow.account_id).where(AccountRow.site_id == site_id, AccountRow.username == names[1])
    if names[0] != names[1] and connection.scalar(same.limit(1)) is not None:
        raise NotAccepted("An account of this site has that name before the +, and gets such mail.")
