"""The profile's tables: settings, identities, contacts, and everybody one may write to with the words that find them.

The migrations under app/migrations build the same; a test compares the two. Times are milliseconds of the epoch.
"""

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, false

from app.table.declare import Declared, column, key, long_text, optional, table_set


class Base(Declared):
    """The profile's own set of tables."""

    metadata = table_set()


class SettingRow(Base):
    """One setting of an account, as JSON. Its key is as long as MariaDB has indexes: 3,072 bytes, 4 a character."""

    __tablename__ = "setting"

    account_id = column(key(700), primary_key=True)
    name = column(key(60), primary_key=True)
    value = column(long_text())


class IdentityRow(Base):
    """A name and address under which somebody writes."""

    __tablename__ = "identity"
    __table_args__ = (Index(None, "account_id"),)

    identity_id = column(key(32), primary_key=True)
    account_id = column(key(700))
    name = column(String(200))
    address = column(String(254))
    reply_to = column(String(254))
    signature_text = column(long_text())
    signature_html = column(long_text())
    is_default = column(Boolean, server_default=false())


class TextRow(Base):
    """What somebody writes again and again, to be put into messages."""

    __tablename__ = "canned_text"
    __table_args__ = (Index(None, "account_id"),)

    text_id = column(key(32), primary_key=True)
    account_id = column(key(700))
    name = column(String(100))
    subject = column(String(500))
    body = column(long_text())


class ContactRow(Base):
    """A person in the address book. `sort` and `sought` are the folded name and text; `labels` one a line, with a line
    break at both ends; `card` the vCard that it came from, with all that is not shown here."""

    __tablename__ = "contact"
    __table_args__ = (Index(None, "account_id", "sort"),)

    contact_id = column(key(32), primary_key=True)
    account_id = column(key(700))
    name = column(String(200))
    sort = column(key(60))
    note = column(long_text())
    labels = column(long_text())
    sought = column(long_text())
    card = optional(long_text())
    changed = column(BigInteger)


class RecipientRow(Base):
    """An address one may write to: of a contact, or, without `contact_id`, collected from what was sent.

    `mark` is a digest of the folded address: the address itself is too long for MariaDB's indexes.
    """

    __tablename__ = "recipient"
    __table_args__ = (Index(None, "contact_id"), Index(None, "account_id", "mark"))

    recipient_id = column(key(32), primary_key=True)
    account_id = column(key(700))
    contact_id = optional(key(32))
    position = column(Integer, server_default="0")
    name = column(String(200))
    address = column(String(254))
    mark = column(key(32))
    times = column(Integer, server_default="0")
    last_used = column(BigInteger, server_default="0")


class WordRow(Base):
    """A word by whose beginning a recipient is found: of the name, or the address from one of its words on."""

    __tablename__ = "recipient_word"
    __table_args__ = (Index(None, "account_id", "word"),)

    recipient_id = column(key(32), primary_key=True)
    word = column(key(60), primary_key=True)
    account_id = column(key(700))
