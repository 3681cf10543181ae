"""Adds how each vendor's uploaded files are read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "v0007_file_mappings"
down_revision = "v0006_vendor_keys"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "vendor_file_mapping",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("vendor", sa.Text(), primary_key=True),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("vendor_file_mapping")
