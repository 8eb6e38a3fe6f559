"""The room's tests run on every kind of database."""

from tests.anydatabase import engine

__all__ = ["engine"]
