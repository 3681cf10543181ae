"""Adds the tables of inquiries and of the ids that were added to leads (K4), filled from the decisions."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0009"
down_revision = "0008"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
BATCH = 1_000
"""How many decisions are held at a time."""


def upgrade() -> None:
    inquiry = op.create_table(
        "inquiry",
        sa.Column("inquiry_id", sa.Text(), primary_key=True),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index("ix_inquiry_lead", "inquiry", ["lead_id", "at"])
    alias = op.create_table(
        "lead_alias",
        sa.Column("alias_id", sa.Text(), primary_key=True),
        sa.Column("lead_id", sa.Text(), nullable=False),
    )
    op.create_index("ix_lead_alias_lead", "lead_alias", ["lead_id"])
    _fill(inquiry, alias)


def _fill(inquiry: sa.Table, alias: sa.Table) -> None:
    """Take the rows from the decisions of earlier versions. An erased lead's decisions are empty and give none."""
    decision = sa.table(
        "decision",
        sa.column("lead_id"),
        sa.column("type"),
        sa.column("why", JSON),
        sa.column("decided_at", INSTANT),
    )
    lead = sa.table("lead", sa.column("lead_id"), sa.column("org"))
    decisions = (
        sa.select(decision.c.lead_id, decision.c.type, decision.c.why, decision.c.decided_at, lead.c.org)
        .outerjoin(lead, lead.c.lead_id == decision.c.lead_id)
        .where(decision.c.type.in_(("inquiry_added", "merged_into")))
    )
    connection = op.get_bind()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    into = {table: insert(table).on_conflict_do_nothing() for table in (inquiry, alias)}
    for rows in connection.execute(decisions.execution_options(yield_per=BATCH)).partitions():
        rows_by_table: dict[sa.Table, list[dict[str, Any]]] = {inquiry: [], alias: []}
        for lead_id, kind, why, at, org in rows:
            if kind == "merged_into" and why.get("into"):
                rows_by_table[alias].append({"alias_id": lead_id, "lead_id": why["into"]})
            elif kind == "inquiry_added" and why.get("inquiry_id") and org is not None:
                row = {
                    "inquiry_id": why["inquiry_id"],
                    "lead_id": lead_id,
                    "org": org,
                    "facts": why.get("facts") or {},
                    "vendor": why["vendor"],
                    "campaign": why.get("campaign"),
                    "at": at,
                }
                rows_by_table[inquiry].append(row)
        for table, values in rows_by_table.items():
            if values:
                connection.execute(into[table], values)


def downgrade() -> None:
    op.drop_table("lead_alias")
    op.drop_table("inquiry")
