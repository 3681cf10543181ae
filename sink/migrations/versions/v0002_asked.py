"""Adds a column of the lead table for every catalogue field, so that rules can be evaluated in SQL."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
TEXTS = ("how", "via", "assigned_to", "failed", "failure_reason")


def upgrade() -> None:
    for name in TEXTS:
        op.add_column("lead", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("lead", sa.Column("deferred_at", INSTANT, nullable=True))
    op.add_column("lead", sa.Column("asked", JSON, nullable=True))
    # Only the journal has the values of the new columns. So it is read again, and every lead row takes them from the
    # version it has (`sink.statements`). All other rows exist already and stay.
    op.execute("UPDATE sink_offset SET next_offset = 0, mark = -1")


def downgrade() -> None:
    with op.batch_alter_table("lead") as lead:
        for name in ("asked", "deferred_at", *reversed(TEXTS)):
            lead.drop_column(name)
