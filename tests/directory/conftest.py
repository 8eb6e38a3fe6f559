"""One fixture for all of the room: a migrated database without rows, on SQLite, PostgreSQL and MariaDB in turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.directory.engine import open_engine
from app.migrations.change import upgrade
from tests.anydatabase import KINDS
from tests.databases import DatabaseServer
from tests.directory.filling import clear


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database; a test that asks for any fixture below runs on each."""
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    server: DatabaseServer = request.getfixturevalue(kind)
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
    """A database without any table."""
    return opened(empty_url)


@pytest.fixture
def patient(empty_url: str) -> Iterator[Engine]:
    """A migrated directory of the test's own, whose statements may take their time, as for the command line."""
    engine = open_engine(empty_url, timeout=None)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The URL of a migrated database for each kind that a test has met; tests clear it and use it again."""
    path = tmp_path_factory.mktemp("migrated") / "directory.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return {"sqlite": str(path)}


@pytest.fixture
def engine(
    kind: str,
    migrated: dict[str, str],
    opened: Callable[[str], Engine],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Engine:
    """A migrated directory without rows. (A database for each test took two minutes of the three that all took.)"""
    if kind == "sqlite":
        shutil.copy(migrated["sqlite"], tmp_path / "directory.db")
        return opened(f"sqlite:///{tmp_path}/directory.db")
    if kind in migrated:
        engine = opened(migrated[kind])
        try:
            clear(engine)
            return engine
        except DBAPIError:  # a test has dropped a table
            pass
    migrated[kind] = request.getfixturevalue(kind).new_database()
    engine = opened(migrated[kind])
    upgrade(engine)
    return engine
