"""What the block log's pages ask of SQL, on 7.7 million generated rows: 600,000 a week, kept for 90 days."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from app.blocklog import query, totals
from app.blocklog.retain import retain
from app.directory.engine import open_engine
from app.migrations.change import upgrade
from tests.bench import administration
from tests.bench.table import markdown
from tests.blocklog.filling import HEAVIEST, LARGEST, NOW, ago, fill
from tests.databases import MariaDB, PostgreSQL

ROWS = 7_714_286
CHUNK = 964_286
PAGE = "the page of a site's 1,835 accounts, server time"
TYPICAL = "7000"  # an account in the middle
SITES = [str(number) for number in range(1, 420)]
COLUMNS = ("median ms", "95 % ms", "database's processor ms", "worker's")
MEMORY = {
    "PostgreSQL": {"shared_buffers": "1GB", "work_mem": "64MB", "max_wal_size": "8GB"},
    "MariaDB": {"innodb-buffer-pool-size": "2G", "innodb-log-file-size": "512M"},
}
SERVERS = {"PostgreSQL": PostgreSQL, "MariaDB": MariaDB}

# What is asked, how often, what it may take in milliseconds (None: nobody said).
ASKED: list[tuple[str, int, float | None, Callable[[Engine], object]]] = [
    ("a day of the heaviest user, 51 rows", 200, 5, lambda log: query.day_page(log, HEAVIEST, since=ago(days=1))),
    ("the newest 51 rows of a typical user", 200, 5, lambda log: query.day_page(log, TYPICAL)),
    ("further on in the heaviest user's", 200, 5, lambda log: query.day_page(log, HEAVIEST, before=(ago(days=40), 0))),
    ("a sender in the heaviest user's 90 days", 20, None, lambda log: query.day_page(log, HEAVIEST, sender="r77.")),
    ("a user's counts of 24 hours and 7 days", 200, None, lambda log: query.counts(log, HEAVIEST, NOW)),
    ("a user's chart of 7 days", 100, None, lambda log: totals.hours(log, HEAVIEST, ago(days=7), NOW)),
    ("blocked, 24 hours and 1 hour, per account of the largest site", 20, 50, lambda log: blocked(log)),
    ("the same, and accepted", 20, 100, lambda log: totals.by_account(log, LARGEST, NOW)),
    ("the same, per site of all 419", 20, None, lambda log: totals.by_site(log, SITES, NOW)),
    ("its chart of 24 hours by policy", 10, None, lambda log: totals.site_hours(log, [LARGEST], ago(days=1), NOW)),
    ("its unknown recipients of 24 hours", 10, None, lambda log: totals.unknown(log, [LARGEST], ago(days=1))),
    ("a sender's domain, the newest 200", 50, None, lambda log: query.from_domain(log, "sender77.example")),
]


def blocked(log: Engine) -> object:
    """Half of what `by_account` asks."""
    with log.connect() as connection:
        return totals.blocked(connection, LARGEST, NOW)


def table(say: Callable[[str], None], *, quick: bool) -> str:
    """Milliseconds of each, on each server: by the clock, and of processor time, which others' work leaves alone."""
    rows = ROWS // 20 if quick else ROWS
    times: dict[str, dict[str, list[float]]] = {}
    for name in SERVERS:
        say(f"block log in {name}: {rows:,} rows stopped, as many accepted")
        with filled(name, rows) as log:
            say(f"measuring {name}")
            times[name] = {what: _measured(log, often, ask) for what, often, _, ask in ASKED}
            page = administration.measure(log.url.render_as_string(hide_password=False))
            times[name][PAGE] = [*page[:2], math.nan, page[2]]
    columns = (f"{name}, {part}" for name in SERVERS for part in COLUMNS)
    head = [f"of {rows:,} rows", "aim ms", *columns]
    lines = [
        [what, "" if aim is None else f"{aim:g}", *(_number(each) for name in SERVERS for each in times[name][what])]
        for what, aim in [*((what, aim) for what, _, aim, _ in ASKED), (PAGE, 100)]
    ]
    return markdown(head, lines)


@contextmanager
def filled(name: str, rows: int) -> Iterator[Engine]:
    """The log of 90 days in a server of its own, on the disk, as a node opens it."""
    with SERVERS[name](tempfile.gettempdir(), MEMORY[name]) as server:
        url = server.new_database()
        patient = open_engine(url, timeout=None)
        upgrade(patient)
        retain(patient, NOW - timedelta(days=7), 90)
        for table in ("block_log", "recent_mail"):
            for first in range(1, rows + 1, CHUNK):
                fill(patient, min(CHUNK, rows + 1 - first), first=first, table=table)
        if name == "PostgreSQL":
            with patient.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE block_log, recent_mail")
        log = open_engine(url)
        yield log
        log.dispose()
        patient.dispose()


def _measured(log: Engine, often: int, ask: Callable[[Engine], object]) -> list[float]:
    """Median and 95th percentile, after one time that is not counted; processor time of the database and of this
    process, each the median."""
    ask(log)
    database = _processor(log)
    spent, theirs, ours = [], [], []
    for _ in range(often):
        began, had, worked = time.perf_counter(), database(), time.process_time()
        ask(log)
        ours.append((time.process_time() - worked) * 1000)
        spent.append((time.perf_counter() - began) * 1000)
        theirs.append(database() - had)
    slow = sorted(spent)[int(len(spent) * 0.95)]
    return [statistics.median(spent), slow, statistics.median(theirs), statistics.median(ours)]


def _processor(log: Engine) -> Callable[[], float]:
    """Tells the processor time in ms that the database's own thread behind the pool's only connection has had."""
    own = "SELECT tid FROM information_schema.processlist WHERE id = CONNECTION_ID()"
    with log.connect() as connection:
        thread = connection.scalar(text("SELECT pg_backend_pid()" if log.dialect.name == "postgresql" else own))
    file = Path(f"/proc/{thread}/schedstat")
    return lambda: int(file.read_text().split()[0]) / 1e6


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"
