"""SquirrelMail's preferences, from files and from SQL: the same person, whichever way they were kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, MetaData, String, Table, Text, insert

from app.directory.engine import open_engine
from app.moving.kept import Kept
from app.moving.squirrelmail import Files, Sql

PREFERENCES = {
    "full_name": "Jürgen Groß",
    "email_address": "",
    "identities": "2",
    "full_name1": "Shop",
    "email_address1": "sales@one.example",
    "reply_to1": "info@one.example",
    "sent_folder": "INBOX.Gesendet",
    "draft_folder": "Entw&APw-rfe",
    "trash_folder": "none",
    "theme": "../themes/x=y.php",
}
SIGNS = {"": "Jürgen\nGroß & Co.", "1": "Shop"}
BOOK = [["ann", "Ann", "Lee", "ann@x.example", 'says "hi"|and\nmore'], ["bob", "", "", "bob", ""], ["", "", "", "", ""]]


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set('|\n"') & set(cell) else cell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that is spread over folders, in western letters."""
    place = tmp_path / "a" / "7"
    place.mkdir(parents=True)
    files = {
        "juergen.pref": "".join(f"{name}={value}\n" for name, value in PREFERENCES.items()),
        "juergen.sig": SIGNS[""],
        "juergen.si1": SIGNS["1"],
        "juergen.abook": "".join("|".join(map(quoted, row)) + "\n" for row in BOOK),
    }
    for name, text in files.items():
        (place / name).write_bytes(text.encode("cp1252"))
    (tmp_path / "default_pref").write_text("theme=x\n")
    return tmp_path


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    engine, schema = open_engine(f"sqlite:///{tmp_path}/squirrel.db"), MetaData()
    columns = {
        "userprefs": ("user", "prefkey", "prefval"),
        "address": ("owner", "nickname", "firstname", "lastname", "email", "label"),
    }
    loose = String(128, collation="NOCASE")  # as MariaDB compares
    preferences, book = (
        Table(name, schema, *(Column(each, loose if each != "prefval" else Text) for each in told))
        for name, told in columns.items()
    )
    schema.create_all(engine)
    told = {**PREFERENCES, "___signature___": SIGNS[""], "___sig1___": SIGNS["1"]}
    with engine.begin() as connection:
        rows = [{"user": "juergen", "prefkey": name, "prefval": value} for name, value in told.items()]
        connection.execute(insert(preferences), rows)
        names = ("nickname", "firstname", "lastname", "email", "label")
        connection.execute(insert(book), [{"owner": "juergen", **dict(zip(names, row, strict=True))} for row in BOOK])
        connection.execute(insert(book).values(owner="Juergen", nickname="another's", email="x@x.example"))
    return engine


def check(kept: Kept) -> None:
    assert kept.login == "juergen"
    own, shop = kept.identities
    assert (own.name, own.address, own.signature_text, own.is_default) == ("Jürgen Groß", "", SIGNS[""], True)
    assert (shop.name, shop.address, shop.reply_to) == ("Shop", "sales@one.example", "info@one.example")
    assert (shop.signature_text, shop.is_default) == ("Shop", False)
    assert kept.special == {"sent": "INBOX.Gesendet", "drafts": "Entwürfe"}
    told = [(each.name, each.addresses, each.note) for each in kept.contacts]
    assert told == [("Ann Lee", ("ann@x.example",), 'says "hi"|and\nmore'), ("bob", (), "")]


def test_files(folder: Path) -> None:
    (kept,) = Files(folder).people()
    check(kept)


def test_sql(database: Engine) -> None:
    (kept,) = Sql(database).people()
    check(kept)


def test_a_link_that_somebody_laid_is_not_followed(folder: Path) -> None:
    secret = folder / "secret"
    secret.write_text("root:x:0")
    sign = folder / "a" / "7" / "juergen.sig"
    sign.unlink()
    sign.symlink_to(secret)
    (kept,) = Files(folder).people()
    assert kept.identities[0].signature_text == ""


@pytest.mark.parametrize("count", ["-1", "9" * 30, "x", "٣"])
def test_odd_counts_of_identities_leave_the_first(folder: Path, count: str) -> None:
    (folder / "a" / "7" / "juergen.pref").write_text(f"full_name=J\nidentities={count}\n")
    (kept,) = Files(folder).people()
    assert [each.name for each in kept.identities] == ["J"]


def test_what_is_no_squirrelmail_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        Files(tmp_path)
    with pytest.raises(KeyError, match="no table userprefs"):
        Sql(open_engine("sqlite://"))
