"""Adds indexes that find what an org did since an instant without reading what was before it."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_lead_org_arrived", "lead", ["org", "arrived_at"])
    op.create_index("ix_assignment_history_org_assigned", "assignment_history", ["org", "assigned_at"])
    op.create_index("ix_decision_type_decided", "decision", ["type", "decided_at"])


def downgrade() -> None:
    op.drop_index("ix_decision_type_decided", "decision")
    op.drop_index("ix_assignment_history_org_assigned", "assignment_history")
    op.drop_index("ix_lead_org_arrived", "lead")
