"""Adds the counts of what became of vendors' arrivals, and fills them from the tables (V6)."""

from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

from sink.column_types import UtcDateTime
from sink.vendor_count_of_record import hour_of

revision = "0013"
down_revision = "0012"
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_SOURCES = {
    "accepted": "select org, vendor, arrived_at as at from lead",
    "claimed": "select org, vendor, arrived_at as at from lead where lead_id in "
    "(select lead_id from assignment_history where rep_id is not null and how = 'claim')",
    "assigned": "select org, vendor, arrived_at as at from lead where lead_id in "
    "(select lead_id from assignment_history where rep_id is not null)",
    "inquiry": "select org, vendor, at from inquiry",
    "resend": "select l.org, l.vendor, d.decided_at as at from decision d join lead l on l.lead_id = d.lead_id "
    "where d.type = 'arrival_repeated'",
}
"""Kind -> the query of what is counted. Reasons, remarks and reused ids are counted from now on."""


def upgrade() -> None:
    op.create_table(
        "vendor_count",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("vendor", sa.Text(), primary_key=True),
        sa.Column("begins_at", INSTANT, primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("detail", sa.Text(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_vendor_count_org_begins", "vendor_count", ["org", "begins_at"])
    op.create_table(
        "vendor_hour",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("vendor", sa.Text(), primary_key=True),
        sa.Column("begins_at", INSTANT, primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "refused_arrival",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_index("ix_refused_arrival_at", "refused_arrival", ["at"])
    _fill()


def _fill() -> None:
    """Count what the tables have, and note up to where the journal is counted."""
    connection = op.get_bind()
    counts: Counter[tuple[Any, ...]] = Counter()
    for kind, query in _SOURCES.items():
        select = sa.text(query).columns(org=sa.Text(), vendor=sa.Text(), at=UtcDateTime())
        for org, vendor, at in connection.execute(select):
            counts[org, vendor, hour_of(at), kind] += 1
    hours: Counter[tuple[Any, ...]] = Counter()
    for (org, vendor, begins_at, _), number in counts.items():
        hours[org, vendor, begins_at] += number
    count_table = sa.table(
        "vendor_count",
        *(sa.column(name) for name in ("org", "vendor", "kind", "detail", "count")),
        sa.column("begins_at", UtcDateTime()),
    )
    hour_table = sa.table(
        "vendor_hour",
        *(sa.column(name) for name in ("org", "vendor", "version", "published")),
        sa.column("begins_at", UtcDateTime()),
    )
    if counts:
        connection.execute(
            sa.insert(count_table),
            [
                {"org": org, "vendor": vendor, "begins_at": at, "kind": kind, "detail": "", "count": number}
                for (org, vendor, at, kind), number in counts.items()
            ],
        )
        connection.execute(
            sa.insert(hour_table),
            [
                {"org": org, "vendor": vendor, "begins_at": at, "version": number, "published": 0}
                for (org, vendor, at), number in hours.items()
            ],
        )
    connection.execute(
        sa.text(
            "insert into sink_offset (topic, partition, next_offset, mark) "
            "select 'vendor-reports', partition, 0, mark from sink_offset where topic = 'lead-journal'"
        )
    )


def downgrade() -> None:
    op.drop_table("refused_arrival")
    op.drop_table("vendor_hour")
    op.drop_table("vendor_count")
    op.execute("delete from sink_offset where topic in ('vendor-reports', 'dead-letters')")
