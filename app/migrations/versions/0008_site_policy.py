"""site policy: whether a site's accounts may forward mail elsewhere, and its administrators set passwords anew"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = (("forward_outside", sa.true()), ("reset_passwords", sa.false()))


def upgrade() -> None:
    for name, usual in COLUMNS:
        op.add_column("site", sa.Column(name, sa.Boolean, nullable=False, server_default=usual))


def downgrade() -> None:
    for name, _ in COLUMNS:
        op.drop_column("site", name)
