"""Logs of tests, followed into a database of theirs by the follower itself, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select

from app.blocklog.classify import classify
from app.blocklog.follow import Follower
from app.blocklog.join import Join
from app.blocklog.recipients import NOBODY, Owner, Recipients
from app.blocklog.source import Source
from app.blocklog.tables import BlockRow, RecentRow
from app.directory.engine import open_engine

PEOPLE = {"alice@isp.example": "1", "bob@isp.example": "2", "carol@isp.example": "3"}
SITE = "7"


@pytest.fixture
def engine(tmp_path: Path, migrated: Path) -> Iterator[Engine]:
    """A migrated SQLite of the test's own."""
    engine = open_engine(f"sqlite:///{shutil.copy(migrated, tmp_path / 'log.db')}")
    yield engine
    engine.dispose()


def owners(addresses: Collection[str]) -> dict[str, tuple[Owner, ...]]:
    """The directory of the tests: PEOPLE, and "team@" for both alice and bob."""
    found: dict[str, tuple[Owner, ...]] = {}
    for each in addresses:
        ours = each.endswith("@isp.example")
        found[each] = ((PEOPLE.get(each, ""), SITE),) if ours else NOBODY
        if each == "team@isp.example":
            found[each] = (("1", SITE), ("2", SITE))
    return found


def logins(_node: str, names: Collection[str]) -> dict[str, Owner]:
    """box1 is alice's name on the mail server."""
    return {each: (each.removeprefix("box"), SITE) for each in names if each.startswith("box")}


def follower(engine: Engine, sources: Sequence[Source], *, once: bool = True, own: Sequence[str] = ()) -> Follower:
    """A follower with the directory of the tests."""
    return Follower(engine, Recipients(owners, logins), sources, partial(Join, classify, own), once=once)


def follow_once(engine: Engine, *logs: Path, form: str = "syslog", node: str = "mx1", zone: str = "UTC") -> None:
    """Reads logs to their ends."""
    follower(engine, [Source(node, str(each), form, zone) for each in logs]).run()


def rows(engine: Engine, table: Any = BlockRow, *names: str, without: Collection[str] = ()) -> list[Mapping[str, Any]]:
    """All rows of a table in the order of their ids, or some of their columns."""
    real: Table = table.__table__
    columns = [each for each in real.columns if (not names or each.name in names) and each.name not in without]
    order = [each for each in real.primary_key if each.name == "id"] or list(real.primary_key)
    with engine.connect() as connection:
        return [dict(each) for each in connection.execute(select(*columns).order_by(*order)).mappings()]


def recents(engine: Engine, *names: str) -> list[Mapping[str, Any]]:
    """The same of mail that was accepted."""
    return rows(engine, RecentRow, *names)
