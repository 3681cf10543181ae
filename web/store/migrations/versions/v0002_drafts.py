"""Adds drafts of queues, and the history of their publications."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "v0002_drafts"
down_revision = "v0001"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "queue_draft",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("queue_id", sa.Text(), primary_key=True),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("based_on", sa.BigInteger()),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "queue_history",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("queue_id", sa.Text(), primary_key=True),
        sa.Column("version", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("value", _JSON),
        sa.Column("draft", sa.Text()),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", _INSTANT, nullable=False),
    )


def downgrade() -> None:
    for table in ("queue_history", "queue_draft"):
        op.drop_table(table)
