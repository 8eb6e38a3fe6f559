"""The command line's `directory set`, `remove` and `password`: changes of one record that is there."""

from collections.abc import Callable, Mapping
from typing import Final

import click
from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import IntegrityError

from app.directory.commands_write import Open, asked_password, key_of, write
from app.directory.engine import asking
from app.directory.names import Names, Record, columns_of
from app.directory.record import FORMS, parse_record
from app.directory.tables import AccountRow, AddressRow, DomainRow, SiteRow

Gone = Callable[[Connection, str], None]
GONE: Final = "app.directory.gone"  # in click's own notes: what else goes with an account, by its number

_RECORD = click.Choice(list(FORMS))
_ALL_DOMAINS = click.option("--all-domains", is_flag=True, help="The address row for every domain of the site.")


@click.command("set")
@click.argument("record", type=_RECORD)
@click.argument("name")
@click.argument("fields", nargs=-1, required=True)
@_ALL_DOMAINS
@click.pass_obj
def set_fields(open_database: Open, /, record: str, name: str, fields: tuple[str, ...], all_domains: bool) -> None:
    """Change fields of a record: `set server mail1 state=drain`, `set account alice@example.org enabled=no`."""
    engine = open_database()
    given = dict(_given(record, field) for field in fields)
    write(engine, "old", [(record, {**given, **key_of(engine, record, name, all_domains=all_domains)})])


def _given(record: str, field: str) -> tuple[str, str]:
    name, equals, text = field.partition("=")
    if not equals:
        raise click.ClickException(f"{field!r} is not field=value; nothing behind the = means the default")
    if name in FORMS[record].key:
        raise click.ClickException(f"{name}: names the {record}, and cannot be set")
    return name, text


@click.command("remove")
@click.argument("record", type=_RECORD)
@click.argument("name")
@_ALL_DOMAINS
@click.pass_context
def remove(context: click.Context, /, record: str, name: str, all_domains: bool) -> None:
    """Remove a record for good; with an account its rules, its settings of filters and its answer while away. To keep
    somebody out for a while, `set ... enabled=no`."""
    engine = context.obj()
    values, wrong = parse_record(record, key_of(engine, record, name, all_domains=all_domains))
    if wrong:
        raise click.ClickException("\n".join(wrong))
    with asking(), engine.begin() as connection:
        try:
            columns = columns_of(Names(connection), Record(record, values))
            if record == "account":
                _leave(connection, columns, context.meta.get(GONE))
            if record == "domain":
                _refuse_needed(connection, str(columns["name"]))
            found = connection.execute(delete(FORMS[record].table).filter_by(**columns)).rowcount
        except IntegrityError:
            raise click.ClickException(f"{record} {name} is still in use; remove first what belongs to it") from None
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    if not found:
        raise click.ClickException(f"there is no {record} {name}")


def _leave(connection: Connection, columns: Mapping[str, object], gone: Gone | None) -> None:
    number = connection.scalar(select(AccountRow.__table__.c.account_id).filter_by(**columns))
    if number is not None and gone is not None:
        gone(connection, str(number))


def _refuse_needed(connection: Connection, name: str) -> None:
    """What no foreign key knows: a domain's addresses, and accounts whose main address is under it."""
    domain = connection.execute(select(DomainRow.domain_id, DomainRow.site_id).where(DomainRow.name == name)).first()
    if domain is None:
        return
    number, site = domain
    if connection.scalar(select(AddressRow.local).where(AddressRow.domain_id == number, AddressRow.site_id == site)):
        raise click.ClickException(f"domain {name} is still in use; remove its addresses first")
    people = select(AccountRow.username).join(SiteRow, SiteRow.site_id == AccountRow.site_id)
    if connection.scalar(people.where(SiteRow.site_id == site, SiteRow.primary_domain == name)):
        raise click.ClickException(f"domain {name} is its site's primary one; set another or remove the accounts first")


@click.command("password")
@click.argument("address")
@click.pass_obj
def password(open_database: Open, /, address: str) -> None:
    """Set the password that the directory keeps of an account.

    It is for accounts that only forward, and for mail servers that read it here; others have theirs on the mail server.
    """
    engine = open_database()
    key = key_of(engine, "account", address)
    write(engine, "old", [("account", {**key, "password_hash": asked_password()})])
