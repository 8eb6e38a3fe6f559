"""The command line's `directory import` and `export`."""

import io
import os
import sys
from typing import IO

import click

from app.directory.commands_write import Open
from app.directory.engine import asking
from app.directory.exchange import read_csv, write_csv
from app.directory.record import FORMS

_RECORD = click.Choice(list(FORMS))


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
    # Whole before the first byte is written: a database that is away leaves the file of yesterday as it was.
    text = io.StringIO(newline="")
    with asking():
        count = write_csv(open_database(), text, hashes=hashes)
    try:
        _write(file, text.getvalue().encode())
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    if file != "-":
        click.echo(f"{count} records", err=True)


def _write(file: str, content: bytes) -> None:
    if file == "-":
        sys.stdout.buffer.write(content)  # UTF-8, whatever the terminal speaks
        return
    # readable by its owner only, from the first byte: it may hold hashes, and it always holds everybody's name
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as target:
        os.fchmod(descriptor, 0o600)  # it may have been there before
        target.write(content)
