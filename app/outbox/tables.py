"""The outbox's one table. The migrations under app/migrations build the same; a test compares the two.

Times are whole milliseconds of the epoch: no database's ideas of time zones come between two couriers.
"""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text

from app.outbox.mail import STATES
from app.table.declare import Declared, column, key, long_text, one_of, optional, table_set


class Base(Declared):
    """The outbox's own set of tables."""

    metadata = table_set()


class OutboxRow(Base):
    """A mail on its way. `letter` and `account` are JSON; the columns before them repeat what operators look for."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(None, "until"),
        Index(None, "account_id"),
        one_of("state", STATES),
    )

    outbox_id = column(key(32), primary_key=True)
    account_id = column(key(700))
    state = column(String(12))
    due = column(BigInteger)
    until = optional(BigInteger)
    owner = optional(String(120))
    fence = column(Integer, server_default="0")
    tries = column(Integer, server_default="0")
    reason = column(String(20), server_default="")
    last_reply = optional(Text)
    refusals = optional(Text)
    message_id = column(String(998))
    size = column(BigInteger)
    sha256 = column(String(64))
    letter = column(long_text())
    account = column(Text)
    credential = optional(LargeBinary)
    created = column(BigInteger)
    changed = column(BigInteger)
