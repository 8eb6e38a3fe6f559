"""`flask --app wsgi moving`: what it says, what it leaves, and that a second run goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.directory.resolve import Directory, resolve
from app.moving.commands import moving_commands
from app.profile import contacts
from tests.directory.filling import account, fill, server, site


@pytest.fixture
def data(engine: Engine, tmp_path: Path) -> Path:
    fill(engine, server(), *site("one", "one.example"), account("one", "ann"), account("one", "bob"))
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("ann", "bob", "eve"):
        (folder / f"{name}.pref").write_text(f"full_name={name.title()}\n")
        (folder / f"{name}.abook").write_text("kim|Kim||kim@x.example|\n")
    return folder


def run(engine: Engine, *words: str) -> Result:
    group = moving_commands(lambda: engine, lambda: Directory(engine))
    return CliRunner().invoke(group, list(words))


def books(engine: Engine) -> list[int]:
    found = (resolve(Directory(engine), f"{name}@one.example") for name in ("ann", "bob"))
    return [contacts.page(engine, each.id).total for each in found if each is not None]


def test_everybody_once(engine: Engine, data: Path) -> None:
    words = ("squirrelmail", str(data), "--domain", "one.example")
    tried = run(engine, *words, "--dry-run")
    assert tried.exit_code == 0 and "dry run: nothing was taken" in tried.output and books(engine) == [0, 0]
    assert "accounts: 1," in run(engine, *words, "--only", "ann").output and books(engine) == [1, 0]
    done = run(engine, *words)
    assert "accounts: 1, done before: 1, of nobody here: 1" in done.output and "of nobody here: 'eve'" in done.output
    assert "identities 1, contacts 1" in done.output and books(engine) == [1, 1]
    (data / "ann.abook").write_text("kim|Kim||kim@x.example|\nlee|Lee||lee@x.example|\n")
    assert "contacts 1," in run(engine, *words, "--again").output and books(engine) == [2, 1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("squirrelmail", "/nowhere"), "no file .* under /nowhere"),
        (("squirrelmail", "sqlite://"), "no table userprefs"),
        (("roundcube", "sqlite://"), "no table users"),
        (("roundcube", "here"), "a URL such as"),
        (("roundcube", "nosuch://x"), "database .nosuch. is not supported"),
        pytest.param(
            ("roundcube", "mariadb+pymysql://x@127.0.0.1:1/x"), "Connection refused", marks=pytest.mark.servers
        ),
    ],
)
def test_what_is_wrong_is_said(engine: Engine, words: tuple[str, ...], told: str) -> None:
    done = run(engine, *words)
    assert done.exit_code != 0 and re.search(told, done.output)
