"""The one tree of migrations, and what of it a database lacks.

A node never migrates by itself: it says at start what is missing, and an operator runs `database upgrade`. The files
under versions/ are one line of succession; their names begin with the migration's number.
"""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

FOLDER = Path(__file__).parent


def missing_migrations(engine: Engine) -> list[str]:
    """What `upgrade` would do to a database, oldest first, each as "number name"; empty where nothing is missing.

    Raises SQLAlchemy's errors where the database is away. A database that is ahead of this program lacks nothing.
    """
    known = [path.stem.replace("_", " ") for path in sorted((FOLDER / "versions").glob("[0-9]*_*.py"))]
    done = current(engine)
    if done is None:
        return known
    numbers = [name.partition(" ")[0] for name in known]
    return known[numbers.index(done) + 1 :] if done in numbers else []


def current(engine: Engine) -> str | None:
    """The number of the newest migration of a database, None where it has none."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        number: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return number
