"""learnt: what filters learnt of mail that was moved into the folder of spam and out of it"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def ascii_key(length: int) -> sa.types.TypeEngine[str]:
    """Compared byte by byte on every database; ASCII, of which an index of MariaDB's holds more."""
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    )


def upgrade() -> None:
    op.create_table(
        "learnt",
        sa.Column("account_id", ascii_key(700), nullable=False),
        sa.Column("learnt_at", sa.DateTime, nullable=False),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("site", ascii_key(700), nullable=False),
        sa.Column("spam", sa.Boolean, nullable=False),
        sa.Column("lesson", sa.SmallInteger, nullable=False),
        sa.Column("message_id", sa.String(250)),
        sa.PrimaryKeyConstraint("account_id", "learnt_at", "id", name="pk_learnt"),
        sa.Index("ix_learnt_learnt_at", "learnt_at"),
        sa.Index("ix_learnt_site_learnt_at", "site", "learnt_at"),
        sqlite_with_rowid=False,
        **OPTIONS,
    )


def downgrade() -> None:
    op.drop_table("learnt")
