"""The command line of the directory: list, resolve, import, export, check and changes of single records.

The group is made for a function that opens the database when a command first needs it; nothing here knows Flask.
"""

import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, TextIO

import click
from sqlalchemy import Engine

from app.directory.account import Account
from app.directory.check import check
from app.directory.commands_change import add, password, remove, set_fields
from app.directory.engine import asking
from app.directory.errors import DirectoryError
from app.directory.exchange import SECRET, read_csv, records_of, write_csv
from app.directory.record import FORMS, show
from app.directory.resolve import Directory, resolve

Open = Callable[[], Engine]
_RECORD = click.Choice(list(FORMS))


class _PlainGroup(click.Group):
    """Tells errors of the directory in one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DirectoryError as error:
            raise click.ClickException(str(error)) from None


def directory_commands(open_database: Open) -> click.Group:
    """The group `directory`. `open_database` returns the engine (best without a limit on a statement's time)."""

    @click.group("directory", cls=_PlainGroup, help="Sites, domains, mail servers, accounts and addresses.")
    @click.pass_context
    def group(context: click.Context) -> None:
        context.obj = open_database  # Flask's own object is of no use to these commands

    for command in (
        add,
        set_fields,
        remove,
        password,
        list_records,
        resolve_address,
        import_csv,
        export_csv,
        check_all,
    ):
        group.add_command(command)
    return group


@click.command("list")
@click.argument("record", type=_RECORD)
@click.option("--site", help="Only records of this site.")
@click.pass_obj
def list_records(open_database: Open, /, record: str, site: str | None) -> None:
    """List all records of a kind as a table."""
    names = [name for name in FORMS[record].fields if name not in (SECRET, "tls_ca")]
    with asking(), open_database().connect() as connection:
        rows = [[show(fields[name]) for name in names] for fields in records_of(connection, record, site=site)]
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
@click.pass_obj
def resolve_address(open_database: Open, /, address: str, domain: str | None, catch_all: bool) -> None:
    """Show which account an address means, and where its mail lies."""
    found = resolve(Directory(open_database(), allow_plaintext=True), address, domain=domain, catch_all=catch_all)
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


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--record", type=_RECORD, help="The kind of every line, for a file without a column 'record'.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.pass_obj
def import_csv(open_database: Open, /, file: IO[bytes], record: str | None, dry_run: bool) -> None:
    """Bring a CSV FILE ("-" is standard input) in: all of it, or nothing where a line is not understood."""
    try:
        text = file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"the file is not UTF-8 (byte {error.start}); nothing was imported") from None
    with asking():
        report = read_csv(open_database(), io.StringIO(text), record=record, dry_run=dry_run)
    if report.problems:
        for problem in report.problems:
            click.echo(f"line {problem.line}: {problem.text}" if problem.line else problem.text, err=True)
        raise click.ClickException(f"{len(report.problems)} not understood; nothing was imported")
    for name in FORMS:
        if any(counts := (report.added[name], report.changed[name], report.same[name])):
            click.echo("{}: {} added, {} changed, {} the same".format(name, *counts))
    if dry_run:
        click.echo("dry run: nothing was imported")


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--with-password-hashes", "hashes", is_flag=True, help="Needed for a copy that is whole; keep it safe.")
@click.pass_obj
def export_csv(open_database: Open, /, file: str, hashes: bool) -> None:
    """Write the whole directory to a CSV FILE ("-" is standard output)."""
    if file == "-":
        _export(open_database(), sys.stdout, hashes)
        return
    # readable by its owner only, from the first byte: it may hold hashes, and it always holds everybody's name
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8", newline="") as target:
        count = _export(open_database(), target, hashes)
    click.echo(f"{count} records", err=True)


def _export(engine: Engine, target: TextIO, hashes: bool) -> int:
    with asking():
        return write_csv(engine, target, hashes=hashes)


@click.command("check")
@click.option("--no-connect", is_flag=True, help="Leave the mail servers alone.")
@click.pass_obj
def check_all(open_database: Open, /, no_connect: bool) -> None:
    """Tell of everything that is wrong; the exit status is 1 where anything is."""
    if problems := _told(check(open_database(), reach=not no_connect)):
        raise click.ClickException(f"{problems} found")
    click.echo("nothing found")


def _told(sentences: Iterable[str]) -> int:
    count = 0
    for count, sentence in enumerate(sentences, 1):  # noqa: B007 (the last count is the answer)
        click.echo(sentence)
    return count
