"""Roundcube's database (1.3 and newer): identities, contacts and their groups, whom people wrote to, texts, folders.

Its settings are PHP's serialized array, of which only the names of four folders are looked for. What is missing in an
older one (responses, collected addresses) is left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Engine, MetaData, Select, Table, func, select

from app.directory.engine import asking
from app.mail.plain import html_text
from app.mail.special import Use
from app.moving.kept import Kept, Person, folders, signature
from app.profile import vcard
from app.profile.contact import MOST_CONTACTS, Contact, plausible
from app.profile.identities import MOST as MOST_IDENTITIES
from app.profile.identities import Identity
from app.profile.texts import MOST as MOST_TEXTS
from app.profile.texts import Text

WANTED: Final = ("users", "identities", "contacts", "contactgroups", "contactgroupmembers")
PERHAPS: Final = ("responses", "collected_addresses")
# What is read: never a row as a whole, whose times may be 0000-00-00.
COLUMNS: Final = {
    "users": ("user_id", "username", "mail_host", "preferences"),
    "identities": ("standard", "name", "email", "reply-to", "signature", "html_signature"),
    "contacts": ("contact_id", "name", "email", "firstname", "surname", "vcard"),
    "collected_addresses": ("name", "email"),
    "responses": ("name", "data", "is_html"),
}
MOST_PEOPLE: Final = 1000
LARGEST: Final = 2**20  # characters of a vCard that are read; of a larger one what stands beside it is taken
_AT_ONCE: Final = 100
_FOLDERS: Final[dict[str, Use]] = {
    "drafts_mbox": "drafts", "sent_mbox": "sent", "junk_mbox": "junk", "trash_mbox": "trash", "archive_mbox": "archive",
}  # fmt: skip
_FOLDER: Final = re.compile(r's:\d+:"(\w+_mbox)";s:\d+:"([^"]{1,255})";')


class Roundcube:
    """Its tables as they are there, under a prefix (`db_prefix`) or none. Raises KeyError for one that is missing."""

    def __init__(self, engine: Engine, prefix: str = "") -> None:
        self.engine = engine
        names = {f"{prefix}{each}": each for each in (*WANTED, *PERHAPS)}
        schema = MetaData()
        with asking():
            schema.reflect(engine, only=lambda name, _: name in names, resolve_fks=False)
        self.tables = {names[name]: table for name, table in schema.tables.items()}
        if missing := [each for each in WANTED if each not in self.tables]:
            raise KeyError(f"no table {prefix}{missing[0]}")

    def people(self) -> Iterator[Kept]:
        """Everybody who has signed in there."""
        with asking(), self.engine.connect() as connection:
            users = connection.execute(self._select("users")).mappings().all()
        for user in users:
            with asking(), self.engine.connect() as connection:
                yield self._kept(connection, user)

    def _kept(self, connection: Connection, user: Any) -> Kept:
        number = user["user_id"]
        return Kept(
            user["username"],
            user["mail_host"],
            tuple(_identity(row) for row in self._rows(connection, "identities", number, MOST_IDENTITIES)),
            self._contacts(connection, number),
            tuple(_person(row) for row in self._rows(connection, "collected_addresses", number, MOST_PEOPLE)),
            tuple(_text(row) for row in self._rows(connection, "responses", number, MOST_TEXTS)),
            _special(user["preferences"] or ""),
        )

    def _select(self, name: str) -> Select[Any]:
        return select(*(self.tables[name].c[each] for each in COLUMNS[name]))

    def _rows(self, connection: Connection, name: str, number: int, most: int) -> list[Any]:
        """A person's rows, without those that they deleted."""
        table = self.tables.get(name)
        if table is None:
            return []
        rows = self._select(name).where(table.c.user_id == number, *_there(table)).limit(most)
        return list(connection.execute(rows.order_by(*table.primary_key.columns)).mappings())

    def _contacts(self, connection: Connection, number: int) -> tuple[Contact, ...]:
        groups, members = self.tables["contactgroups"], self.tables["contactgroupmembers"]
        told = select(members.c.contact_id, groups.c.name).join_from(
            members, groups, members.c.contactgroup_id == groups.c.contactgroup_id
        )
        labels: dict[int, list[str]] = defaultdict(list)
        for contact_id, name in connection.execute(told.where(groups.c.user_id == number, *_there(groups))):
            labels[contact_id].append(name)
        return tuple(_contact(row, tuple(labels[row["contact_id"]])) for row in self._cards(connection, number))

    def _cards(self, connection: Connection, number: int) -> Iterator[Any]:
        """The rows of a person's contacts, a few at once: cards may hold pictures of any size."""
        table = self.tables["contacts"]
        columns = [table.c[each] for each in COLUMNS["contacts"] if each != "vcard"]
        card = func.substr(table.c.vcard, 1, LARGEST).label("vcard")
        rows = select(*columns, card).where(table.c.user_id == number, *_there(table))
        last = -1
        for _ in range(0, MOST_CONTACTS, _AT_ONCE):
            some = rows.where(table.c.contact_id > last).order_by(table.c.contact_id).limit(_AT_ONCE)
            found = list(connection.execute(some).mappings())
            yield from found
            if len(found) < _AT_ONCE:
                return
            last = found[-1]["contact_id"]


def _there(table: Table) -> tuple[Any, ...]:
    return (table.c["del"] == 0,) if "del" in table.c else ()


def _identity(row: Any) -> Identity:
    text, html = signature(row["signature"] or "", is_html=bool(row["html_signature"]))
    return Identity("", row["name"], row["email"], row["reply-to"] or "", text, html, bool(row["standard"]))


def _contact(row: Any, labels: tuple[str, ...]) -> Contact:
    """By its vCard, which holds all; else by the columns."""
    cards = vcard.read((row["vcard"] or "").encode("utf-8", "replace")).contacts
    name = row["name"] or f"{row['firstname'] or ''} {row['surname'] or ''}"
    given = tuple(each for each in re.split(r"[,\s]+", row["email"] or "") if plausible(each))
    found = cards[0] if cards else Contact(name, given)
    return Contact(found.name or name, found.addresses or given, found.note, (*found.labels, *labels), found.card)


def _person(row: Any) -> Person:
    return Person(row["name"], row["email"])


def _text(row: Any) -> Text:
    return Text("", row["name"], "", html_text(row["data"]) if row["is_html"] else row["data"])


def _special(preferences: str) -> dict[Use, str]:
    return folders((_FOLDERS[name], value) for name, value in _FOLDER.findall(preferences) if name in _FOLDERS)
