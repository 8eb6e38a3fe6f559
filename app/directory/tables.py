"""The directory's tables: sites, their domains, mail servers, accounts and addresses.

A site is a customer with any number of domains; an account signs in under each of them. Keys are lower case, domains
punycode, both compared byte by byte. The migrations under app/migrations build the same; a test compares the two.
"""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, MetaData, String, Text, UniqueConstraint, true
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from app.directory.account import KINDS, ROLES, SECURITIES, STATES

ANY_DOMAIN = 0  # address.domain_id: holds under every domain of the site
CATCH_ALL = "*"  # address.local: every local part that nothing else names

_OPTIONS = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def key(length: int) -> TypeEngine[str]:
    """A column type whose values are compared byte by byte on every database (PostgreSQL's and MariaDB's usual orders
    do not: there `a` may equal `A` or `ä`)."""
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def one_of(column: str, values: tuple[str, ...], *, nullable: bool = False) -> CheckConstraint:
    """A check that a column holds one of the given words: portable, and changed by a migration without a type."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(
        f"{column} IS NULL OR {column} IN ({words})" if nullable else f"{column} IN ({words})", column
    )


class Base(DeclarativeBase):
    """The directory's own set of tables; the block log has another, as it may lie in another database."""

    metadata = MetaData(naming_convention=_NAMES)


class SiteRow(Base):
    """A customer. `primary_domain` is the domain of the main address of each of its accounts."""

    __tablename__ = "site"
    __table_args__: Any = (UniqueConstraint("name"), _OPTIONS)

    site_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(key(80))
    primary_domain: Mapped[str] = mapped_column(key(253))
    time_zone: Mapped[str] = mapped_column(String(40), server_default="UTC")
    locale: Mapped[str] = mapped_column(String(12), server_default="en")
    brand: Mapped[str | None] = mapped_column(key(40))
    junk_pattern: Mapped[str | None] = mapped_column(String(80))  # such as spam.%Y
    enabled: Mapped[bool] = mapped_column(server_default=true())


class DomainRow(Base):
    """A domain of a site."""

    __tablename__ = "domain"
    __table_args__: Any = (UniqueConstraint("name"), Index(None, "site_id"), _OPTIONS)

    domain_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(key(253))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.site_id"))
    enabled: Mapped[bool] = mapped_column(server_default=true())


class ServerRow(Base):
    """A mail server. `tls_ca` holds for all its endpoints; `tls_name` and `tls_sha256` for those on IMAP's host."""

    __tablename__ = "mail_server"
    __table_args__: Any = (
        UniqueConstraint("name"),
        one_of("imap_security", SECURITIES),
        one_of("submission_security", SECURITIES, nullable=True),
        one_of("sieve_security", SECURITIES, nullable=True),
        one_of("state", STATES),
        _OPTIONS,
    )

    server_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(key(80))
    imap_host: Mapped[str] = mapped_column(String(253))
    imap_port: Mapped[int] = mapped_column(server_default="993")
    imap_security: Mapped[str] = mapped_column(String(8), server_default="tls")
    submission_host: Mapped[str | None] = mapped_column(String(253))
    submission_port: Mapped[int | None]
    submission_security: Mapped[str | None] = mapped_column(String(8))
    sieve_host: Mapped[str | None] = mapped_column(String(253))
    sieve_port: Mapped[int | None]
    sieve_security: Mapped[str | None] = mapped_column(String(8))
    tls_name: Mapped[str | None] = mapped_column(String(253))
    tls_ca: Mapped[str | None] = mapped_column(Text)
    tls_sha256: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8), server_default="up")


class AccountRow(Base):
    """A person's account. `login` is its name on the mail server, which may say nothing about the person."""

    __tablename__ = "account"
    __table_args__: Any = (
        UniqueConstraint("site_id", "username"),
        Index(None, "server_id", "login"),
        one_of("kind", KINDS),
        one_of("role", ROLES),
        _OPTIONS,
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.site_id"))
    username: Mapped[str] = mapped_column(key(64))
    kind: Mapped[str] = mapped_column(String(8), server_default="mailbox")
    server_id: Mapped[int | None] = mapped_column(ForeignKey("mail_server.server_id"))
    login: Mapped[str | None] = mapped_column(String(255))
    forward_to: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(12), server_default="user")
    password_hash: Mapped[str | None] = mapped_column(String(255))
    display_name: Mapped[str | None] = mapped_column(String(120))
    time_zone: Mapped[str | None] = mapped_column(String(40))
    locale: Mapped[str | None] = mapped_column(String(12))
    enabled: Mapped[bool] = mapped_column(server_default=true())


class AddressRow(Base):
    """An address of a site beside its accounts' own names. Without `account_id` it only forwards, or holds a name free.

    `domain_id` 0 stands for every domain of the site and so has no foreign key: `directory check` looks instead.
    """

    __tablename__ = "address"
    __table_args__: Any = (UniqueConstraint("site_id", "local", "domain_id"), Index(None, "account_id"), _OPTIONS)

    address_id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.site_id"))
    local: Mapped[str] = mapped_column(key(64))
    domain_id: Mapped[int] = mapped_column(server_default="0")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.account_id"))
    forward_to: Mapped[str | None] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(server_default=true())
