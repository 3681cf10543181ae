"""Adds the views that reps create of their own leads."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "v0003_custom_views"
down_revision = "v0002_drafts"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "custom_view",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("rep_id", sa.Text(), primary_key=True),
        sa.Column("view_id", sa.Text(), primary_key=True),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("custom_view")
