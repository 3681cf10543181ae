"""Adds the table of calls: what happened to each leg of each call (N4). The sink fills it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "call",
        sa.Column("call_id", sa.Text(), primary_key=True),
        sa.Column("leg", sa.Text(), primary_key=True),
        sa.Column("at", INSTANT, primary_key=True),
        sa.Column("event", sa.Text(), primary_key=True),
        sa.Column("notification_id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("rep_id", sa.Text(), nullable=False),
        sa.Column("digit", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("system", sa.Text(), nullable=True),
    )
    op.create_index("ix_call_lead", "call", ["lead_id", "at"])


def downgrade() -> None:
    op.drop_table("call")
