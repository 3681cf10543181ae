"""Adds the vendors' keys, their mappings, and the answers that a repeated post gets again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "v0006_vendor_keys"
down_revision = "v0005_audit"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "vendor_key",
        sa.Column("key_id", sa.Text(), primary_key=True),
        sa.Column("secret_hash", sa.Text(), nullable=False, unique=True),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("signing_secret", sa.Text()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("revoked_at", _INSTANT),
        sa.Column("used_at", _INSTANT),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_vendor_key_org", "vendor_key", ["org", "vendor"])
    op.create_table(
        "vendor_mapping",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("vendor", sa.Text(), primary_key=True),
        sa.Column("value", _JSON, nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "vendor_post",
        sa.Column("key_id", sa.Text(), primary_key=True),
        sa.Column("idempotency_key", sa.Text(), primary_key=True),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.Column("answer", sa.Text()),
    )
    op.create_index("ix_vendor_post_at", "vendor_post", ["at"])


def downgrade() -> None:
    for name in ("vendor_post", "vendor_mapping", "vendor_key"):
        op.drop_table(name)
