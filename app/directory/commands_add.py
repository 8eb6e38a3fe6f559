"""The command line's `directory add`."""

from typing import Any

import click

from app.directory.account import ANSWERS, KINDS, ROLES, STATES
from app.directory.commands_write import Open, asked_password, key_of, owner, write
from app.directory.endpoint import Family, parse_endpoint


@click.group()
def add() -> None:
    """Add a record that is not there yet."""


@add.command("site")
@click.argument("name")
@click.option("--domain", required=True, help="Its primary domain, which is added too.")
@click.option("--time-zone", help="Such as Europe/Berlin.")
@click.option("--locale", help="Such as en or pt-BR; kept for translations, the pages are in English so far.")
@click.option("--brand")
@click.option("--junk-pattern", help="Such as spam.%Y, where junk mail does not lie in \\Junk.")
@click.option("--messages-per-hour", help="That each account may send; POSTERN_MESSAGES_PER_HOUR where none is given.")
@click.option("--recipients-per-hour", help="Likewise of all these messages together.")
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
@click.option("--vacation", type=click.Choice(ANSWERS), help="sql: Exim answers for who is away (docs/mta-exim.md).")
@click.pass_obj
def add_server(open_database: Open, /, name: str, ca_file: Any, pin: str | None, **given: str | None) -> None:
    """Add a mail server."""
    fields: dict[str, str | None] = {"name": name, "tls_sha256": pin, "state": given["state"]}
    fields["vacation"] = given["vacation"]
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
    key = key_of(engine, "account", address)
    secret = {"password_hash": asked_password()} if ask else {}
    write(engine, "new", [("account", {**key, **secret, **fields})])


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
    username = None
    if account is not None:
        other, username, _ = owner(engine, account)
        if other != owner(engine, address)[0]:
            raise click.ClickException(f"{account} belongs to another site than {address}")
    key = key_of(engine, "address", address, all_domains=all_domains)
    write(engine, "new", [("address", {**key, "account": username, "forward_to": forward_to})])
