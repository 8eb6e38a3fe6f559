"""A table declared as a class: the class stands for the table, its attributes are the columns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Boolean,
    Engine,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    create_engine,
    delete,
    insert,
    select,
    true,
    update,
)

from app.table.declare import Declared, column, key, one_of, optional, table_set


class Base(Declared):
    metadata = table_set()


class ShelfRow(Base):
    __tablename__ = "shelf"

    shelf_id = column(Integer, primary_key=True)
    name = column(key(20))


class BookRow(Base):
    __tablename__ = "book"
    __table_args__ = (Index(None, "shelf_id"), one_of("size", ("big", "small")))

    book_id = column(Integer, primary_key=True)
    shelf_id = optional(Integer, ForeignKey("shelf.shelf_id"))
    size = column(String(8), server_default="big")
    lent = column(Boolean, server_default=true())


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def test_the_attributes_are_the_columns_of_the_table_in_their_order() -> None:
    assert isinstance(BookRow.__table__, Table)
    assert [each.name for each in BookRow.__table__.columns] == ["book_id", "shelf_id", "size", "lent"]
    for each in BookRow.__table__.columns:
        assert getattr(BookRow, each.name) is each


def test_only_an_optional_column_holds_null() -> None:
    assert [each.name for each in BookRow.__table__.columns if each.nullable] == ["shelf_id"]


def test_indexes_and_constraints_are_named_and_mariadb_gets_its_options() -> None:
    table = BookRow.__table__
    assert {each.name for each in table.indexes} == {"ix_book_shelf_id"}
    assert {each.name for each in table.constraints} == {"pk_book", "fk_book_shelf_id", "ck_book_size"}
    assert table.dialect_options["mariadb"]["engine"] == table.dialect_options["mysql"]["engine"] == "InnoDB"
    assert table.dialect_options["mariadb"]["collate"] == "utf8mb4_bin"


def test_the_class_stands_wherever_a_table_may(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(ShelfRow).values(shelf_id=1, name="a"))
        connection.execute(insert(BookRow), [{"book_id": 1, "shelf_id": 1}, {"book_id": 2, "shelf_id": None}])
        connection.execute(update(BookRow).where(BookRow.book_id == 2).values(size="small"))
        assert connection.execute(select(BookRow)).all() == [(1, 1, "big", True), (2, None, "small", True)]
        joined = select(BookRow.book_id, ShelfRow.name)
        assert connection.execute(joined.join(ShelfRow)).all() == [(1, "a")]
        both = joined.select_from(BookRow).outerjoin(ShelfRow)
        assert connection.execute(both.order_by(BookRow.book_id)).all() == [(1, "a"), (2, None)]
        on = ShelfRow.shelf_id == BookRow.shelf_id
        assert connection.execute(select(BookRow.size).join_from(ShelfRow, BookRow, on)).scalars().all() == ["big"]
        connection.execute(delete(BookRow))
        assert connection.execute(select(BookRow.book_id)).all() == []


def test_each_room_has_its_own_set_of_tables() -> None:
    class Other(Declared):
        metadata = table_set()

    class BookRowElsewhere(Other):
        __tablename__ = "book"

        book_id = column(Integer, primary_key=True)

    assert set(Base.metadata.tables) == {"book", "shelf"} and set(Other.metadata.tables) == {"book"}
    assert BookRowElsewhere.__table__ is not BookRow.__table__
