"""The one tree of migrations, and what of it a database lacks.

A node never migrates by itself: it says at start what is missing, and an operator runs `database upgrade`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

_FOLDER = Path(__file__).parent
_LOCK = 70117001  # any number that nobody else locks


def missing_migrations(engine: Engine) -> list[str]:
    """What `upgrade` would do to a database, oldest first, each as "number name"; empty where nothing is missing.

    Raises SQLAlchemy's errors where the database is away. A database that is ahead of this program lacks nothing.
    """
    script = ScriptDirectory.from_config(_config())
    with engine.connect() as connection:
        done = set(MigrationContext.configure(connection).get_current_heads())
    unknown = {number for number in done if number not in {each.revision for each in script.walk_revisions()}}
    if unknown:
        return []
    missing = script.iterate_revisions("heads", tuple(done) or "base", inclusive=False, implicit_base=True)
    return [f"{each.revision} {each.doc}" for each in reversed(list(missing)) if each.revision not in done]


def current(engine: Engine) -> str | None:
    """The number of the newest migration of a database, None where it has none."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


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
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
