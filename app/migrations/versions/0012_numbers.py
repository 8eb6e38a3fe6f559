"""numbers: SQLite gives no number of a removed account, site, domain, mail server or address to the next one

Rules, settings and lines of logs name them by number, and must not become somebody else's. The other databases never
did that. SQLite knows it (AUTOINCREMENT) for a table that is made so only, hence made anew, children dropped first.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEYS = {"site": "site_id", "domain": "domain_id", "mail_server": "server_id", "account": "account_id",
        "address": "address_id"}  # fmt: skip
# Where numbers of accounts stand that are gone perhaps. The block log's tables are left out: they may be very large.
NAMED = ("action_log", "setting", "contact", "identity")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _made_anew(_ascending)
        _past_those_that_are_named()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _made_anew(_any)


def _ascending(sql: str, key: str) -> str:
    without = re.sub(rf",\s*(?:CONSTRAINT \w+ )?PRIMARY KEY \({key}\)", "", sql)
    wanted = f"{key} INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"
    return re.sub(rf"\b{key} INTEGER NOT NULL(?: PRIMARY KEY)?", wanted, without, count=1)


def _any(sql: str, key: str) -> str:
    return sql.replace(f"{key} INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", f"{key} INTEGER NOT NULL PRIMARY KEY", 1)


def _made_anew(written) -> None:  # type: ignore[no-untyped-def]
    """The tables with their rows and indexes, their statements changed by `written`."""
    bind = op.get_bind()
    look = sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :table AND type = :type AND sql IS NOT NULL")
    tables = {table: bind.scalars(look, {"table": table, "type": "table"}).one() for table in KEYS}
    indexes = [sql for table in KEYS for sql in bind.scalars(look, {"table": table, "type": "index"})]
    for table in reversed(KEYS):
        bind.exec_driver_sql(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM main.{table}")
        bind.exec_driver_sql(f"DROP TABLE main.{table}")
    for table, key in KEYS.items():
        bind.exec_driver_sql(written(tables[table], key))
        bind.exec_driver_sql(f"INSERT INTO main.{table} SELECT * FROM kept_{table}")
        bind.exec_driver_sql(f"DROP TABLE kept_{table}")
    for sql in indexes:
        bind.exec_driver_sql(sql)


def _past_those_that_are_named() -> None:
    bind = op.get_bind()
    digits = "account_id GLOB '[1-9]*' AND account_id NOT GLOB '*[^0-9]*' AND length(account_id) < 10"
    number = f"CASE WHEN {digits} THEN CAST(account_id AS INTEGER) ELSE 0 END"
    last = max(
        bind.exec_driver_sql(f"SELECT coalesce(max({number}), 0) FROM {table}").scalar_one()
        for table in (*NAMED, "account")
    )
    bind.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'account'")
    bind.exec_driver_sql(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('account', {int(last)})")
