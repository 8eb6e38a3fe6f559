"""What all rooms share is tried on every kind of database."""

from tests.anydatabase import engine, migrated

__all__ = ["engine", "migrated"]
