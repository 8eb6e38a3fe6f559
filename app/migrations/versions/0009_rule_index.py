"""rule index: with the scope in it, a value that many accounts have a rule about costs no more than any other"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BEFORE, AFTER = "ix_policy_rule_kind_value_scope_rank", "ix_policy_rule_kind_value_scope_rank_scope_id"
COLUMNS = ["kind", "value", "scope_rank", "scope_id"]


def upgrade() -> None:
    op.create_index(AFTER, "policy_rule", COLUMNS)
    op.drop_index(BEFORE, "policy_rule")


def downgrade() -> None:
    op.create_index(BEFORE, "policy_rule", COLUMNS[:3])
    op.drop_index(AFTER, "policy_rule")
