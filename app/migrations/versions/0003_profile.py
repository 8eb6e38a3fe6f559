"""profile: settings, identities, contacts and recipients"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
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


def long_text() -> sa.types.TypeEngine[str]:
    """MariaDB's TEXT ends at 64 KB."""
    return sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def column(name: str, kind: sa.types.TypeEngine[Any], default: Any = None) -> sa.Column[Any]:
    """A column that must hold something."""
    return sa.Column(name, kind, nullable=False, server_default=default)


def upgrade() -> None:
    _settings_and_identities()
    _contacts()
    _recipients()


def _settings_and_identities() -> None:
    op.create_table(
        "setting",
        column("account_id", key(700)),
        column("name", key(60)),
        column("value", long_text()),
        sa.PrimaryKeyConstraint("account_id", "name", name="pk_setting"),
        **OPTIONS,
    )
    op.create_table(
        "identity",
        column("identity_id", key(32)),
        column("account_id", key(700)),
        column("name", sa.String(200)),
        column("address", sa.String(254)),
        column("reply_to", sa.String(254)),
        column("signature_text", long_text()),
        column("signature_html", long_text()),
        column("is_default", sa.Boolean(), sa.false()),
        sa.PrimaryKeyConstraint("identity_id", name="pk_identity"),
        sa.Index("ix_identity_account_id", "account_id"),
        **OPTIONS,
    )


def _contacts() -> None:
    op.create_table(
        "contact",
        column("contact_id", key(32)),
        column("account_id", key(700)),
        column("name", sa.String(200)),
        column("sort", key(60)),
        column("note", long_text()),
        column("labels", long_text()),
        column("sought", long_text()),
        sa.Column("card", long_text()),
        column("changed", sa.BigInteger()),
        sa.PrimaryKeyConstraint("contact_id", name="pk_contact"),
        sa.Index("ix_contact_account_id_sort", "account_id", "sort"),
        **OPTIONS,
    )


def _recipients() -> None:
    op.create_table(
        "recipient",
        column("recipient_id", key(32)),
        column("account_id", key(700)),
        sa.Column("contact_id", key(32)),
        column("position", sa.Integer(), "0"),
        column("name", sa.String(200)),
        column("address", sa.String(254)),
        column("mark", key(32)),
        column("times", sa.Integer(), "0"),
        column("last_used", sa.BigInteger(), "0"),
        sa.PrimaryKeyConstraint("recipient_id", name="pk_recipient"),
        sa.Index("ix_recipient_contact_id", "contact_id"),
        sa.Index("ix_recipient_account_id_mark", "account_id", "mark"),
        **OPTIONS,
    )
    op.create_table(
        "recipient_word",
        column("recipient_id", key(32)),
        column("word", key(60)),
        column("account_id", key(700)),
        sa.PrimaryKeyConstraint("recipient_id", "word", name="pk_recipient_word"),
        sa.Index("ix_recipient_word_account_id_word", "account_id", "word"),
        **OPTIONS,
    )


def downgrade() -> None:
    for name in ("recipient_word", "recipient", "contact", "identity", "setting"):
        op.drop_table(name)
