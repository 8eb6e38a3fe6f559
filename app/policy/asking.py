"""Around SQL: its errors as the room's, and changes that are all done or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.policy.errors import PolicyAway
from app.table.refusal import deadlocked

_Result = TypeVar("_Result")
_TRIES: Final = 4


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading. Raises PolicyAway, whose text holds nothing that a person typed."""
    with _translating(), engine.connect() as connection:
        yield connection


def changed(engine: Engine, work: Callable[[Connection], _Result]) -> _Result:
    """What `work` returns, all of its statements done or none. It is done again where two changed the same at once: one
    of them met the other's new row, or the database broke their deadlock. Raises PolicyAway, and what `work` raises."""
    with _translating():
        for _ in range(_TRIES - 1):
            try:
                with engine.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if not isinstance(error, IntegrityError) and not deadlocked(error):
                    raise
        with engine.begin() as connection:
            return work(connection)


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise PolicyAway("all connections to the database are in use") from error
    except DBAPIError as error:
        raise PolicyAway(str(error.orig).strip().partition("\n")[0]) from error
