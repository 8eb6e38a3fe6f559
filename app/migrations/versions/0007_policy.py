"""policy: what is allowed, denied and delayed, settings of the mail intake, and who changed them"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


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


def long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def column(name: str, kind: Any, default: Any = None) -> sa.Column[Any]:
    """A column that must hold something."""
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    _policy_rule()
    _host_block()
    _grey_triplet()
    _settings()
    _action_log()


def _policy_rule() -> None:
    op.create_table(
        "policy_rule",
        sa.Column("rule_id", sa.Integer, primary_key=True),
        column("scope_rank", sa.SmallInteger()),
        column("scope_id", ascii_key(700)),
        column("action", ascii_key(8)),
        column("kind", sa.SmallInteger()),
        column("value", key(320)),
        column("locked", sa.Boolean(), sa.false()),
        column("origin", sa.String(8), "user"),
        sa.Column("note", sa.String(120)),
        column("created_at", sa.DateTime()),
        column("created_by", ascii_key(700), ""),
        sa.Column("expires_at", sa.DateTime),
        column("hits", sa.Integer(), "0"),
        sa.UniqueConstraint("scope_rank", "scope_id", "kind", "value", "action", name="uq_policy_rule"),
        sa.CheckConstraint("action IN ('deny', 'allow', 'nogrey')", name="ck_policy_rule_action"),
        sa.CheckConstraint("origin IN ('user', 'admin', 'import', 'auto')", name="ck_policy_rule_origin"),
        sa.Index("ix_policy_rule_kind_value_scope_rank", "kind", "value", "scope_rank"),
        **OPTIONS,
    )


def _host_block() -> None:
    op.create_table(
        "host_block",
        column("ip", ascii_key(45)),
        column("reason", sa.String(120)),
        column("added_at", sa.DateTime()),
        column("expires_at", sa.DateTime()),
        column("hits", sa.Integer(), "0"),
        sa.PrimaryKeyConstraint("ip", name="pk_host_block"),
        sa.Index("ix_host_block_expires_at", "expires_at"),
        **OPTIONS,
    )


def _grey_triplet() -> None:
    op.create_table(
        "grey_triplet",
        column("net", ascii_key(45)),
        column("mark", ascii_key(32)),
        column("sender", sa.String(320)),
        column("rcpt", sa.String(320)),
        column("first_seen", sa.DateTime()),
        column("last_seen", sa.DateTime()),
        column("tries", sa.SmallInteger(), "1"),
        sa.Column("passed_at", sa.DateTime),
        sa.PrimaryKeyConstraint("net", "mark", name="pk_grey_triplet"),
        sa.Index("ix_grey_triplet_last_seen", "last_seen"),
        **OPTIONS,
    )


def _settings() -> None:
    op.create_table(
        "policy_setting",
        column("scope_rank", sa.SmallInteger()),
        column("scope_id", ascii_key(700)),
        column("name", ascii_key(50)),
        column("value", sa.String(255)),
        column("locked", sa.Boolean(), sa.false()),
        column("updated_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("scope_rank", "scope_id", "name", name="pk_policy_setting"),
        **OPTIONS,
    )
    op.create_table(
        "spam_pref",
        sa.Column("prefid", sa.Integer, primary_key=True),
        column("scope_rank", sa.SmallInteger()),
        column("scope_id", ascii_key(700)),
        column("preference", ascii_key(50)),
        column("value", key(255)),
        sa.UniqueConstraint("scope_rank", "scope_id", "preference", "value", name="uq_spam_pref"),
        **OPTIONS,
    )


def _action_log() -> None:
    op.create_table(
        "action_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        column("at", sa.DateTime()),
        column("actor_id", ascii_key(700)),
        column("account_id", ascii_key(700), ""),
        column("site", ascii_key(700), ""),
        column("verb", ascii_key(40)),
        column("target", sa.String(320)),
        sa.Column("detail", long_text()),
        column("ip", ascii_key(45), ""),
        sa.Column("undone_by", sa.BigInteger),
        sa.Index("ix_action_log_site_at", "site", "at"),
        sa.Index("ix_action_log_account_id_at", "account_id", "at"),
        **OPTIONS,
    )


def downgrade() -> None:
    for table in ("action_log", "spam_pref", "policy_setting", "grey_triplet", "host_block", "policy_rule"):
        op.drop_table(table)
