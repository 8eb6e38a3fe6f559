"""Settings of an account: kept, changed, forgotten, each account its own; what happens without SQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.directory.engine import open_engine
from app.profile import settings
from app.profile.errors import ProfileAway


def test_a_setting_is_what_was_written_last_and_of_one_account_only(engine: Engine) -> None:
    assert settings.read(engine, "7", "special") is None
    settings.write(engine, "7", "special", {"sent": "Gesendet \u2713"})
    settings.write(engine, "7", "special", {"sent": "Sent"})
    settings.write(engine, "8", "special", ["other"])
    settings.write(engine, "7", "Special", 1)
    assert settings.read(engine, "7", "special") == {"sent": "Sent"}
    assert (settings.read(engine, "8", "special"), settings.read(engine, "7", "Special")) == (["other"], 1)
    settings.write(engine, "7", "special", None)
    assert settings.read(engine, "7", "special") is None and settings.read(engine, "8", "special") == ["other"]


def test_two_who_write_at_once_both_succeed(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: settings.write(engine, "7", "x", number), range(12)))
    assert settings.read(engine, "7", "x") in range(12)


def test_what_is_no_json_reads_as_nothing_and_what_is_too_large_is_refused(engine: Engine) -> None:
    settings.write(engine, "7", "x", 1)
    with engine.begin() as connection:
        connection.execute(text("UPDATE setting SET value = '{'"))
    assert settings.read(engine, "7", "x") is None
    with pytest.raises(ValueError):
        settings.write(engine, "7", "x", "a" * settings.LARGEST)
    settings.write(engine, "7", "x", "a" * 200_000)  # more than a TEXT of MariaDB holds
    assert settings.read(engine, "7", "x") == "a" * 200_000


def test_without_tables_or_a_file_the_profile_is_away(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/empty.db", "sqlite:////proc/nowhere/x.db"):
        engine = open_engine(url)
        with pytest.raises(ProfileAway):
            settings.read(engine, "7", "x")
        with pytest.raises(ProfileAway):
            settings.write(engine, "7", "x", 1)
        engine.dispose()


def test_a_setting_of_everybody_is_read_page_by_page(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_PAGE", 2)
    for number in range(5):
        settings.write(engine, str(number), "digest", number)
    settings.write(engine, "3", "other", "x")
    assert dict(settings.everybody(engine, "digest")) == {str(number): number for number in range(5)}


def test_only_one_of_two_exchanges_the_same_value(engine: Engine) -> None:
    def claimed(old: object, new: object) -> int:
        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(lambda _n: settings.exchange(engine, "7", "x", old, new), range(4)))

    assert claimed(None, {"a": 1}) == 1 and claimed({"a": 1}, {"a": 2}) == 1
    assert not settings.exchange(engine, "7", "x", {"a": 1}, {"a": 3}) and settings.read(engine, "7", "x") == {"a": 2}
    assert settings.exchange(engine, "7", "x", {"a": 2}, None) and settings.exchange(engine, "7", "x", None, 1)
