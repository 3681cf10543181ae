"""Adds columns of the lead table for who has the lead open and to whom it is offered."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "locked_by": sa.Text(),
    "locked_until": INSTANT,
    "offer_rep_ids": JSON,
    "offer_epoch": sa.BigInteger(),
    "offer_until": INSTANT,
    "offer_method": sa.Text(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("lead", sa.Column(name, kind, nullable=True))
    # The journal is read again, as in 0002. Rows of leads that are open or offered take the columns from the version
    # they have (`sink.statements`). In all other rows NULL is right.
    op.execute("UPDATE sink_offset SET next_offset = 0, mark = -1")


def downgrade() -> None:
    with op.batch_alter_table("lead") as lead:
        for name in reversed(COLUMNS):
            lead.drop_column(name)
