"""The follower as a process and as a loop: one for each log, patient without SQL, clean at its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.blocklog import follow as following
from app.blocklog import settle
from app.blocklog.follow import Follower
from app.blocklog.positions import Lost
from app.blocklog.source import Source, source, sources
from app.blocklog.tables import SourceRow
from tests.anydatabase import migrated  # noqa: F401 - fixture
from tests.blocklog.followed import engine, follow_once, follower, rows  # noqa: F401 - fixture

ROOT = Path(__file__).parents[2]
LINE = (
    "2026-11-20T{hour:02}:{minute:02}:00Z mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.7]: "
    "550 5.7.1 blocked using zen.spamhaus.org; from=<a@b.example> to=<alice@isp.example> proto=ESMTP helo=<x.example>\n"
)


def lines(first: int, last: int) -> str:
    return "".join(LINE.format(hour=each // 60, minute=each % 60) for each in range(first, last))


def wait(done: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def running(reader: Follower) -> Iterator[Follower]:
    thread = threading.Thread(target=reader.run)
    thread.start()
    try:
        yield reader
    finally:
        reader.ending.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SECONDS", 0.05)
    monkeypatch.setattr(following, "IDLE", 0.01)
    monkeypatch.setattr(following, "AWAY", (0.05,))
    monkeypatch.setattr(settle, "HOLD", 0.2)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(lines(0, 10))
    return path


@pytest.mark.slow
def test_it_follows_and_gives_its_log_back_at_the_end(engine: Engine, log: Path) -> None:  # noqa: F811
    with running(follower(engine, [Source("mx1", str(log))], once=False)):
        wait(lambda: len(rows(engine)) >= 9)
        with log.open("a") as file:
            file.write(lines(10, 20))
        wait(lambda: len(rows(engine)) == 20, 20)
    assert rows(engine, SourceRow, "owner", "lines", "rows") == [{"owner": "", "lines": 20, "rows": 20}]


@pytest.mark.slow
def test_a_second_follower_waits_for_the_first(engine: Engine, log: Path) -> None:  # noqa: F811
    where = [Source("mx1", str(log))]
    with running(follower(engine, where, once=False)):
        wait(lambda: bool(rows(engine, SourceRow, "owner")) and rows(engine, SourceRow, "owner")[0]["owner"] != "")
        with pytest.raises(Lost):
            follower(engine, where).run()
        with running(follower(engine, where, once=False)):
            time.sleep(0.3)
    follow_once(engine, log)
    assert len(rows(engine)) == 10


@pytest.mark.slow
def test_who_lost_its_log_to_another_writes_nothing(engine: Engine, log: Path) -> None:  # noqa: F811
    with running(follower(engine, [Source("mx1", str(log))], once=False)):
        wait(lambda: len(rows(engine)) == 10)
        with engine.begin() as connection:
            taken = "owner = 'elsewhere:1:1:x', seen_at = '2099-01-01 00:00:00'"
            connection.execute(text(f"UPDATE ingest_source SET {taken}"))
        with log.open("a") as file:
            file.write(lines(10, 20))
        time.sleep(0.5)
        assert len(rows(engine)) == 10
        with engine.begin() as connection:  # the other is gone
            connection.execute(text("UPDATE ingest_source SET seen_at = '2020-01-01 00:00:00'"))
        wait(lambda: len(rows(engine)) == 20)


@pytest.mark.slow
def test_without_sql_it_waits_and_loses_nothing(engine: Engine, log: Path, tmp_path: Path) -> None:  # noqa: F811
    reader = follower(engine, [Source("mx1", str(log))], once=False)
    with running(reader):
        wait(lambda: len(rows(engine)) == 10)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE block_log RENAME TO elsewhere"))
        with log.open("a") as file:
            file.write(lines(10, 30))
        time.sleep(0.4)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO block_log"))
        wait(lambda: len(rows(engine)) == 30)
    assert rows(engine, SourceRow, "rows", "lines") == [{"rows": 30, "lines": 30}]


@pytest.mark.slow
def test_without_the_directory_it_waits_too(engine: Engine, log: Path) -> None:  # noqa: F811
    from app.directory.errors import DirectoryAway

    reader, failed = follower(engine, [Source("mx1", str(log))], once=False), []
    usual = reader.recipients.look_up

    def away(addresses: object) -> object:
        failed.append(1)
        if len(failed) < 4:
            raise DirectoryAway("not now")
        return usual(addresses)  # type: ignore[arg-type]

    reader.recipients.look_up = away  # type: ignore[assignment]
    with running(reader):
        wait(lambda: len(rows(engine)) == 10)
    assert len(failed) >= 4 and {each["account_id"] for each in rows(engine)} == {"1"}


def test_a_line_that_a_reader_fails_at_is_odd_and_the_next_is_read(
    engine: Engine,  # noqa: F811
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from app.blocklog.formats import postfix

    usual, met = postfix.Reader.read, []

    def failing(self: object, line: object) -> object:
        met.append(line)
        if len(met) == 3:
            raise RuntimeError("a fault")
        return usual(self, line)  # type: ignore[arg-type]

    monkeypatch.setattr(postfix.Reader, "read", failing)
    follow_once(engine, log)
    assert len(rows(engine)) == 9
    assert rows(engine, SourceRow, "odd_lines") == [{"odd_lines": 1}]


def environment(url: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    return {**kept, "POSTERN_DATABASE_URL": url, **more}


@pytest.mark.slow
def test_as_a_process_it_reads_files_once_and_ends_at_sigterm(
    tmp_path: Path,
    migrated: Path,  # noqa: F811
    log: Path,
) -> None:
    url = f"sqlite:///{shutil.copy(migrated, tmp_path / 'log.db')}"
    command = [sys.executable, "-m", "app.blocklog.follow"]
    for expected in ("10 rows", "0 rows"):
        done = subprocess.run([*command, "--once", log], cwd=ROOT, env=environment(url), capture_output=True, text=True)
        assert (done.returncode, done.stdout.strip()) == (0, expected), done.stderr
    none = subprocess.run(command, cwd=ROOT, env=environment(url), capture_output=True, text=True)
    assert none.returncode == 2 and "POSTERN_BLOCKLOG_SOURCES" in none.stderr
    live = environment(url, POSTERN_BLOCKLOG_SOURCES=f"mx1:{log}")
    process = subprocess.Popen(command, cwd=ROOT, env=live, stderr=subprocess.PIPE, text=True)
    assert process.stderr and "the follower reads" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    process.stderr.close()


def test_sources_are_read_as_a_setting_names_them() -> None:
    assert sources("MX1:/a, mx2:/b:exim-main:Europe/Berlin") == (
        Source("mx1", "/a"),
        Source("mx2", "/b", "exim-main", "Europe/Berlin"),
    )
    assert str(source("mx2:/b:rspamd")) == "mx2:/b:rspamd:UTC"
    for wrong in ("mx1", "mx1:relative", "mx1:/a:strange", "mx1:/a:syslog:Mars/Olympus", ":/a", "mx1:/a,mx1:/a"):
        with pytest.raises(ValueError):
            sources(wrong)
