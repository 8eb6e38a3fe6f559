"""A hash in SQL, on the three databases: exactly one row, or nothing; what is typed is never part of the statement."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, insert, text, update

from app.directory.password import hash_password, verify_password
from app.directory.tables import AccountRow, SiteRow
from app.password.backend import Change
from app.password.errors import BackendAway
from app.password.sql import Sql, checked

OWN = "UPDATE account SET password_hash = :hash WHERE account_id = :number"
HASHED = partial(hash_password, scheme="sha512-crypt")
ODD = "x'); DROP TABLE account; -- \\ % :number"


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=1, name="One", primary_domain="one.example"))
        for number, name in ((1, "ann"), (2, "bob")):
            account = {"account_id": number, "site_id": 1, "username": name, "kind": "forward"}
            rows.execute(insert(AccountRow).values(**account, forward_to="x@y.example", password_hash="{X}old"))
    return engine


def hashes(engine: Engine) -> list[str]:
    with engine.connect() as rows:
        return list(rows.execute(text("SELECT password_hash FROM account ORDER BY account_id")).scalars())


@pytest.mark.parametrize(
    "statement",
    [OWN, "UPDATE account SET password_hash = :hash WHERE username = :local AND :domain = 'one.example'"],
)
@pytest.mark.slow
def test_one_row_has_a_new_hash_and_no_other(filled: Engine, statement: str) -> None:
    for new in (ODD, ODD):  # a second time with the same password: MariaDB counts rows that were met
        Sql(filled, statement, HASHED).change(Change("ann@one.example", "ann", new, "old", 1))
        ann, bob = hashes(filled)
        assert ann.startswith("{SHA512-CRYPT}$6$") and verify_password(ann, ODD) and bob == "{X}old"


def test_the_rest_of_a_hash_alone_for_columns_that_know_no_scheme(filled: Engine) -> None:
    statement = "UPDATE account SET password_hash = :crypt WHERE username = :login"
    Sql(filled, statement, HASHED).change(Change("ann@one.example", "ann", "new"))
    assert hashes(filled)[0].startswith("$6$") and verify_password(hashes(filled)[0], "new")


@pytest.mark.slow
def test_more_rows_than_one_or_none_change_nothing(filled: Engine) -> None:
    for where in ("username = :login", "kind = 'forward' AND :login <> ''"):
        statement = f"UPDATE account SET password_hash = :hash WHERE {where}"
        with pytest.raises(BackendAway, match="rows"):
            Sql(filled, statement, HASHED).change(Change("x@one.example", "nobody", "new", "old", 1))
    with pytest.raises(BackendAway, match="no row"):
        Sql(filled, OWN, HASHED).change(Change("x@one.example", "ann", "new", "old"))
    with filled.begin() as rows:
        rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 2).values(username=ODD[:60]))
    statement = "UPDATE account SET password_hash = :hash WHERE username = :login"
    with pytest.raises(BackendAway, match="0 rows"):
        Sql(filled, statement, HASHED).change(Change("x@one.example", "' OR 1=1 --", "new"))
    assert hashes(filled) == ["{X}old", "{X}old"]


def test_a_statement_that_sql_refuses_changes_nothing_and_tells_no_password(filled: Engine) -> None:
    with pytest.raises(BackendAway) as found:
        Sql(filled, "UPDATE nothing SET x = :hash WHERE y = :login", HASHED).change(Change("a@b", "ann", "secret new"))
    assert "secret" not in str(found.value) and "$6$" not in str(found.value)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM account WHERE username = :login",
        "UPDATE account SET password_hash = :password WHERE username = :login",
        "UPDATE account SET password_hash = :hash",
        "UPDATE account SET x = 1 WHERE username = :login",
        "SELECT :hash, :login",
    ],
)
def test_other_statements_are_refused_at_the_start(statement: str) -> None:
    with pytest.raises(ValueError, match=r"statement|parameters"):
        checked(statement)


def test_a_look_prepares_the_statement_and_changes_nothing(filled: Engine) -> None:
    every = "UPDATE account SET password_hash = :hash WHERE username = :local AND account_id = :number"
    for statement in (OWN, every, f"{OWN};"):
        assert Sql(filled, statement, HASHED).look().startswith(filled.dialect.name.replace("mysql", "m"))
    for wrong in ("UPDATE account SET hash = :hash WHERE login = :login", "UPDATE none SET hash=:hash WHERE y=:login"):
        with pytest.raises(BackendAway) as found:
            Sql(filled, wrong, HASHED).look()
        assert "hash" in str(found.value) or "none" in str(found.value)
    assert hashes(filled) == ["{X}old", "{X}old"]


def test_a_look_tells_that_the_database_is_away(tmp_path: Path) -> None:
    with pytest.raises(BackendAway, match="unable to open"):
        Sql(create_engine(f"sqlite:///{tmp_path}/none/x.db"), OWN, HASHED).look()
