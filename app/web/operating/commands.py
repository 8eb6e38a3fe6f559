"""The command lines under `flask --app wsgi`: `blocklog`, `database`, `directory`, `doctor` and `moving`.

A worker never runs them, and what they load (Alembic, CSV, checks) would cost it 10 MB: each is loaded when asked for.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext

from app.directory.engine import open_engine
from app.directory.open import open_directory
from config.default import Settings


class Later(click.Group):
    """A group whose commands come from `load` when one is asked for."""

    def __init__(self, name: str, load: Callable[[], click.Group], help: str) -> None:
        super().__init__(name, help=help)
        self.load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self.load().list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return self.load().get_command(ctx, name)

    def invoke(self, ctx: click.Context) -> Any:
        return self.load().invoke(ctx)


def databases(settings: Settings) -> tuple[str, ...]:
    """The URLs of Postern's own databases: one, or two where the block log has its own."""
    return tuple(dict.fromkeys([settings.database_url, settings.blocklog_database_url or settings.database_url]))


def install(app: Flask, settings: Settings) -> None:
    """Adds the commands. They open the database themselves: a migration or an import may take longer than a request."""
    open_database = partial(open_engine, settings.database_url, timeout=None)

    def database() -> click.Group:
        from app.migrations.commands import database_commands

        return database_commands(lambda: [open_engine(url, timeout=None) for url in databases(settings)])

    def directory() -> click.Group:
        from app.directory.commands import directory_commands
        from app.policy.leaving import forget

        return directory_commands(open_database, partial(open_directory, settings), forget)

    def moving() -> click.Group:
        from app.moving.commands import moving_commands

        return moving_commands(open_database, partial(open_directory, settings))

    def blocklog() -> click.Group:
        from app.blocklog.commands import blocklog_commands
        from app.directory.sites import log_days
        from app.policy.actions import forget

        url = settings.blocklog_database_url or settings.database_url
        group = blocklog_commands(
            lambda: open_engine(url, timeout=None),
            settings.blocklog_days,
            lambda: log_days(open_directory(settings)),
            lambda before: forget(open_database(), before),
        )
        group.add_command(digest)
        return group

    @click.command("digest", help="Send the digests that are due; once an hour, on one node or on several.")
    @with_appcontext
    def digest() -> None:
        from app.web.digest.run import command

        command(click.echo)

    @click.command("doctor", help="Look over everything that a node needs; status 1 where something is at fault.")
    @click.pass_context
    def doctor(context: click.Context) -> None:
        from app.web.operating.doctor import examine

        context.exit(examine(settings, app.extensions["postern"].brands, click.echo))

    app.cli.add_command(doctor)
    app.cli.add_command(Later("blocklog", blocklog, "The log of refused and accepted mail."))
    app.cli.add_command(Later("database", database, "The tables of the program and their migrations."))
    app.cli.add_command(Later("directory", directory, "Sites, domains, mail servers, accounts and aliases."))
    app.cli.add_command(Later("moving", moving, "What people kept in a former webmail."))
