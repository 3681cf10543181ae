"""Adds the audit's outbox and index, invitations that expire, the seal of the key, and an end for every token.

The secrets of second factors are encrypted when the console starts (`web/store/sealing.py`), because a migration does
not have the key.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "v0005_audit"
down_revision = "v0004_sign_in"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_FIELDS = ("actor", "act", "object")
_TOKEN_DAYS = 365
"""How long a token without an end is valid from now on: the longest life of a new one."""


def upgrade() -> None:
    op.add_column("account", sa.Column("password_until", _INSTANT))
    op.add_column("account", sa.Column("notices_read_at", _INSTANT))
    op.create_table(
        "audit_outbox",
        sa.Column("audit_id", sa.Text(), primary_key=True),
        sa.Column("ready", sa.BigInteger(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
    )
    op.create_index("ix_audit_outbox_ready", "audit_outbox", ["ready", "at"])
    op.create_table(
        "audit_entry",
        sa.Column("audit_id", sa.Text(), primary_key=True),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _FIELDS),
        sa.Column("record", sa.Text(), nullable=False),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["org", "at"])
    for name in _FIELDS:
        op.create_index(f"ix_audit_entry_{name}", "audit_entry", ["org", name, "at"])
    op.create_table(
        "audit_place",
        sa.Column("partition", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "seal",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("sealed", sa.Text(), nullable=False),
    )
    connection = op.get_bind()
    end: object = datetime.now(UTC) + timedelta(days=_TOKEN_DAYS)
    if connection.dialect.name == "sqlite":
        end = end.isoformat(timespec="microseconds")  # type: ignore[attr-defined]
    token = sa.table("api_token", sa.column("expires_at", _INSTANT))
    connection.execute(token.update().where(token.c.expires_at.is_(None)).values(expires_at=end))


def downgrade() -> None:
    for name in ("seal", "audit_place", "audit_entry", "audit_outbox"):
        op.drop_table(name)
    op.drop_column("account", "notices_read_at")
    op.drop_column("account", "password_until")
