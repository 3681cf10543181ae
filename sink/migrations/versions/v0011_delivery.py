"""Adds the table of deliveries: what became of requests for mail, push and calls (N1). The sink fills it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("notification_id", sa.Text(), primary_key=True),
        sa.Column("status", sa.Text(), primary_key=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("rep_id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index("ix_delivery_lead", "delivery", ["lead_id", "at"])


def downgrade() -> None:
    op.drop_table("delivery")
