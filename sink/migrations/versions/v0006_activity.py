"""Adds the table of activities: what reps did with leads (M3)."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("source_partition", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("source_offset", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("n", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("rep_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("contact", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index("ix_activity_lead", "activity", ["lead_id", "source_offset"])
    op.create_index("ix_activity_org_at", "activity", ["org", "at"])


def downgrade() -> None:
    op.drop_table("activity")
