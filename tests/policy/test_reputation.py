"""What a filter learnt is forgotten for one person and one sender; in the filter's own spelling."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.policy.errors import PolicyAway
from app.policy.reputation import as_kept, forget
from tests.directory.filling import run

TABLE = "CREATE TABLE txrep (username varchar(100) NOT NULL, email varchar(255) NOT NULL, ip varchar(40) NOT NULL)"
USUAL = dict.fromkeys(("mysql", "mariadb"), " DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_general_ci")  # é is e there


def test_a_row_of_each_network_goes_and_no_other(engine: Engine) -> None:
    row = "INSERT INTO txrep (username, email, ip) VALUES"
    told = [("me@one.example", "x@y.example"), ("sales@one.example", "x@y.example")]
    rest = [(who, "x@y.example") for who in ("bob@one.example", "m\u00e9@one.example", "GLOBAL")]
    rest.append(("me@one.example", "xx@y.example"))
    lines = [f"{row} ('{who}', '{sender}', '{ip}')" for who, sender in told + rest for ip in ("192.0", "none")]
    run(engine, TABLE + USUAL.get(engine.dialect.name, ""), *lines)
    try:
        assert forget(engine, "txrep", ["Me@one.example", "sales@one.example"], "X@Y.example") == 4
        with engine.connect() as connection:
            left = connection.exec_driver_sql("SELECT DISTINCT username, email FROM txrep").all()
        assert sorted(map(tuple, left)) == sorted(rest)
    finally:
        run(engine, "DROP TABLE txrep")


def test_without_the_table_it_says_so(engine: Engine) -> None:
    with pytest.raises(PolicyAway):
        forget(engine, "awl", ["me@one.example"], "x@y.example")


def test_the_filter_s_spelling() -> None:
    assert as_kept("O'Neil;\"|!@Y.Example") == "o_neil____@y.example"
