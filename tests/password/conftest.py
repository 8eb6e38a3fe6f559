"""A migrated database of each kind."""

from tests.anydatabase import engine, migrated

__all__ = ["engine", "migrated"]
