"""outbox: mails on their way"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
STATES = "'queued', 'claimed', 'in_data', 'accepted', 'filed', 'done', 'cancelled', 'refused', 'unknown'"


def key(length: int) -> sa.types.TypeEngine[str]:
    """Compared byte by byte on every database."""
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def column(name: str, kind: sa.types.TypeEngine[Any], default: str | None = None) -> sa.Column[Any]:
    """A column that must hold something."""
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("outbox_id", key(32), nullable=False),
        column("account_id", key(700)),
        column("state", sa.String(12)),
        column("due", sa.BigInteger()),
        sa.Column("until", sa.BigInteger),
        sa.Column("owner", sa.String(120)),
        column("fence", sa.Integer(), "0"),
        column("tries", sa.Integer(), "0"),
        column("reason", sa.String(20), ""),
        sa.Column("last_reply", sa.Text),
        sa.Column("refusals", sa.Text),
        column("message_id", sa.String(998)),
        column("size", sa.BigInteger()),
        column("sha256", sa.String(64)),
        column("letter", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")),
        column("account", sa.Text()),
        sa.Column("credential", sa.LargeBinary),
        column("created", sa.BigInteger()),
        column("changed", sa.BigInteger()),
        sa.PrimaryKeyConstraint("outbox_id", name="pk_outbox"),
        sa.Index("ix_outbox_until", "until"),
        sa.Index("ix_outbox_account_id", "account_id"),
        sa.CheckConstraint(f"state IN ({STATES})", name="ck_outbox_state"),
        **OPTIONS,
    )


def downgrade() -> None:
    op.drop_table("outbox")
