"""Declares a table as a class whose attributes are its columns, on SQLAlchemy's Core alone, and the types for them.

SQLAlchemy's own declarative classes belong to its object mapper, which nothing here uses: importing it costs each
worker 6 MB.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnClause,
    ColumnElement,
    DateTime,
    ForeignKey,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

_T = TypeVar("_T")
_Default = str | ColumnElement[Any] | None

_OPTIONS: dict[str, Any] = {
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


def table_set() -> MetaData:
    """A room's own set of tables, whose indexes and constraints are named as the migrations name them."""
    return MetaData(naming_convention=_NAMES)


def key(length: int) -> TypeEngine[str]:
    """A column type whose values are compared, and ordered, byte by byte on every database (PostgreSQL's and MariaDB's
    usual orders do not: there `a` may equal `A` or `ä`)."""
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def ascii_key(length: int) -> TypeEngine[str]:
    """The same for what is ASCII: an index of MariaDB's holds 3,072 bytes, of which another character takes four."""
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    )


class _Moment(TypeDecorator[datetime]):
    """Whole seconds of UTC in a column without a zone, as operators may read it; aware on this side."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def moment() -> TypeEngine[datetime]:
    """A column type for a point in time: aware datetimes go in, aware ones in UTC come out."""
    return _Moment()


def long_text() -> TypeEngine[str]:
    """A column type for texts of any length: MariaDB's TEXT ends at 64 KB."""
    return Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def digest(length: int) -> TypeEngine[bytes]:
    """A column type for a few bytes."""
    return LargeBinary().with_variant(mysql.VARBINARY(length), "mysql", "mariadb")


def long_bytes() -> TypeEngine[bytes]:
    """A column type for bytes, up to 16 MB: MariaDB's BLOB ends at 64 KB."""
    return LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def one_of(column: str, values: tuple[str, ...], *, nullable: bool = False) -> CheckConstraint:
    """A check that a column holds one of the given words: portable, and changed by a migration without a type."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(
        f"{column} IS NULL OR {column} IN ({words})" if nullable else f"{column} IN ({words})", column
    )


def column(
    kind: TypeEngine[_T] | type[TypeEngine[_T]],
    *foreign: ForeignKey,
    primary_key: bool = False,
    server_default: _Default = None,
) -> ColumnClause[_T]:
    """A column that holds no NULL. (Core's own columns hold it unless they are told not to.)

    It is a Column; ColumnClause is its base as type checkers may know it: SQLAlchemy 2.1 types Columns as Never where a
    class has them, for use in its TypedColumns alone.
    """
    return Column(kind, *foreign, primary_key=primary_key, nullable=False, server_default=server_default)


def optional(kind: TypeEngine[_T] | type[TypeEngine[_T]], *foreign: ForeignKey) -> ColumnClause[_T | None]:
    """A column that may hold NULL; otherwise as `column`."""
    return Column(kind, *foreign, nullable=True)


class _StandsForTable(type):
    """Lets the class itself stand wherever SQLAlchemy takes a table: `select_from(SiteRow)`, `insert(SiteRow)`."""

    __table__: Table

    def __clause_element__(cls) -> Table:
        return cls.__table__


class Declared(metaclass=_StandsForTable):
    """The base of a room's tables. A room derives one class with its `metadata`, and from that one class a table.

    A table's class has `__tablename__`, its columns as attributes, and constraints and indexes in `__table_args__`.
    A dict among these holds further options of the table. A column is named like its attribute. Nobody makes objects of
    these classes; rows are what statements return.
    """

    metadata: ClassVar[MetaData]
    __tablename__: ClassVar[str]
    __table_args__: ClassVar[tuple[SchemaItem | dict[str, Any], ...]] = ()
    __table__: ClassVar[Table]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__tablename__" not in vars(cls):
            return
        columns = {name: value for name, value in vars(cls).items() if isinstance(value, Column)}
        for name, each in columns.items():
            each.name = each.key = name
        items = [each for each in cls.__table_args__ if not isinstance(each, dict)]
        further = {name: value for each in cls.__table_args__ if isinstance(each, dict) for name, value in each.items()}
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns.values(), *items, **_OPTIONS, **further)
