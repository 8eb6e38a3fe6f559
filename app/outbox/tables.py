"""The outbox's one table. The migrations under app/migrations build the same; a test compares the two.

Times are whole milliseconds of the epoch: no database's ideas of time zones come between two couriers.
"""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, MetaData, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from app.outbox.mail import STATES

_OPTIONS = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
_NAMES = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s",
          "pk": "pk_%(table_name)s"}  # fmt: skip


def key(length: int) -> TypeEngine[str]:
    """A column type whose values are compared byte by byte on every database."""
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


class Base(DeclarativeBase):
    """The outbox's own set of tables."""

    metadata = MetaData(naming_convention=_NAMES)


class OutboxRow(Base):
    """A mail on its way. `letter` and `account` are JSON; the columns before them repeat what operators look for."""

    __tablename__ = "outbox"
    __table_args__: Any = (
        Index(None, "until"),
        Index(None, "account_id"),
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", "state"),
        _OPTIONS,
    )

    outbox_id: Mapped[str] = mapped_column(key(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(key(700))
    state: Mapped[str] = mapped_column(String(12))
    due: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[int | None] = mapped_column(BigInteger)
    owner: Mapped[str | None] = mapped_column(String(120))
    fence: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    reason: Mapped[str] = mapped_column(String(20), server_default="")
    last_reply: Mapped[str | None] = mapped_column(Text)
    refusals: Mapped[str | None] = mapped_column(Text)
    message_id: Mapped[str] = mapped_column(String(998))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    letter: Mapped[str] = mapped_column(Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb"))
    account: Mapped[str] = mapped_column(Text)
    credential: Mapped[bytes | None] = mapped_column(LargeBinary)
    created: Mapped[int] = mapped_column(BigInteger)
    changed: Mapped[int] = mapped_column(BigInteger)
