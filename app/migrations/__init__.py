"""The one tree of migrations, and what of it a database lacks.

A node never migrates by itself: it says at start what is missing, and an operator runs `database upgrade`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

_FOLDER = Path(__file__).parent


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
    """Brings a database up to date and returns what was done, as `missing_migrations` names it.

    One transaction on SQLite and PostgreSQL; MariaDB commits after each statement.
    """
    missing = missing_migrations(engine)
    if missing:
        with engine.begin() as connection:
            command.upgrade(_config(connection), "heads")
    return missing


def downgrade(engine: Engine, target: str = "base") -> None:
    """Takes a database back to a migration. Drops what later ones made, with all that it holds."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), target)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
