"""directory: sites, domains, mail servers, accounts, addresses"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
SECURITY = "IN ('tls', 'starttls', 'plain')"


def key(length: int) -> sa.types.TypeEngine[str]:
    """Compared byte by byte on every database."""
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")
    )


def column(
    name: str, kind: sa.types.TypeEngine[str] | sa.types.TypeEngine[int], default: str | None = None
) -> sa.Column[Any]:
    """A column that must hold something."""
    return sa.Column(name, kind, nullable=False, server_default=default)


def enabled() -> sa.Column[bool]:
    return sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true())


def upgrade() -> None:
    _site()
    _domain()
    _mail_server()
    _account()
    _address()


def _site() -> None:
    op.create_table(
        "site",
        sa.Column("site_id", sa.Integer, primary_key=True),
        column("name", key(80)),
        column("primary_domain", key(253)),
        column("time_zone", sa.String(40), "UTC"),
        column("locale", sa.String(12), "en"),
        sa.Column("brand", key(40)),
        sa.Column("junk_pattern", sa.String(80)),
        enabled(),
        sa.UniqueConstraint("name", name="uq_site_name"),
        **OPTIONS,
    )


def _domain() -> None:
    op.create_table(
        "domain",
        sa.Column("domain_id", sa.Integer, primary_key=True),
        column("name", key(253)),
        sa.Column("site_id", sa.Integer, sa.ForeignKey("site.site_id", name="fk_domain_site_id"), nullable=False),
        enabled(),
        sa.UniqueConstraint("name", name="uq_domain_name"),
        sa.Index("ix_domain_site_id", "site_id"),
        **OPTIONS,
    )


def _mail_server() -> None:
    op.create_table(
        "mail_server",
        sa.Column("server_id", sa.Integer, primary_key=True),
        column("name", key(80)),
        column("imap_host", sa.String(253)),
        column("imap_port", sa.Integer(), "993"),
        column("imap_security", sa.String(8), "tls"),
        sa.Column("submission_host", sa.String(253)),
        sa.Column("submission_port", sa.Integer),
        sa.Column("submission_security", sa.String(8)),
        sa.Column("sieve_host", sa.String(253)),
        sa.Column("sieve_port", sa.Integer),
        sa.Column("sieve_security", sa.String(8)),
        sa.Column("tls_name", sa.String(253)),
        sa.Column("tls_ca", sa.Text),
        sa.Column("tls_sha256", sa.String(64)),
        column("state", sa.String(8), "up"),
        sa.UniqueConstraint("name", name="uq_mail_server_name"),
        sa.CheckConstraint(f"imap_security {SECURITY}", name="ck_mail_server_imap_security"),
        *(
            sa.CheckConstraint(f"{each} IS NULL OR {each} {SECURITY}", name=f"ck_mail_server_{each}")
            for each in ("submission_security", "sieve_security")
        ),
        sa.CheckConstraint("state IN ('up', 'drain', 'moving', 'down')", name="ck_mail_server_state"),
        **OPTIONS,
    )


def _account() -> None:
    op.create_table(
        "account",
        sa.Column("account_id", sa.Integer, primary_key=True),
        sa.Column("site_id", sa.Integer, sa.ForeignKey("site.site_id", name="fk_account_site_id"), nullable=False),
        column("username", key(64)),
        column("kind", sa.String(8), "mailbox"),
        sa.Column("server_id", sa.Integer, sa.ForeignKey("mail_server.server_id", name="fk_account_server_id")),
        sa.Column("login", sa.String(255)),
        sa.Column("forward_to", sa.Text),
        column("role", sa.String(12), "user"),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("display_name", sa.String(120)),
        sa.Column("time_zone", sa.String(40)),
        sa.Column("locale", sa.String(12)),
        enabled(),
        sa.UniqueConstraint("site_id", "username", name="uq_account_site_id_username"),
        sa.Index("ix_account_server_id_login", "server_id", "login"),
        sa.CheckConstraint("kind IN ('mailbox', 'forward', 'both')", name="ck_account_kind"),
        sa.CheckConstraint("role IN ('user', 'site_admin', 'isp_admin')", name="ck_account_role"),
        **OPTIONS,
    )


def _address() -> None:
    op.create_table(
        "address",
        sa.Column("address_id", sa.Integer, primary_key=True),
        sa.Column("site_id", sa.Integer, sa.ForeignKey("site.site_id", name="fk_address_site_id"), nullable=False),
        column("local", key(64)),
        column("domain_id", sa.Integer(), "0"),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.account_id", name="fk_address_account_id")),
        sa.Column("forward_to", sa.Text),
        enabled(),
        sa.UniqueConstraint("site_id", "local", "domain_id", name="uq_address_site_id_local_domain_id"),
        sa.Index("ix_address_account_id", "account_id"),
        **OPTIONS,
    )


def downgrade() -> None:
    for table in ("address", "account", "mail_server", "domain", "site"):
        op.drop_table(table)
