"""The command line of the block log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from click.testing import CliRunner
from sqlalchemy import Engine

from app.blocklog import query
from app.blocklog.commands import blocklog_commands
from app.directory.engine import open_engine
from tests.blocklog.filling import stopped


def test_old_rows_are_removed_and_a_site_may_keep_fewer(engine: Engine) -> None:
    now = datetime.now(UTC)
    for account, site in (("anna", "s"), ("tim", "t")):
        for days in (1, 20, 200):
            stopped(engine, account, now - timedelta(days=days), site=site)
    patient = open_engine(engine.url.render_as_string(hide_password=False), timeout=None)
    group = blocklog_commands(lambda: patient, 90, lambda: {"t": 10}, lambda before: 3)
    first = CliRunner().invoke(group, ["retain"])
    assert first.exit_code == 0 and "rows deleted: " in first.output
    assert len(query.day_page(engine, "anna")) == 2 and len(query.day_page(engine, "tim")) == 1
    assert CliRunner().invoke(group, ["retain"]).output == "rows deleted: 0\nactions deleted: 3\n"
    patient.dispose()


def test_a_database_without_tables_is_told_in_one_line(tmp_path) -> None:
    group = blocklog_commands(lambda: open_engine(f"sqlite:///{tmp_path}/none.db"), 90, dict, lambda before: 0)
    result = CliRunner().invoke(group, ["retain"])
    assert result.exit_code == 1 and result.output == "Error: no such table: block_log\n"
