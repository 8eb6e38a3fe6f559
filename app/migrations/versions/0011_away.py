"""away: what a mail exchanger answers out of SQL, where mail servers keep no scripts, and whom it answered"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
CHECK = "vacation IN ('sieve', 'sql')"
NAME = "ck_mail_server_vacation"


def ascii_key(length: int) -> sa.types.TypeEngine[str]:
    """Compared byte by byte on every database."""
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
    )


def long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    _vacation()
    op.create_table(
        "away",
        sa.Column("account_id", ascii_key(700), primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("subject", sa.String(500), nullable=False, server_default=""),
        sa.Column("answer", long_text(), nullable=False),
        sa.Column("days", sa.SmallInteger, nullable=False, server_default="7"),
        sa.Column("starts_at", sa.DateTime),
        sa.Column("ends_at", sa.DateTime),
        sa.Column("zone", sa.String(40), nullable=False, server_default="UTC"),
        sa.Column("contacts", long_text()),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        **OPTIONS,
    )
    op.create_table(
        "away_answer",
        sa.Column("account_id", ascii_key(700), primary_key=True),
        sa.Column("mark", ascii_key(32), primary_key=True),
        sa.Column("answered_at", sa.DateTime, nullable=False),
        **OPTIONS,
    )
    op.create_index("ix_away_answer_answered_at", "away_answer", ["answered_at"])


def _vacation() -> None:
    if op.get_bind().dialect.name == "sqlite":  # which adds no constraint later
        kind = f"VARCHAR(8) DEFAULT 'sieve' NOT NULL CONSTRAINT {NAME} CHECK ({CHECK})"
        op.execute(f"ALTER TABLE mail_server ADD COLUMN vacation {kind}")
        return
    op.add_column("mail_server", sa.Column("vacation", sa.String(8), nullable=False, server_default="sieve"))
    op.create_check_constraint(NAME, "mail_server", CHECK)


def downgrade() -> None:
    op.drop_table("away_answer")
    op.drop_table("away")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(NAME, "mail_server", type_="check")
    op.drop_column("mail_server", "vacation")
