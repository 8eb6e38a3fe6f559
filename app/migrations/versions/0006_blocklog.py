"""blocklog: mail that was stopped and accepted, in weekly partitions where there are any, and how far logs are read"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
# Before this there are no logs. On PostgreSQL the partitions for what is older than all weeks, and for what is newer
# than all, meet here until the first weeks are made.
FIRST = "2000-01-03"


def key(length: int) -> sa.types.TypeEngine[str]:
    """Compared byte by byte on every database."""
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def ascii_key(length: int) -> sa.types.TypeEngine[str]:
    """The same for ASCII, of which an index of MariaDB's holds more."""
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    )


def column(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    """A column that must hold something."""
    return sa.Column(name, kind, nullable=False, server_default=default)


def weekly(by: str) -> dict[str, Any]:
    cut = f"RANGE COLUMNS({by}) (PARTITION later VALUES LESS THAN (MAXVALUE))"
    return {
        "sqlite_with_rowid": False,
        "postgresql_partition_by": f"RANGE ({by})",
        **{f"{dialect}_partition_by": cut for dialect in ("mysql", "mariadb")},
    }


def upgrade() -> None:
    _block_log()
    _recent_mail()
    if op.get_bind().dialect.name == "postgresql":
        for table in ("block_log", "recent_mail"):
            for name, start, end in (("before", "MINVALUE", f"'{FIRST}'"), ("later", f"'{FIRST}'", "MAXVALUE")):
                bounds = f"FOR VALUES FROM ({start}) TO ({end})"
                op.execute(f"CREATE TABLE {table}_{name} PARTITION OF {table} {bounds}")
    _mail_fate()
    _host_profile()
    _last_use()
    _ingest_source()
    _odd_line()
    op.add_column("site", sa.Column("log_days", sa.Integer))


def _block_log() -> None:
    op.create_table(
        "block_log",
        column("account_id", ascii_key(700)),
        column("blocked_at", sa.DateTime()),
        column("id", sa.BigInteger()),
        column("site", ascii_key(700)),
        column("policy", sa.SmallInteger()),
        column("outcome", sa.SmallInteger()),
        column("stage", sa.SmallInteger(), "0"),
        column("rcpts_known", sa.SmallInteger(), "1"),
        sa.Column("smtp_code", sa.SmallInteger),
        sa.Column("dsn", sa.String(11)),
        sa.Column("score", sa.Numeric(7, 2)),
        sa.Column("detail", sa.String(80)),
        sa.Column("rule_id", sa.Integer),
        column("client_ip", ascii_key(45), ""),
        column("client_name", sa.String(253), ""),
        column("helo", sa.String(253), ""),
        column("sender_local", sa.String(255), ""),
        column("sender_domain", key(253), ""),
        column("rcpt", sa.String(320), ""),
        sa.Column("subject", sa.String(200)),
        sa.Column("message_id", sa.String(250)),
        column("reason", sa.String(300), ""),
        sa.Column("queue_id", sa.String(32)),
        column("source_id", sa.SmallInteger()),
        sa.Column("stored_ref", sa.String(160)),
        sa.Column("resolved_at", sa.DateTime),
        sa.Column("resolved_how", sa.SmallInteger),
        sa.PrimaryKeyConstraint(
            "account_id", "blocked_at", "id", name="pk_block_log", postgresql_include=["policy", "outcome"]
        ),
        sa.Index("ix_block_log_site", "site", "blocked_at", "account_id", "policy", "outcome"),
        sa.Index("ix_block_log_sender_domain", "sender_domain", "blocked_at"),
        **OPTIONS,
        **weekly("blocked_at"),
    )


def _recent_mail() -> None:
    op.create_table(
        "recent_mail",
        column("account_id", ascii_key(700)),
        column("received_at", sa.DateTime()),
        column("id", sa.BigInteger()),
        column("site", ascii_key(700)),
        column("outcome", sa.SmallInteger()),
        sa.Column("score", sa.Numeric(7, 2)),
        sa.Column("size", sa.BigInteger),
        column("client_ip", ascii_key(45), ""),
        column("client_name", sa.String(253), ""),
        column("sender_local", sa.String(255), ""),
        column("sender_domain", key(253), ""),
        column("rcpt", sa.String(320), ""),
        column("final_rcpt", sa.String(320), ""),
        sa.Column("message_id", sa.String(250)),
        sa.Column("reply", sa.String(255)),
        sa.Column("queue_id", sa.String(32)),
        column("source_id", sa.SmallInteger()),
        sa.PrimaryKeyConstraint(
            "account_id", "received_at", "id", name="pk_recent_mail", postgresql_include=["outcome"]
        ),
        sa.Index("ix_recent_mail_site", "site", "received_at", "account_id", "outcome"),
        **OPTIONS,
        **weekly("received_at"),
    )


def _mail_fate() -> None:
    op.create_table(
        "mail_fate",
        column("account_id", ascii_key(700)),
        column("mark", ascii_key(32)),
        column("rcpt", key(320)),
        column("fate", sa.SmallInteger()),
        column("server", sa.String(253), ""),
        column("reply", sa.String(300), ""),
        sa.Column("dsn", sa.String(11)),
        column("changed_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("account_id", "mark", "rcpt", name="pk_mail_fate"),
        sa.Index("ix_mail_fate_changed_at", "changed_at"),
        **OPTIONS,
    )


def _host_profile() -> None:
    counts = ("reverse_ok", "helo_ok", "quit", "bad_from", "bad_rcpt", "ok_rcpt", "dnsbl_block")
    op.create_table(
        "host_profile",
        column("ip", ascii_key(45)),
        column("cnxn_count", sa.Integer(), "0"),
        column("cnxn_first", sa.DateTime()),
        column("cnxn_last", sa.DateTime()),
        *(column(f"{name}_count", sa.Integer(), "0") for name in counts),
        sa.Column("last_dnsbl_time", sa.DateTime),
        sa.Column("last_dnsbl", sa.String(80)),
        sa.PrimaryKeyConstraint("ip", name="pk_host_profile"),
        sa.Index("ix_host_profile_cnxn_last", "cnxn_last"),
        **OPTIONS,
    )


def _last_use() -> None:
    op.create_table(
        "last_use",
        column("account_id", ascii_key(700)),
        column("site", ascii_key(700)),
        *(sa.Column(name, sa.DateTime) for name in ("imap", "pop3", "smtp", "web")),
        sa.PrimaryKeyConstraint("account_id", name="pk_last_use"),
        **OPTIONS,
    )


def _ingest_source() -> None:
    op.create_table(
        "ingest_source",
        sa.Column("source_id", sa.SmallInteger, nullable=False),
        column("node", key(80)),
        column("path", key(255)),
        column("format", sa.String(20)),
        column("zone", sa.String(40), "UTC"),
        sa.Column("inode", sa.BigInteger),
        sa.Column("head_hash", sa.LargeBinary().with_variant(mysql.VARBINARY(32), "mysql", "mariadb")),
        sa.Column("head_length", sa.Integer),
        column("byte_pos", sa.BigInteger(), "0"),
        column("next_seq", sa.BigInteger(), "1"),
        sa.Column("last_at", sa.DateTime),
        sa.Column("state", sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")),
        sa.Column("seen_at", sa.DateTime),
        column("owner", sa.String(120), ""),
        *(column(name, sa.BigInteger(), "0") for name in ("lines", "rows", "odd_lines")),
        column("gaps", sa.Integer(), "0"),
        sa.PrimaryKeyConstraint("source_id", name="pk_ingest_source"),
        sa.Index("ux_ingest_source_node_path", "node", "path", unique=True),
        **OPTIONS,
    )


def _odd_line() -> None:
    op.create_table(
        "odd_line",
        column("source_id", sa.SmallInteger()),
        column("mark", ascii_key(32)),
        column("why", sa.String(80)),
        column("example", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")),
        column("times", sa.BigInteger(), "1"),
        column("last_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("source_id", "mark", name="pk_odd_line"),
        **OPTIONS,
    )


def downgrade() -> None:
    op.drop_column("site", "log_days")
    tables = ("odd_line", "ingest_source", "last_use", "host_profile", "mail_fate", "recent_mail", "block_log")
    for table in tables:
        op.drop_table(table)
