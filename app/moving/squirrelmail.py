"""SquirrelMail's preferences (1.4): identities, signatures, folders and the address book, in files or in SQL.

Files lie in its data folder, perhaps spread over folders in it: NAME.pref, NAME.sig, NAME.si1 …, NAME.abook. In SQL the
same are rows of `userprefs`, with the signatures as ___signature___ and ___sig1___, and of `address`.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, MetaData, select

from app.directory.engine import asking
from app.mail.special import Use
from app.moving.kept import Kept, folders, signature
from app.profile.contact import MOST_CONTACTS, Contact, decoded, plausible
from app.profile.identities import MOST as MOST_IDENTITIES
from app.profile.identities import Identity

LARGEST: Final = 8 * 1024 * 1024  # octets of a file that are read
_FOLDERS: Final[tuple[tuple[Use, str], ...]] = (
    ("drafts", "draft_folder"), ("sent", "sent_folder"), ("trash", "trash_folder")
)  # fmt: skip
_NONE: Final = ("", "none", "[ Do not use Trash ]", "[ Do not use Sent ]", "[ Do not use Drafts ]")


class Files:
    """A data folder. Raises FileNotFoundError where it holds no preferences."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.rglob("*.pref"))
        if not self.files:
            raise FileNotFoundError(f"no file *.pref under {folder}")

    def people(self) -> Iterator[Kept]:
        """Everybody who kept something there."""
        for file in self.files:
            yield _of_files(file)


class Sql:
    """A database with its tables. Raises KeyError where they are not."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        schema = MetaData()
        with asking():
            schema.reflect(engine, only=lambda name, _: name in ("userprefs", "address"), resolve_fks=False)
        if "userprefs" not in schema.tables:
            raise KeyError("no table userprefs")
        self.preferences, self.book = schema.tables["userprefs"], schema.tables.get("address")

    def people(self) -> Iterator[Kept]:
        """Everybody who kept something there."""
        told: dict[str, dict[str, str]] = defaultdict(dict)
        wanted = select(self.preferences.c.user, self.preferences.c.prefkey, self.preferences.c.prefval)
        with asking(), self.engine.connect() as connection:
            for user, name, value in connection.execute(wanted):
                told[user][name] = value or ""
        for user, preferences in told.items():
            signs = {"": preferences.get("___signature___", "")}
            signs |= {str(n): preferences.get(f"___sig{n}___", "") for n in range(1, MOST_IDENTITIES)}
            yield _kept(user, preferences, signs, self._contacts(user))

    def _contacts(self, user: str) -> tuple[Contact, ...]:
        if self.book is None:
            return ()
        c = self.book.c
        rows = select(c.owner, c.nickname, c.firstname, c.lastname, c.email, c.label).where(c.owner == user)
        with asking(), self.engine.connect() as connection:
            found = connection.execute(rows.limit(MOST_CONTACTS)).all()
        own = [row[1:] for row in found if row.owner == user]  # MariaDB takes é for e
        return tuple(each for row in own if (each := _contact([str(cell or "") for cell in row])))


def _of_files(file: Path) -> Kept:
    lines = _text(file).splitlines()
    preferences = {
        name.strip(): value.strip() for name, equals, value in (each.partition("=") for each in lines) if equals
    }
    signs = {str(n) if n else "": _text(file.with_suffix(f".si{n}" if n else ".sig")) for n in range(MOST_IDENTITIES)}
    return _kept(file.stem, preferences, signs, tuple(_book(_text(file.with_suffix(".abook")))))


def _text(file: Path) -> str:
    """A file's text, "" for none; no link is followed to where somebody made it lead."""
    if file.is_symlink() or not file.is_file():
        return ""
    with file.open("rb") as opened:
        return decoded(opened.read(LARGEST))


def _kept(user: str, told: Mapping[str, str], signs: Mapping[str, str], contacts: tuple[Contact, ...]) -> Kept:
    count = told.get("identities", "1")
    most = min(int(count), MOST_IDENTITIES) if count.isascii() and count.isdecimal() and len(count) < 6 else 1
    numbers = ["", *(str(n) for n in range(1, most))]
    identities = tuple(_identity(told, number, signs.get(number, "")) for number in numbers)
    special = folders((use, told[name]) for use, name in _FOLDERS if told.get(name, "") not in _NONE)
    return Kept(user, "", identities, contacts, special=special)


def _identity(told: Mapping[str, str], number: str, sign: str) -> Identity:
    """The first has no number, and is the one that is used without a choice."""
    name, address, reply_to = (told.get(f"{each}{number}", "") for each in ("full_name", "email_address", "reply_to"))
    text, _ = signature(sign, is_html=False)
    return Identity("", name, address, reply_to, text, is_default=not number)


def _book(text: str) -> Iterator[Contact]:
    """nickname|first name|last name|address|note; a cell with a mark in it stands in quotes."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="|")
    yield from (each for row in islice(_rows(rows), MOST_CONTACTS) if (each := _contact(row)))


def _rows(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error:
        return


def _contact(cells: list[str]) -> Contact | None:
    nick, first, last, address, note = (*(each.strip() for each in cells), "", "", "", "", "")[:5]
    addresses = tuple(each for each in (part.strip() for part in address.split(",")) if plausible(each))
    name = f"{first} {last}".strip() or nick or next(iter(addresses), "")
    return Contact(name, addresses, note) if name else None
