"""The profile's tables: settings, identities, contacts, and everybody one may write to with the words that find them.

The migrations under app/migrations build the same; a test compares the two. Times are milliseconds of the epoch.
"""

from typing import Any

from sqlalchemy import BigInteger, Index, MetaData, String, Text, false
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

_OPTIONS = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
_NAMES = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}


def key(length: int) -> TypeEngine[str]:
    """A column type whose values are compared, and ordered, byte by byte on every database."""
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def long_text() -> TypeEngine[str]:
    """MariaDB's TEXT ends at 64 KB."""
    return Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


class Base(DeclarativeBase):
    """The profile's own set of tables."""

    metadata = MetaData(naming_convention=_NAMES)


class SettingRow(Base):
    """One setting of an account, as JSON. Its key is as long as MariaDB has indexes: 3,072 bytes, 4 a character."""

    __tablename__ = "setting"
    __table_args__: Any = (_OPTIONS,)

    account_id: Mapped[str] = mapped_column(key(700), primary_key=True)
    name: Mapped[str] = mapped_column(key(60), primary_key=True)
    value: Mapped[str] = mapped_column(long_text())


class IdentityRow(Base):
    """A name and address under which somebody writes."""

    __tablename__ = "identity"
    __table_args__: Any = (Index(None, "account_id"), _OPTIONS)

    identity_id: Mapped[str] = mapped_column(key(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(key(700))
    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str] = mapped_column(String(254))
    signature_text: Mapped[str] = mapped_column(long_text())
    signature_html: Mapped[str] = mapped_column(long_text())
    is_default: Mapped[bool] = mapped_column(server_default=false())


class ContactRow(Base):
    """A person in the address book. `sort` and `sought` are the folded name and text; `labels` one a line, with a line
    break at both ends; `card` the vCard that it came from, with all that is not shown here."""

    __tablename__ = "contact"
    __table_args__: Any = (Index(None, "account_id", "sort"), _OPTIONS)

    contact_id: Mapped[str] = mapped_column(key(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(key(700))
    name: Mapped[str] = mapped_column(String(200))
    sort: Mapped[str] = mapped_column(key(60))
    note: Mapped[str] = mapped_column(long_text())
    labels: Mapped[str] = mapped_column(long_text())
    sought: Mapped[str] = mapped_column(long_text())
    card: Mapped[str | None] = mapped_column(long_text())
    changed: Mapped[int] = mapped_column(BigInteger)


class RecipientRow(Base):
    """An address one may write to: of a contact, or, without `contact_id`, collected from what was sent.

    `mark` is a digest of the folded address: the address itself is too long for MariaDB's indexes.
    """

    __tablename__ = "recipient"
    __table_args__: Any = (Index(None, "contact_id"), Index(None, "account_id", "mark"), _OPTIONS)

    recipient_id: Mapped[str] = mapped_column(key(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(key(700))
    contact_id: Mapped[str | None] = mapped_column(key(32))
    position: Mapped[int] = mapped_column(server_default="0")
    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(254))
    mark: Mapped[str] = mapped_column(key(32))
    times: Mapped[int] = mapped_column(server_default="0")
    last_used: Mapped[int] = mapped_column(BigInteger, server_default="0")


class WordRow(Base):
    """A word by whose beginning a recipient is found: of the name, or the address from one of its words on."""

    __tablename__ = "recipient_word"
    __table_args__: Any = (Index(None, "account_id", "word"), _OPTIONS)

    recipient_id: Mapped[str] = mapped_column(key(32), primary_key=True)
    word: Mapped[str] = mapped_column(key(60), primary_key=True)
    account_id: Mapped[str] = mapped_column(key(700))
