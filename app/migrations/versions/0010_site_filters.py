"""site filters: who may forward through the directory, and where else filters and answers are set"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site", sa.Column("forward_here", sa.Boolean, nullable=False, server_default=sa.false()))
    for name in ("filters_page", "filters_words"):
        op.add_column("site", sa.Column(name, sa.String(300), nullable=True))


def downgrade() -> None:
    for name in ("forward_here", "filters_page", "filters_words"):
        op.drop_column("site", name)
