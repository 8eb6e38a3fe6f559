"""A row is changed only where it is as it was seen, and a change is taken back only where nobody changed it again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, insert, text, update

from app.directory import edit
from app.directory.engine import asking, open_engine
from app.directory.errors import DirectoryBroken, Overtaken, ReadOnly
from app.directory.tables import AccountRow, AddressRow, SiteRow
from tests.databases import DatabaseServer


@pytest.fixture
def rows(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.execute(insert(SiteRow).values(site_id=1, name="one", primary_domain="one.example"))
        connection.execute(insert(AccountRow).values(account_id=5, site_id=1, username="ann", kind="forward"))
        yield connection


def seen(rows: Connection, table: str = "account", number: int = 5) -> dict[str, Any]:
    found = edit.row_of(rows, table, number)
    assert found is not None
    return found


def test_a_change_keeps_what_differs_and_is_taken_back(rows: Connection) -> None:
    old = seen(rows)
    done = edit.change(rows, "account", old, {"display_name": "Ann", "forward_to": None, "role": "site_admin"})
    assert done is not None and done.before == {"display_name": None, "role": "user"}
    assert edit.mark(seen(rows)) != edit.mark(old)
    told = json.loads(json.dumps(done.as_json()))
    edit.put_back(rows, edit.from_json(told))
    assert seen(rows) == old and edit.change(rows, "account", old, dict(old)) is None
    with pytest.raises(Overtaken):
        edit.put_back(rows, done)


def test_what_was_changed_meanwhile_is_not_written_over(rows: Connection) -> None:
    old = seen(rows)
    rows.execute(update(AccountRow.__table__).values(display_name="Quick"))
    with pytest.raises(Overtaken):
        edit.change(rows, "account", old, {"display_name": "Slow"})
    assert edit.change(rows, "account", old, {"locale": "de"}), "another column is another matter"
    assert seen(rows)["display_name"] == "Quick"


@pytest.mark.parametrize("table", ["site", "domain", "mail_server", "account", "address"])
def test_a_number_that_was_taken_back_is_never_another_s(rows: Connection, table: str) -> None:
    """Rules, settings and the lines of logs name it: whoever came next would have them."""
    values = {
        "site": {"name": "two", "primary_domain": "two.example"}, "domain": {"name": "two.example", "site_id": 1},
        "mail_server": {"name": "one", "imap_host": "imap.one.example"},
        "account": {"site_id": 1, "username": "new", "kind": "forward"}, "address": {"site_id": 1, "local": "new"},
    }[table]  # fmt: skip
    form = SiteRow.metadata.tables[table]
    if rows.dialect.name == "postgresql":
        rows.execute(text("SELECT setval('site_site_id_seq', 1)"))  # the fixture chose that number
    number = rows.execute(insert(form).values(**values)).inserted_primary_key
    rows.execute(delete(form).where(next(iter(form.primary_key.columns)) == number[0]))
    again = rows.execute(insert(form).values(**values)).inserted_primary_key
    assert again[0] > number[0]
    if table == "account":
        made = edit.add(rows, "account", {**values, "username": "other"})
        edit.put_back(rows, made)
        assert edit.add(rows, "account", {**values, "username": "third"}).number > made.number


def test_rows_are_added_and_removed_and_both_taken_back(rows: Connection) -> None:
    values = {"site_id": 1, "local": "sales", "domain_id": 0, "account_id": 5, "forward_to": None, "enabled": True}
    added = edit.add(rows, "address", values)
    for again in ({**values}, {**values, "account_id": 77, "local": "x"}):  # its key is taken; no such account
        with pytest.raises(Overtaken), rows.begin_nested():
            edit.add(rows, "address", again)
    removed = edit.remove(rows, "address", seen(rows, "address", added.number))
    assert edit.row_of(rows, "address", added.number) is None
    edit.put_back(rows, removed)
    rows.execute(update(AddressRow.__table__).values(forward_to="x@else.example"))
    with pytest.raises(Overtaken):
        edit.put_back(rows, added)
    rows.execute(update(AddressRow.__table__).values(forward_to=None))
    edit.put_back(rows, added)
    assert edit.row_of(rows, "address", added.number) is None


@pytest.mark.parametrize("table", ["account", "site"])
def test_long_texts_and_flags_are_compared_as_they_were_written(rows: Connection, table: str) -> None:
    number = 5 if table == "account" else 1
    new = {"enabled": False, "locale": "de"} | ({"forward_to": "x@else.example, " * 500} if table == "account" else {})
    done = edit.change(rows, table, seen(rows, table, number), new)
    assert done is not None
    edit.put_back(rows, done)
    assert seen(rows, table, number)["enabled"]
    with pytest.raises(Overtaken):
        edit.put_back(rows, done)


def test_who_may_only_read_is_told_so(engine: Engine) -> None:
    refuse = {"sqlite": "PRAGMA query_only = ON", "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
              "mysql": "SET SESSION TRANSACTION READ ONLY", "mariadb": "SET SESSION TRANSACTION READ ONLY"}  # fmt: skip
    with engine.connect() as connection:
        connection.exec_driver_sql(refuse[engine.dialect.name])
        connection.commit()
        values = {"name": "one", "primary_domain": "one.example"}
        with pytest.raises(ReadOnly), asking(), connection.begin():
            edit.add(connection, "site", values)


@pytest.mark.databases
def test_who_may_not_even_read_is_told_something_else(postgresql: DatabaseServer) -> None:
    engine = open_engine(postgresql.new_database())
    with engine.begin() as connection:
        for line in ("CREATE TABLE x (a integer)", "DROP ROLE IF EXISTS nobody_reads", "CREATE ROLE nobody_reads"):
            connection.exec_driver_sql(line)
    for line, kind in (("SELECT a FROM x", DirectoryBroken), ("DELETE FROM x", ReadOnly)):
        with engine.connect() as connection:
            connection.exec_driver_sql("SET ROLE nobody_reads")
            with pytest.raises(kind), asking():
                connection.exec_driver_sql(line)
            connection.rollback()
            connection.exec_driver_sql("RESET ROLE")
    engine.dispose()


def test_hashes_are_written_and_kept_in_no_change(rows: Connection) -> None:
    done = edit.change(rows, "account", seen(rows), {edit.SECRET: "$argon2id$x"})
    assert done is not None and "argon" not in json.dumps(done.as_json())
    assert seen(rows)[edit.SECRET] == "$argon2id$x"
    assert edit.mark(seen(rows)) == edit.mark({**seen(rows), edit.SECRET: "y"})
