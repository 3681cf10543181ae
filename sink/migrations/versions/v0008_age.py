"""Adds columns of the lead table for how old a lead is for its owner (M4)."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "in_queue_since": INSTANT,
    "owner_last_contacted_at": INSTANT,
    "owner_left": sa.Boolean(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("lead", sa.Column(name, kind, nullable=True))
    # The journal is read again, as in 0002, and every lead row takes the columns from the version it has.
    op.execute("UPDATE sink_offset SET next_offset = 0, mark = -1")


def downgrade() -> None:
    with op.batch_alter_table("lead") as lead:
        for name in reversed(COLUMNS):
            lead.drop_column(name)
