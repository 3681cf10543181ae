"""Adds the links by which people set a password."""

import sqlalchemy as sa
from alembic import op

revision = "v0008_password_links"
down_revision = "v0007_file_mappings"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "password_link",
        sa.Column("secret_hash", sa.Text(), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )
    op.create_index("ix_password_link_email", "password_link", ["email"])


def downgrade() -> None:
    op.drop_table("password_link")
