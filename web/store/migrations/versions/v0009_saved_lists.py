"""Adds the saved filters, columns and orders of lists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "v0009_saved_lists"
down_revision = "v0008_password_links"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "saved_list",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("saved_id", sa.Text(), primary_key=True),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("rep_id", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_index("ix_saved_list_list", "saved_list", ["org", "list_name"])


def downgrade() -> None:
    op.drop_table("saved_list")
