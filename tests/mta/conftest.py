"""Mail servers write logs, and a follower reads them into a migrated database; one of them asks SQL itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anydatabase import migrated
from tests.mta.exim import missing
from tests.mta.namespace import Namespace
from tests.mta.sqlexim import SqlExim, started

__all__ = ["migrated"]


@pytest.fixture(scope="session", params=["mariadb", "postgresql"])
def sql_exim(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[SqlExim]:
    """An Exim that obeys SQL, for all tests that ask for one."""
    if reason := missing() or Namespace.missing():
        pytest.skip(reason)
    folder = servers_folder / f"exim-{request.param}-{len(list(servers_folder.iterdir()))}"  # of this file of tests
    with started(folder, request.getfixturevalue(request.param)) as made:
        yield made
