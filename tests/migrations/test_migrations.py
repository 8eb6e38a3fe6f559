"""The migrations make what the program's tables say, on each database, forth and back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from app.blocklog.tables import Base as Blocklog
from app.directory.engine import open_engine
from app.directory.tables import Base
from app.migrations import FOLDER, current, missing_migrations
from app.migrations.change import downgrade, upgrade
from app.outbox.tables import Base as Outbox
from app.policy.tables import Base as Policy
from app.profile.tables import Base as Profile
from tests.databases import MariaDB, PostgreSQL

SERVERS = {"postgresql": PostgreSQL, "mariadb": MariaDB}
TABLES = {"site", "domain", "mail_server", "account", "address", "outbox"}
TABLES |= {"setting", "identity", "canned_text", "contact", "recipient", "recipient_word"}
TABLES |= {"block_log", "recent_mail", "mail_fate", "host_profile", "last_use", "ingest_source", "odd_line", "learnt"}
TABLES |= {
    "policy_rule",
    "host_block",
    "grey_triplet",
    "policy_setting",
    "spam_pref",
    "action_log",
    "away",
    "away_answer",
}
ALL = [Base.metadata, Outbox.metadata, Profile.metadata, Blocklog.metadata, Policy.metadata]


@pytest.fixture(
    scope="module",
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.databases),
        pytest.param("mariadb", marks=pytest.mark.databases),
    ],
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/x.db", timeout=None)
        yield engine
        engine.dispose()
        return
    with SERVERS[request.param]() as server:
        engine = open_engine(server.new_database(), timeout=None)
        yield engine
        engine.dispose()


def test_the_migrations_make_the_program_s_tables_and_take_them_away_again(engine: Engine) -> None:
    assert current(engine) is None
    missing = missing_migrations(engine)
    assert missing[0].startswith("0001 directory")
    assert upgrade(engine) == missing
    assert missing_migrations(engine) == [] and upgrade(engine) == []
    assert _tables(engine) == TABLES | {"alembic_version"}
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": lambda name, kind, _: kind != "table" or name in TABLES}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, ALL) == []
    downgrade(engine)
    assert _tables(engine) == {"alembic_version"}
    assert missing_migrations(engine) == missing


def _tables(engine: Engine) -> set[str]:
    """The tables of a database without PostgreSQL's partitions, which are tables too."""
    partitions = set()
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            partitions = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition")))
    return set(inspect(engine).get_table_names()) - partitions


def test_the_partitions_of_a_new_database_take_rows_of_any_time(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        for at in ("1970-01-01 00:00:00", "2026-11-23 00:00:00", "2038-01-19 03:14:08"):
            row = f"('a', '{at}', 1, '', 1, 1, 1)"
            columns = "account_id, blocked_at, id, site, policy, outcome, source_id"
            connection.execute(text(f"INSERT INTO block_log ({columns}) VALUES {row}"))
        assert connection.scalar(text("SELECT count(*) FROM block_log")) == 3
    downgrade(engine)


def test_the_names_of_the_files_are_in_the_order_of_the_migrations(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    chain = [each.revision for each in ScriptDirectory(str(FOLDER)).walk_revisions()][::-1]
    assert [name.partition(" ")[0] for name in missing_migrations(engine)] == chain
    engine.dispose()


def test_constraints_of_the_tables_are_the_same_as_those_of_the_migrations(engine: Engine) -> None:
    """`compare_metadata` looks neither at checks nor, alike on all databases, at defaults."""
    upgrade(engine)
    migrated = _constraints(engine)
    downgrade(engine)
    for metadata in ALL:
        metadata.create_all(engine)
    assert _constraints(engine) == migrated and migrated["account"]
    for metadata in ALL:
        metadata.drop_all(engine)


def _constraints(engine: Engine) -> dict[str, list[str]]:
    look = inspect(engine)
    return {
        table: sorted(
            str(sorted(each.items(), key=str))
            for what in ("columns", "check_constraints", "unique_constraints", "foreign_keys", "indexes")
            for each in getattr(look, f"get_{what}")(table)
        )
        for table in TABLES
    }


def test_two_who_migrate_at_the_same_time_do_not_hurt_each_other(engine: Engine) -> None:
    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(upgrade, engine) for _ in range(2)]:
            done.result(60)
    assert missing_migrations(engine) == []
    downgrade(engine)


def test_keys_are_compared_byte_by_byte(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        for name in ("a", "A", "ä", "b"):
            connection.execute(text("INSERT INTO site (name, primary_domain) VALUES (:n, 'x.example')"), {"n": name})
        ordered = [name for (name,) in connection.execute(text("SELECT name FROM site ORDER BY name"))]
    assert ordered == ["A", "a", "b", "ä"]
    downgrade(engine)


def test_a_database_ahead_of_the_program_lacks_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert missing_migrations(engine) == []
    engine.dispose()


def test_a_migration_that_fails_leaves_no_half_table_where_the_database_can_undo_it(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE account (a INTEGER)"))
    with pytest.raises(Exception, match="account"):
        upgrade(engine)
    assert set(inspect(engine).get_table_names()) == {"account"}
    assert len(missing_migrations(engine)) >= 1
    engine.dispose()


def test_rows_and_keys_survive_as_sqlite_s_tables_are_made_anew(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.db", timeout=None)
    upgrade(engine)
    downgrade(engine, "0010")
    lines = [
        "INSERT INTO site (site_id, name, primary_domain) VALUES (3, 'one', 'one.example')",
        "INSERT INTO domain (domain_id, name, site_id) VALUES (4, 'one.example', 3)",
        "INSERT INTO mail_server (server_id, name, imap_host) VALUES (7, 'mx', 'imap.one.example')",
        "INSERT INTO account (account_id, site_id, username, kind, server_id, login)"
        " VALUES (5, 3, 'ann', 'mailbox', 7, 'box1')",
        "INSERT INTO address (address_id, site_id, local, account_id) VALUES (6, 3, 'sales', 5)",
        "INSERT INTO action_log (at, actor_id, account_id, site, verb, target, ip)"
        " VALUES ('2026-01-01', '5', '41', '3', 'account-add', 'gone@one.example', '')",
    ]
    with engine.begin() as connection:
        for line in lines:
            connection.exec_driver_sql(line)
    before = _rows(engine)
    upgrade(engine)
    now = _rows(engine)  # with the columns of later migrations
    assert {table: [row | was for row, was in zip(now[table], before[table], strict=True)] for table in now} == now
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO account (site_id, username, kind) VALUES (3, 'bob', 'forward')")
        assert connection.scalar(text("SELECT max(account_id) FROM account")) == 42, "past one that a log names"
        for line in ("DELETE FROM account WHERE account_id = 5", "DELETE FROM mail_server"):
            with pytest.raises(IntegrityError), connection.begin_nested():
                connection.exec_driver_sql(line)
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    downgrade(engine, "0011")
    upgrade(engine)
    assert [each["username"] for each in _rows(engine)["account"]] == ["ann", "bob"]
    engine.dispose()


def _rows(engine: Engine) -> dict[str, list[dict[str, object]]]:
    with engine.connect() as connection:
        return {
            table: [dict(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).mappings()]
            for table in ("site", "domain", "mail_server", "account", "address")
        }
