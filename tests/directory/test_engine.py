"""A database that is away, frozen, locked or slow costs seconds, not threads; and all kinds behave alike."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from app.directory.engine import asking, open_engine
from app.directory.errors import DirectoryAway, DirectoryBroken
from app.directory.resolve import Directory, account, domains, resolve
from app.migrations.change import upgrade
from tests.databases import DatabaseServer, MariaDB, PostgreSQL
from tests.directory.filling import account as an_account
from tests.directory.filling import fill, run, server, site

SERVERS = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.databases) for kind in ("postgresql", "mariadb")], indirect=True
)


@pytest.fixture
def directory(engine: Engine) -> Directory:
    fill(engine, server(), *site("acme", "acme.example"), an_account("acme", "alice"))
    return Directory(engine)


@contextmanager
def soon(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@pytest.mark.parametrize(
    "url",
    ["sqlite:////proc/no/such/folder/x.db"]
    + [
        pytest.param(url, marks=pytest.mark.databases)
        for url in (
            "postgresql://u:secret@127.0.0.1:1/x",
            "postgresql://u:secret@/x?host=/nonexistent",
            "mariadb://u:secret@127.0.0.1:1/x",
            "mysql://u:secret@localhost/x?unix_socket=/nonexistent",
        )
    ],
)
def test_a_database_that_is_not_there_is_away_at_once(url: str) -> None:
    with soon(4), pytest.raises(DirectoryAway) as away:
        resolve(Directory(open_engine(url)), "somebody@typed.example")
    assert "secret" not in str(away.value) and "somebody" not in str(away.value)


@pytest.mark.parametrize("url", ["", "nonsense", "oracle://x/y", "postgresql+nosuchdriver://x/y z", "sqlite"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    if url.startswith("postgresql"):
        assert open_engine(url).driver == "psycopg", "the driver is ours to choose"
        return
    with pytest.raises(DirectoryBroken):
        open_engine(url)


def test_a_refused_url_is_not_repeated() -> None:
    with pytest.raises(DirectoryBroken) as refused:
        open_engine("nonsense:secret")
    assert "secret" not in str(refused.value)


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/var/deep/x.db")
    run(engine, "CREATE TABLE t (a INTEGER)")
    engine.dispose()
    assert (tmp_path / "var/deep/x.db").exists()


def test_foreign_keys_are_enforced(directory: Directory) -> None:
    with pytest.raises(IntegrityError):
        run(directory.engine, "DELETE FROM site")


@SERVERS
def test_times_are_utc(engine: Engine) -> None:
    zone = {"postgresql": "current_setting('TimeZone') = 'UTC'", "mariadb": "@@session.time_zone = '+00:00'"}
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT {zone[engine.dialect.name]}"))


@SERVERS
def test_a_slow_statement_is_given_up(engine: Engine) -> None:
    slow = {"postgresql": "SELECT pg_sleep(30)::text AS address", "mariadb": "SELECT SLEEP(30) AS address"}
    with soon(5), pytest.raises(DirectoryAway):
        resolve(Directory(engine, query=slow[engine.dialect.name]), "a@b.example")


def test_a_locked_table_does_not_hold_a_look_up_for_long(directory: Directory) -> None:
    """In WAL mode SQLite's readers go on beside a writer; elsewhere the look-up is given up."""
    other = open_engine(directory.engine.url.render_as_string(hide_password=False), timeout=None)
    lock = {
        "sqlite": "BEGIN EXCLUSIVE",
        "postgresql": "LOCK TABLE account IN ACCESS EXCLUSIVE MODE",
        "mariadb": "LOCK TABLES account WRITE",
    }
    with other.connect() as locking:
        locking.exec_driver_sql(lock[directory.engine.dialect.name])
        with soon(6):
            if directory.engine.dialect.name == "sqlite":
                assert resolve(directory, "alice@acme.example")
            else:
                with pytest.raises(DirectoryAway):
                    resolve(directory, "alice@acme.example")
        locking.rollback()
        if directory.engine.dialect.name == "mariadb":
            locking.exec_driver_sql("UNLOCK TABLES")
    other.dispose()
    assert resolve(directory, "alice@acme.example")


@contextmanager
def frozen(servers: DatabaseServer) -> Iterator[None]:
    """All processes of a database server stopped, as behind a dead disk: it accepts connections and says nothing."""
    assert servers.process is not None
    pids = [servers.process.pid, *_children(servers.process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    while not all(_stopped(pid) for pid in pids):  # of many threads on a busy machine some go on for a moment
        time.sleep(0.01)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _stopped(pid: int) -> bool:
    states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(state == "T" for state in states)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@SERVERS
def test_a_frozen_server_is_away_within_six_seconds_and_back_afterwards(
    kind: str, request: pytest.FixtureRequest, opened: Callable[[str], Engine]
) -> None:
    servers: DatabaseServer = request.getfixturevalue(kind)
    engine = opened(servers.new_database())
    upgrade(engine)
    fill(engine, server(), *site("acme", "acme.example"), an_account("acme", "alice"))
    directory = Directory(engine)
    assert resolve(directory, "alice@acme.example")
    with frozen(servers), soon(6), pytest.raises(DirectoryAway):
        resolve(directory, "alice@acme.example")
    assert resolve(directory, "alice@acme.example")


@SERVERS
def test_a_server_that_was_restarted_is_used_again_without_an_error(kind: str, opened: Callable[[str], Engine]) -> None:
    with (PostgreSQL if kind == "postgresql" else MariaDB)() as servers:
        engine = opened(servers.new_database())
        upgrade(engine)
        fill(engine, server(), *site("acme", "acme.example"), an_account("acme", "alice"))
        directory = Directory(engine)
        assert resolve(directory, "alice@acme.example")
        servers.restart()
        assert resolve(directory, "alice@acme.example")


def test_every_door_says_away_when_the_database_is(tmp_path: Path) -> None:
    folder = tmp_path / "gone.db"
    folder.mkdir()
    directory = Directory(open_engine(f"sqlite:///{folder}"))
    for ask in (lambda: resolve(directory, "a@b.example"), lambda: account(directory, "1"), lambda: domains(directory)):
        with pytest.raises(DirectoryAway):
            ask()


@pytest.mark.slow
def test_a_full_pool_is_away_too(directory: Directory) -> None:
    held = []
    try:
        for _ in range(8):
            held.append(directory.engine.connect())
        with soon(4), pytest.raises(DirectoryAway), asking(), directory.engine.connect():
            pass
    finally:
        for connection in held:
            connection.close()
