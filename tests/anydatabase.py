"""Fixtures of rooms that keep tables: a migrated database without rows, on SQLite, PostgreSQL and MariaDB in turn.

The two servers are started once for all rooms, when the first test asks for them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.directory.engine import open_engine
from app.migrations.change import upgrade
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


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that was migrated once: copying it takes a fiftieth of the time."""
    file = tmp_path_factory.mktemp("migrated") / "tables.db"
    migrate(f"sqlite:///{file}")
    return file


def migrate(url: str) -> None:
    """Make the tables in an empty database."""
    patient = open_engine(url, timeout=None)
    upgrade(patient)
    patient.dispose()


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(migrated, tmp_path)}"
    else:
        server: DatabaseServer = request.getfixturevalue(request.param)
        url = server.new_database()
        migrate(url)
    engine = open_engine(url)
    yield engine
    engine.dispose()
