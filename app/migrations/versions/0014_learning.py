"""learning: how what people of a site mark as spam reaches the filter, and where copies go"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS = (("learning", 8), ("learn_spam_to", 320), ("learn_ham_to", 320))


def upgrade() -> None:
    for name, length in COLUMNS:
        op.add_column("site", sa.Column(name, sa.String(length), nullable=True))


def downgrade() -> None:
    for name, _ in COLUMNS:
        op.drop_column("site", name)
