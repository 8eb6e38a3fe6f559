"""Tables of former webmails, with the columns that they have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Engine, Integer, MetaData, SmallInteger, String, Table, Text, insert
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.engine import Connection

_SCHEMA = MetaData()
_USER = ("user_id", Integer)
_DEL = ("del", SmallInteger)


def _table(name: str, key: str, *columns: tuple[str, Any]) -> Table:
    return Table(name, _SCHEMA, Column(key, Integer, primary_key=True), *(Column(each, kind) for each, kind in columns))


USERS = _table("rc_users", "user_id", ("username", String(128)), ("mail_host", String(128)), ("preferences", Text))
IDENTITIES = _table(
    "rc_identities", "identity_id", _USER, _DEL, ("standard", SmallInteger), ("name", String(128)),
    ("email", String(128)), ("reply-to", String(128)), ("signature", Text), ("html_signature", SmallInteger),
)  # fmt: skip
CONTACTS = _table(
    "rc_contacts", "contact_id", _USER, _DEL, ("name", String(128)), ("email", Text), ("firstname", String(128)),
    ("surname", String(128)), ("vcard", Text().with_variant(LONGTEXT(), "mysql", "mariadb")),
)  # fmt: skip
GROUPS = _table("rc_contactgroups", "contactgroup_id", _USER, _DEL, ("name", String(128)))
MEMBERS = _table("rc_contactgroupmembers", "contactgroup_id", ("contact_id", Integer))
RESPONSES = _table(
    "rc_responses", "response_id", _USER, _DEL, ("name", String(255)), ("data", Text), ("is_html", SmallInteger)
)
COLLECTED = _table("rc_collected_addresses", "address_id", _USER, ("name", String(255)), ("email", String(255)))


def make(engine: Engine, *, without: tuple[Table, ...] = ()) -> None:
    """Roundcube's tables, with the prefix rc_."""
    _SCHEMA.create_all(engine, [each for each in _SCHEMA.sorted_tables if each not in without])


def drop(engine: Engine) -> None:
    _SCHEMA.drop_all(engine)


def put(connection: Connection, table: Table, **values: object) -> None:
    """A row; what is not said is empty, and not deleted. `reply_to` is the column reply-to."""
    usual = {each.name: 0 if isinstance(each.type, Integer) else "" for each in table.columns if not each.primary_key}
    told = {name.replace("reply_to", "reply-to"): value for name, value in values.items()}
    connection.execute(insert(table).values({**usual, **told}))
