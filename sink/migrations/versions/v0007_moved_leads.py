"""Adds an index for the leads that were moved from a rep (M1)."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index(
        "ix_assignment_history_previous", "assignment_history", ["previous_rep_id", "assigned_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_assignment_history_previous", "assignment_history")
