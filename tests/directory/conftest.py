"""One fixture for all of the room: a fresh migrated database, on SQLite, PostgreSQL and MariaDB in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.directory.engine import open_engine
from app.migrations import upgrade
from tests.databases import DatabaseServer, MariaDB, PostgreSQL

KINDS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.databases),
    pytest.param("mariadb", marks=pytest.mark.databases),
]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[DatabaseServer]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseServer]:
    with MariaDB() as server:
        yield server


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/directory.db"
    server: DatabaseServer = request.getfixturevalue(request.param)
    return server.new_database()


@pytest.fixture
def opened() -> Iterator[Callable[[str], Engine]]:
    """Opens engines and closes them after the test."""
    engines: list[Engine] = []

    def open_(url: str) -> Engine:
        engines.append(open_engine(url))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.dispose()


@pytest.fixture
def empty(empty_url: str, opened: Callable[[str], Engine]) -> Engine:
    return opened(empty_url)


@pytest.fixture
def engine(empty: Engine) -> Engine:
    """A migrated directory without rows."""
    upgrade(empty)
    return empty
