"""A follower that is killed at any moment, of a log that grows and is rotated under it, loses and doubles nothing.

`make soak` has more blows than `make test`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.blocklog.tables import BlockRow, FateRow, HostRow, OddRow, RecentRow, SourceRow
from app.demo.blocked import History
from tests.anydatabase import engine, migrated  # noqa: F401 - fixtures
from tests.blocklog.followed import PEOPLE, follow_once, rows
from tests.blocklog.writer import Writer

BLOWS = int(os.environ.get("BLOWS", "40"))
SERVED = max(8, BLOWS // 5)  # on each database that is a server, whose transactions outlive the follower's process
TABLES = (BlockRow, RecentRow, FateRow, HostRow, OddRow)
NOT_COMPARED = ("id", "source_id")

pytestmark = pytest.mark.slow


def history(blows: int) -> list[str]:
    """Lines enough for that many blows: queue ids come again, and now and then one cannot be read."""
    found: list[str] = []
    ended = datetime(2026, 11, 20, 12, tzinfo=UTC)
    while len(found) < 40 * blows:
        earlier = ended - timedelta(days=15 * (1 + len(found) // 900))
        lines = History(tuple(PEOPLE), earlier).lines()
        found = [f"{at.isoformat()} mx {program}[7]: {text}" for at, program, text in lines] + found
    return [each if number % 97 else f"torn {each[:50]}" for number, each in enumerate(found, 1)]


class Nursery:
    """Followers, one at a time."""

    def __init__(self, url: str, log: Path) -> None:
        command = [sys.executable, "-m", "tests.blocklog.nursery", url, f"mx1:{log}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = 0

    def start(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.pid = int(self.process.stdout.readline())

    def strike(self, blow: signal.Signals = signal.SIGKILL) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, blow)
        while Path(f"/proc/{self.pid}").exists():
            time.sleep(0.001)

    def close(self) -> None:
        self.strike()
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def nursery(engine: Engine, tmp_path: Path) -> Iterator[Nursery]:  # noqa: F811
    nursery = Nursery(engine.url.render_as_string(hide_password=False), tmp_path / "mail.log")
    yield nursery
    nursery.close()


def compared(database: Engine) -> dict[str, list[Any]]:
    """All that the logs told, without the numbers that rows got."""
    return {
        table.__tablename__: sorted(repr(each) for each in rows(database, table, without=NOT_COMPARED))
        for table in TABLES
    }


def write_on(writer: Writer, lines: list[str], chance: random.Random) -> None:
    """A few lines more, in pieces; and whatever is done to logs."""
    raw = "".join(f"{each}\n" for each in lines).encode()
    while raw:
        size = chance.randint(1, 4000)
        writer.open.write(raw[:size])
        raw = raw[size:]
        time.sleep(chance.random() / 500)
    what = chance.random()
    if what < 0.12:
        writer.rotate()
    elif what < 0.16:
        writer.copytruncate()
    elif what < 0.25:
        for each in writer.path.parent.glob("mail.log.[2-9]"):
            writer.pack(each)


def test_killed_followers_write_what_one_writes_that_is_left_alone(
    engine: Engine,  # noqa: F811
    nursery: Nursery,
    tmp_path: Path,
    migrated: Path,  # noqa: F811
) -> None:
    # A server is reached later than a file: there a blow within 80 ms would find nobody at work.
    blows, within = (BLOWS, 0.08) if engine.dialect.name == "sqlite" else (SERVED, 0.35)
    chance = random.Random(blows)
    writer, lines = Writer(tmp_path / "mail.log"), history(blows)
    whole = tmp_path / "whole.log"
    whole.write_text("".join(f"{each}\n" for each in lines))
    (tmp_path / "clean").mkdir()
    nursery.start()
    write_on(writer, [], chance)
    settled(engine, 0)  # what was there before somebody first looked is nobody's
    for number in range(blows):
        write_on(writer, lines[40 * number : 40 * (number + 1)], chance)
        time.sleep(chance.random() * within)
        nursery.strike()
        nursery.start()
    write_on(writer, lines[40 * blows :], chance)
    settled(engine, len(lines))
    nursery.strike(signal.SIGTERM)
    found, wanted = compared(engine), clean(whole, tmp_path / "clean", migrated)
    for table, some in wanted.items():
        assert [each for each in found[table] if each not in some] == []
        assert [each for each in some if each not in found[table]] == []
        assert len(found[table]) == len(some), table
    (source,) = rows(engine, SourceRow, "lines", "gaps", "owner")
    assert source == {"lines": len(lines), "gaps": 0, "owner": ""}


def clean(log: Path, folder: Path, migrated_file: Path) -> dict[str, list[Any]]:
    """What one run over the whole log writes."""
    import shutil

    from app.directory.engine import open_engine

    database = open_engine(f"sqlite:///{shutil.copy(migrated_file, folder / 'log.db')}")
    follow_once(database, log)
    found = compared(database)
    database.dispose()
    return found


def settled(database: Engine, lines: int) -> None:
    """Waits until all lines are read and their rows written."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = rows(database, SourceRow, "lines", "inode")
        if found and found[0]["inode"] and found[0]["lines"] == lines:
            time.sleep(2.5 if lines else 0)  # what waits for more of the same
            return
        time.sleep(0.05)
    where = rows(database, SourceRow, "lines", "gaps", "byte_pos")
    raise AssertionError(f"{where} of {lines} lines")
