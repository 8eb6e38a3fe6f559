"""The room's tests run on every kind of database; a former webmail's tables lie beside ours."""

from tests.anydatabase import engine, migrated

__all__ = ["engine", "migrated"]
