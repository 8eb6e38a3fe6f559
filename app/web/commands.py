"""The command lines under `flask --app wsgi`: `database` and `directory`."""

from functools import partial

from flask import Flask

from app.directory.commands import directory_commands
from app.directory.engine import open_engine
from app.migrations.commands import database_commands
from app.web.start import open_directory
from config.default import Settings


def install(app: Flask, settings: Settings) -> None:
    """Adds the commands. They open the database themselves: a migration or an import may take longer than a request."""
    open_database = partial(open_engine, settings.database_url, timeout=None)
    app.cli.add_command(database_commands(open_database))
    app.cli.add_command(directory_commands(open_database, partial(open_directory, settings)))
