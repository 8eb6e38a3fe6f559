"""`flask --app wsgi moving`: what it says, what it leaves, and that a second run goes on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.directory.resolve import Directory, resolve
from app.moving.commands import moving_commands
from app.profile import contacts
from tests.directory.filling import account, alias, fill, server, site


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


def test_what_is_odd_of_one_person_keeps_nobody_else_waiting(engine: Engine, data: Path) -> None:
    (data / "ann.pref").write_text(
        f"full_name=\0Ann\x1b\nsent_folder={'x' * 300_000}\nreply_to=\udc80\n", "utf-8", "surrogatepass"
    )
    (data / os.fsdecode(b"\xff\n.pref")).write_text("full_name=X\n")
    done = run(engine, "squirrelmail", str(data), "--domain", "one.example")
    assert done.exit_code == 0 and "accounts: 2," in done.output and books(engine) == [1, 1]
    assert "of nobody here: '\\udcff\\n'" in done.output


def test_what_was_kept_under_an_alias_comes_into_no_book_that_its_owner_has(engine: Engine, data: Path) -> None:
    fill(engine, alias("one", "aa", account="ann"), alias("one", "dora", account="bob"))
    for name in ("aa", "dora"):
        (data / f"{name}.pref").write_text("full_name=Gone\n")
        (data / f"{name}.abook").write_text("one|One||one@x.example|\ntwo|Two||two@x.example|\n")
    (data / "bob.pref").unlink()
    words = ("squirrelmail", str(data), "--domain", "one.example")
    done = run(engine, *words)
    assert "accounts: 2, done before: 1," in done.output and books(engine) == [1, 2]
    assert "accounts: 0, done before: 3," in run(engine, *words).output
    run(engine, *words, "--again", "--only", "aa")
    assert books(engine) == [3, 2]


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
