"""Reads which leads reps have open, for managers (D1, M6): who has which lead open, since when and until when."""

from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from sink.queries import Row
from sink.tables import DecisionTable, LeadTable


def open_locks(connection: Connection, org: str, at: datetime, *, limit: int) -> tuple[list[Row], int]:
    """Return the locks of an org at an instant (aware), the oldest end first, at most `limit`; and how many there are.

    A row has lead_id, facts, owner, rep_id, since and until. `since`: when the rep opened the lead, not when the lock
    was last extended.
    """
    table, lock_taken, lock_ended = (
        LeadTable,
        DecisionTable.__table__.alias("taken"),
        DecisionTable.__table__.alias("ended"),
    )
    is_open = (table.org == org, table.locked_by.is_not(None), table.locked_until > at)
    released = (
        select(func.max(lock_ended.c.source_offset))
        .where(lock_ended.c.lead_id == table.lead_id, lock_ended.c.type == "lock_released")
        .correlate(table.__table__)  # else it is of all leads: it stands in another subquery
        .scalar_subquery()
    )
    since = (
        select(func.min(lock_taken.c.decided_at))
        .where(
            lock_taken.c.lead_id == table.lead_id,
            lock_taken.c.type == "lock_taken",
            or_(released.is_(None), lock_taken.c.source_offset > released),
        )
        .scalar_subquery()
    )
    query = (
        select(
            table.lead_id,
            table.facts,
            table.owner,
            table.locked_by.label("rep_id"),
            since.label("since"),
            table.locked_until.label("until"),
        )
        .where(*is_open)
        .order_by(table.locked_until, table.lead_id)
        .limit(limit)
    )
    total = connection.scalar(select(func.count()).where(*is_open)) or 0
    return [dict(row) for row in connection.execute(query).mappings()], total
