"""allowance: messages and recipients that an account of a site may send in an hour"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = ("messages_per_hour", "recipients_per_hour")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("site", sa.Column(name, sa.Integer))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("site", name)
