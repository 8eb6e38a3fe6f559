"""The doctor's look at the block log."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert

from app.blocklog.retain import retain
from app.blocklog.tables import SourceRow
from app.web.operating.doctor_blocklog import block_log
from config.default import Settings
from tests.anydatabase import engine, migrated

__all__ = ["engine", "migrated"]


def told(settings: Settings, engine: Engine) -> list[tuple[str, str]]:
    chosen = dataclasses.replace(settings, blocklog_database_url=engine.url.render_as_string(hide_password=False))
    return [(each.state, each.text) for each in block_log(chosen)]


def read(engine: Engine, number: int, seen: datetime, **more: int) -> None:
    with engine.begin() as connection:
        row = {"source_id": number, "node": f"mx{number}", "path": "/var/log/mail.log", "format": "syslog"}
        connection.execute(insert(SourceRow.__table__).values({**row, "seen_at": seen, **more}))


def test_a_log_that_is_read_with_weeks_ahead_is_well(settings: Settings, engine: Engine) -> None:
    assert told(settings, engine) == [("ok", "no log is read")]
    read(engine, 1, datetime.now(UTC), lines=1200)
    retain(engine, datetime.now(UTC), 90)
    assert told(settings, engine) == [("ok", "logs read: 1, lines 1,200")]


def test_what_nobody_reads_what_was_lost_and_weeks_that_end_are_told(settings: Settings, engine: Engine) -> None:
    read(engine, 1, datetime.now(UTC) - timedelta(hours=1))
    read(engine, 2, datetime.now(UTC), gaps=1)
    found = told(settings, engine)
    assert ("warning", "nobody reads mx1:/var/log/mail.log") in found
    assert ("warning", "parts of mx2:/var/log/mail.log were gone before they were read") in found
    expected = engine.dialect.name != "sqlite"
    assert (("warning", "no partition for the coming week") in found) is expected


def test_without_tables_it_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    chosen = dataclasses.replace(settings, blocklog_database_url=f"sqlite:///{tmp_path}/none.db")
    (found,) = block_log(chosen)
    assert found.state == "warning" and "upgrade" in found.todo
