"""Runs the migrations. Apart from what a node asks at its start: Alembic costs every process that loads it 10 MB."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from app.migrations import FOLDER, missing_migrations

_LOCK = 70117001  # any number that nobody else locks


def upgrade(engine: Engine) -> list[str]:
    """Brings a database up to date and returns what was missing, as `missing_migrations` names it.

    One transaction on SQLite and PostgreSQL; MariaDB commits after each statement. Of several at once each waits for
    the one before and then finds nothing to do.
    """
    missing = missing_migrations(engine)
    if missing:
        with engine.begin() as connection, _alone(connection):
            command.upgrade(_config(connection), "heads")
    return missing


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One migration of a database at a time. Python's sqlite3 begins no transaction before CREATE by itself."""
    take = {"sqlite": "BEGIN IMMEDIATE", "postgresql": f"SELECT pg_advisory_xact_lock({_LOCK})"}
    kind = connection.dialect.name
    connection.exec_driver_sql(take.get(kind, f"SELECT GET_LOCK('{_LOCK}', 600)"))
    try:
        yield
    finally:
        if kind not in take:
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{_LOCK}')")


def downgrade(engine: Engine, target: str = "base") -> None:
    """Takes a database back to a migration. Drops what later ones made, with all that it holds."""
    with engine.begin() as connection, _alone(connection):
        command.downgrade(_config(connection), target)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
