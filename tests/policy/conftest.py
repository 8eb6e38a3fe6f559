"""The room's tests run on every kind of database."""

from tests.anydatabase import engine, migrated

__all__ = ["engine", "migrated"]
