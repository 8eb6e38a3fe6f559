"""The last use of an account is the latest that any log or node told, in whatever order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.blocklog.errors import LogAway
from app.blocklog.use import SERVICES, LastUse, last_use, used, used_web
from app.directory.engine import open_engine
from tests.blocklog.filling import NOW, ago


def test_nobody_used_what_nobody_used(engine: Engine) -> None:
    assert last_use(engine, "anna") == LastUse()


def test_the_latest_use_counts_whatever_is_read_first(engine: Engine) -> None:
    with engine.begin() as connection:
        for service, at in (("imap", ago(hours=1)), ("imap", ago(hours=2)), ("pop3", ago(days=3)), ("imap", NOW)):
            used(connection, "anna", "s", service, at)
        used(connection, "ben", "s", "smtp", ago(days=1))
    used_web(engine, "anna", "s", NOW + timedelta(seconds=5))
    assert last_use(engine, "anna") == LastUse(NOW, ago(days=3), None, NOW + timedelta(seconds=5))
    assert last_use(engine, "ben") == LastUse(smtp=ago(days=1))


def test_several_that_write_a_first_use_at_once_all_count(engine: Engine) -> None:
    def write(number: int) -> None:
        with engine.begin() as connection:
            used(connection, f"both{number // 4}", "s", SERVICES[number % 4], NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(40)))
    assert {last_use(engine, f"both{number}") for number in range(10)} == {LastUse(NOW, NOW, NOW, NOW)}


def test_a_database_without_tables_is_away(tmp_path: Path) -> None:
    empty = open_engine(f"sqlite:///{tmp_path}/empty.sqlite")
    with pytest.raises(LogAway):
        last_use(empty, "anna")
    with pytest.raises(LogAway):
        used_web(empty, "anna", "s", NOW)
    empty.dispose()
