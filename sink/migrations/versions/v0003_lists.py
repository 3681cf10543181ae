"""Adds indexes for the lists that people page through."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index("ix_lead_org", "lead", ["org"])
    op.create_index("ix_lead_org_owner_created", "lead", ["org", "owner", "created_at"])
    op.create_index("ix_lead_exception_org", "lead_exception", ["org"])
    op.create_index("ix_assignment_org_assigned", "assignment", ["org", "assigned_at"])


def downgrade() -> None:
    op.drop_index("ix_assignment_org_assigned", "assignment")
    op.drop_index("ix_lead_exception_org", "lead_exception")
    op.drop_index("ix_lead_org_owner_created", "lead")
    op.drop_index("ix_lead_org", "lead")
