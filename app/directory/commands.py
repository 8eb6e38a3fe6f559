"""The command line of the directory: list, resolve, import, export, check and changes of single records.

The group is made for a function that opens the database when a command first needs it; nothing here knows Flask.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from app.directory.account import Account
from app.directory.check import check, check_query
from app.directory.commands_add import add
from app.directory.commands_change import GONE, Gone, password, remove, set_fields
from app.directory.commands_csv import export_csv, import_csv
from app.directory.commands_write import Open
from app.directory.engine import asking
from app.directory.errors import DirectoryError
from app.directory.exchange import SECRET, records_of
from app.directory.record import FORMS, show
from app.directory.resolve import Directory, resolve

_RECORD = click.Choice(list(FORMS))
_DIRECTORY = "app.directory"


class _PlainGroup(click.Group):
    """Tells errors of the directory in one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DirectoryError as error:
            raise click.ClickException(str(error)) from None


def directory_commands(
    open_database: Open, open_directory: Callable[[], Directory] | None = None, gone: Gone | None = None
) -> click.Group:
    """The group `directory`. `open_database` returns the engine (best without a limit on a statement's time).

    `open_directory` returns what sign-in asks, a provider's query included; the tables in `open_database` otherwise.
    `gone` removes what an account has in other rooms, with the account.
    """

    @click.group("directory", cls=_PlainGroup, help="Sites, domains, mail servers, accounts and addresses.")
    @click.pass_context
    def group(context: click.Context) -> None:
        context.obj = open_database  # Flask's own object is of no use to these commands
        context.meta[GONE] = gone
        context.meta[_DIRECTORY] = open_directory or (lambda: Directory(open_database(), allow_plaintext=True))

    for command in (add, set_fields, remove, password, import_csv, export_csv):
        group.add_command(command)
    for command in (list_records, resolve_address, check_all):
        group.add_command(command)
    return group


@click.command("list")
@click.argument("record", type=_RECORD)
@click.option("--site", help="Only records of this site.")
@click.pass_obj
def list_records(open_database: Open, /, record: str, site: str | None) -> None:
    """List all records of a kind as a table."""
    names = [name for name in FORMS[record].fields if name not in (SECRET, "tls_ca")]
    only = site and site.lower()
    with asking(), open_database().connect() as connection:
        rows = [[show(fields[name]) for name in names] for fields in records_of(connection, record, site=only)]
    click.echo(_table(names, rows))


def _table(names: list[str], rows: list[list[str]]) -> str:
    """Columns of even width; those that are empty in every row are left out."""
    used = [index for index in range(len(names)) if any(row[index] for row in rows)]
    lines = [[line[index] for index in used] for line in ([names, *rows] if used else [])]
    widths = [max(len(line[index]) for line in lines) for index in range(len(used))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


@click.command("resolve")
@click.argument("address")
@click.option("--domain", help="The domain of a bare name.")
@click.option("--catch-all", is_flag=True, help="Find the catch-all too, as delivery does (signing in does not).")
@click.pass_context
def resolve_address(context: click.Context, /, address: str, domain: str | None, catch_all: bool) -> None:
    """Show which account an address means, and where its mail lies."""
    found = resolve(context.meta[_DIRECTORY](), address, domain=domain, catch_all=catch_all)
    if found is None:
        raise click.ClickException("nobody: not in the directory, or disabled")
    click.echo("\n".join(f"{name:12} {value}" for name, value in _described(found).items() if value))


def _described(account: Account) -> Mapping[str, Any]:
    server = account.server
    names = {} if server is None else {"imap": server.imap, "submission": server.submission, "sieve": server.sieve}
    endpoints = {name: f"{each.host}:{each.port} {each.security}" for name, each in names.items() if each}
    fields = {"account": account.id, "address": account.address, "site": account.site, "kind": account.kind}
    state = "" if server is None else f"{server.id} ({server.state})"
    return {**fields, "role": account.role, "login": account.login, "server": state, **endpoints}


@click.command("check")
@click.option("--no-connect", is_flag=True, help="Leave the mail servers alone.")
@click.pass_context
def check_all(context: click.Context, /, no_connect: bool) -> None:
    """Tell of everything that is wrong; the exit status is 1 where anything is."""
    directory: Directory = context.meta[_DIRECTORY]()
    own = directory.query is None
    if problems := _told(check(context.obj(), reach=not no_connect) if own else check_query(directory)):
        raise click.ClickException(f"{problems} found")
    click.echo("nothing found")


def _told(sentences: Iterable[str]) -> int:
    count = 0
    for count, sentence in enumerate(sentences, 1):  # noqa: B007 (the last count is the answer)
        click.echo(sentence)
    return count
