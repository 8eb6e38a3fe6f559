"""The command line of the database: `database upgrade` and `database current`."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.migrations import current, missing_migrations
from app.migrations.change import upgrade

_T = TypeVar("_T")


def database_commands(open_databases: Callable[[], Sequence[Engine]]) -> click.Group:
    """The group `database`. `open_databases` returns the engines, which must not limit a statement's time. Each gets
    all tables: those that another one holds stay empty."""

    @click.group("database", help="The tables of the program and their migrations.")
    def group() -> None:
        pass

    @group.command("upgrade", help="Bring the tables up to date.")
    def bring_up_to_date() -> None:
        done = [each for engine in open_databases() for each in _plainly(upgrade, engine)]
        click.echo("\n".join(f"done: {each}" for each in done) or "nothing to do")

    @group.command("current", help="Tell which migration the tables have, and which they lack (exit status 1).")
    def tell() -> None:
        engines = open_databases()
        for engine in engines:
            click.echo(_plainly(current, engine) or "no tables yet")
        missing = [each for engine in engines for each in _plainly(missing_migrations, engine)]
        for each in missing:
            click.echo(f"missing: {each}")
        if missing:
            raise SystemExit(1)

    return group


def _plainly(ask: Callable[[Engine], _T], engine: Engine) -> _T:
    try:
        return ask(engine)
    except DBAPIError as error:
        raise click.ClickException(str(error.orig).strip().partition("\n")[0]) from None
