"""What a node says about its tables when it starts."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import text

from app.directory.engine import open_engine
from app.web.start import tell_missing_migrations
from config.default import load
from tests.anydatabase import migrate

MISSING = "migrations are missing"


def told(caplog: pytest.LogCaptureFixture, database: Path, **more: str) -> str:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        tell_missing_migrations(load({"POSTERN_DATABASE_URL": f"sqlite:///{database}", **more}, sealing=False))
    return caplog.text


@pytest.mark.parametrize(
    "served_by",
    [
        {},
        {"POSTERN_IMAP_URL": "imaps://imap.example.net"},
        {"POSTERN_DIRECTORY_QUERY": "SELECT 1 AS address", "POSTERN_DIRECTORY_DATABASE_URL": "sqlite:////dev/null/x"},
    ],
)
def test_tables_of_an_older_version_are_told_whatever_finds_the_mailboxes(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, served_by: dict[str, str]
) -> None:
    database = tmp_path / "tables.sqlite"
    migrate(f"sqlite:///{database}")
    assert told(caplog, database, **served_by) == ""
    engine = open_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0010'"))
    engine.dispose()
    assert MISSING in told(caplog, database, **served_by)


def test_without_any_tables_only_who_needs_them_is_told(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    assert MISSING in told(caplog, tmp_path / "a.sqlite")
    assert told(caplog, tmp_path / "b.sqlite", POSTERN_IMAP_URL="imaps://imap.example.net") == ""
    assert "does not answer" in told(caplog, tmp_path)
    assert told(caplog, tmp_path, POSTERN_IMAP_URL="imaps://imap.example.net") == ""
