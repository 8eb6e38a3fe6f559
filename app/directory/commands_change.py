"""The part of the command line that changes single records: `directory add`, `set`, `remove`, `password`."""

from collections.abc import Callable, Mapping
from typing import Any

import click
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import IntegrityError

from app.directory.account import KINDS, ROLES, STATES
from app.directory.address import BadAddress, ascii_domain, parse_address
from app.directory.change import Mode, Names, Record, columns_of, write_records
from app.directory.endpoint import Family, parse_endpoint
from app.directory.engine import asking
from app.directory.password import hash_password
from app.directory.record import ALL_DOMAINS, FORMS, parse_record
from app.directory.tables import CATCH_ALL, DomainRow, SiteRow

Open = Callable[[], Engine]
Fields = Mapping[str, str | None]


def write(engine: Engine, mode: Mode, records: list[tuple[str, Fields]]) -> None:
    """Write records given as fields, all or none. Raises ClickException with all that is wrong."""
    checked, wrong = [], []
    for name, fields in records:
        values, problems = parse_record(name, {field: text for field, text in fields.items() if text is not None})
        checked.append(Record(name, values))
        wrong += problems
    if not wrong:
        with asking(), engine.connect() as connection, connection.begin() as transaction:
            report = write_records(connection, checked, mode=mode)
            wrong = [problem.text for problem in report.problems]
            if wrong:
                transaction.rollback()
    if wrong:
        raise click.ClickException("\n".join(wrong))


def owner(engine: Engine, address: str) -> tuple[str, str, str]:
    """The site's name, the local part and the domain of an address (`*@domain` too). Raises ClickException."""
    local, _, domain = address.rpartition("@")
    try:
        parsed = parse_address(address) if local != CATCH_ALL else None
        name = ascii_domain(domain) if parsed is None else parsed.domain
    except BadAddress as error:
        raise click.ClickException(f"{address!r}: {error}") from None
    if name is None:
        raise click.ClickException(f"{address!r} needs a domain")
    with asking(), engine.connect() as connection:
        site = connection.scalar(select(SiteRow.name).join(DomainRow).where(DomainRow.name == name))
    if site is None:
        raise click.ClickException(f"domain {name} is not in the directory")
    return site, CATCH_ALL if parsed is None else parsed.local, name


@click.group()
def add() -> None:
    """Add a record that is not there yet."""


@add.command("site")
@click.argument("name")
@click.option("--domain", required=True, help="Its primary domain, which is added too.")
@click.option("--time-zone", help="Such as Europe/Berlin.")
@click.option("--locale", help="Such as en or pt-BR.")
@click.option("--brand")
@click.option("--junk-pattern", help="Such as spam.%Y, where junk mail does not lie in \\Junk.")
@click.pass_obj
def add_site(open_database: Open, /, name: str, domain: str, **fields: str | None) -> None:
    """Add a site (a customer) and its primary domain."""
    site = ("site", {"name": name, "primary_domain": domain, **fields})
    write(open_database(), "new", [site, ("domain", {"name": domain, "site": name})])


@add.command("domain")
@click.argument("name")
@click.option("--site", required=True)
@click.pass_obj
def add_domain(open_database: Open, /, name: str, site: str) -> None:
    """Add a domain to a site."""
    write(open_database(), "new", [("domain", {"name": name, "site": site})])


@add.command("server")
@click.argument("name")
@click.option("--imap", required=True, help="imaps://host:993, imap://host:143 (STARTTLS) or imap+plain://host:143.")
@click.option("--submission", help="smtps://, smtp:// (STARTTLS) or smtp+plain://.")
@click.option("--sieve", help="sieve:// (STARTTLS) or sieve+plain://.")
@click.option("--ca-file", type=click.File("r"), help="Certificates of a private authority, PEM.")
@click.option("--pin", help="SHA-256 of its one accepted certificate (openssl x509 -fingerprint -sha256).")
@click.option("--tls-name", help="The name in its certificate, where that is not the host's.")
@click.option("--state", type=click.Choice(STATES))
@click.pass_obj
def add_server(open_database: Open, /, name: str, ca_file: Any, pin: str | None, **given: str | None) -> None:
    """Add a mail server."""
    fields: dict[str, str | None] = {"name": name, "tls_sha256": pin, "state": given["state"]}
    fields |= {"tls_ca": ca_file.read() if ca_file else None, "tls_name": given["tls_name"]}
    families: dict[str, Family] = {"imap": "imap", "submission": "smtp", "sieve": "sieve"}
    for service, family in families.items():
        if url := given[service]:
            fields |= _endpoint_fields(service, family, url)
    write(open_database(), "new", [("server", fields)])


def _endpoint_fields(service: str, family: Family, url: str) -> dict[str, str]:
    try:
        endpoint = parse_endpoint(url, family, allow_plaintext=True)
    except ValueError as error:
        raise click.ClickException(f"--{service}: {error}") from None
    parts = {"host": endpoint.host, "port": str(endpoint.port), "security": endpoint.security}
    return {f"{service}_{part}": value for part, value in parts.items()}


@add.command("account")
@click.argument("address")
@click.option("--server", help="The mail server's name; none for an account that only forwards.")
@click.option("--login", help="Its name on the mail server; the site's main address of it where none is given.")
@click.option("--kind", type=click.Choice(KINDS))
@click.option("--forward-to", help="Addresses, with commas between.")
@click.option("--role", type=click.Choice(ROLES))
@click.option("--display-name")
@click.option("--time-zone")
@click.option("--locale")
@click.option("--password", "ask", is_flag=True, help="Ask for a password, for an account that only forwards.")
@click.pass_obj
def add_account(open_database: Open, /, address: str, ask: bool, **fields: str | None) -> None:
    """Add an account under any domain of its site; it can sign in under all of them."""
    engine = open_database()
    site, username, _ = owner(engine, address)
    secret = {"password_hash": _asked_password()} if ask else {}
    write(engine, "new", [("account", {"site": site, "username": username, **secret, **fields})])


@add.command("alias")
@click.argument("address")
@click.option("--account", help="An address of the account that it leads to.")
@click.option("--forward-to", help="Addresses elsewhere, with commas between.")
@click.option("--all-domains", is_flag=True, help="Under every domain of the site.")
@click.pass_obj
def add_alias(
    open_database: Open, /, address: str, account: str | None, forward_to: str | None, all_domains: bool
) -> None:
    """Add another address of an account. `*@domain` is the catch-all."""
    engine = open_database()
    site, local, domain = owner(engine, address)
    username = None
    if account is not None:
        other, username, _ = owner(engine, account)
        if other != site:
            raise click.ClickException(f"{account} belongs to another site than {address}")
    fields = {"site": site, "local": local, "domain": ALL_DOMAINS if all_domains else domain}
    write(engine, "new", [("address", {**fields, "account": username, "forward_to": forward_to})])


@click.command("set")
@click.argument("record", type=click.Choice([name for name in FORMS if name != "address"]))
@click.argument("name")
@click.argument("fields", nargs=-1, required=True)
@click.pass_obj
def set_fields(open_database: Open, /, record: str, name: str, fields: tuple[str, ...]) -> None:
    """Change fields of a record: `set server mail1 state=drain`, `set account alice@example.org enabled=no`."""
    engine = open_database()
    key = {"name": name}
    if record == "account":
        site, username, _ = owner(engine, name)
        key = {"site": site, "username": username}
    given = dict(field.partition("=")[::2] for field in fields)
    write(engine, "old", [(record, {**given, **key})])


@click.command("remove")
@click.argument("record", type=click.Choice(list(FORMS)))
@click.argument("name")
@click.option("--all-domains", is_flag=True, help="The address row that holds under every domain of the site.")
@click.pass_obj
def remove(open_database: Open, /, record: str, name: str, all_domains: bool) -> None:
    """Remove a record for good. To keep somebody out for a while, `set ... enabled=no`."""
    engine = open_database()
    fields = {"name": name}
    if record in ("account", "address"):
        site, local, domain = owner(engine, name)
        fields = {"site": site, "username": local}
        if record == "address":
            fields = {"site": site, "local": local, "domain": ALL_DOMAINS if all_domains else domain}
    values, _ = parse_record(record, fields)
    with asking(), engine.begin() as connection:
        try:
            columns = columns_of(Names(connection), Record(record, values))
            table = FORMS[record].table
            found = connection.execute(delete(table).filter_by(**columns)).rowcount
        except IntegrityError:
            raise click.ClickException(f"{record} {name} is still in use; remove first what belongs to it") from None
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    if not found:
        raise click.ClickException(f"there is no {record} {name}")


@click.command("password")
@click.argument("address")
@click.pass_obj
def password(open_database: Open, /, address: str) -> None:
    """Set the password of an account that only forwards. Others have theirs on the mail server."""
    engine = open_database()
    site, username, _ = owner(engine, address)
    fields = {"site": site, "username": username, "password_hash": _asked_password()}
    write(engine, "old", [("account", fields)])


def _asked_password() -> str:
    return hash_password(click.prompt("Password", hide_input=True, confirmation_prompt=True))
