"""Reads what happened to an org's leads in a range of time: arrivals with their first owners, and what is out now.

Each function takes an open connection, reads a bounded number of rows, and only reads.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from models.lead import OWNED_PHASES
from rules.queues.membership import CompiledQueue
from sink.sql.filter import org_condition, queue_condition
from sink.tables import AssignmentHistoryTable, LeadTable

MAX_LEADS: Final = 100_000
"""The most arrivals that one range counts. If there are more, only the newest count."""
MAX_OFFERS: Final = 5_000
"""The most open offers that are counted by rep."""


class ArrivedLead(NamedTuple):
    """A lead that arrived, and its first owner, if it had one. `seconds`: from its arrival to its first owner."""

    arrived_at: datetime
    vendor: str
    campaign: str | None
    rep_id: str | None
    seconds: float | None


def arrivals_with_first_owners(
    connection: Connection, org: str, begin: datetime, end: datetime
) -> tuple[list[ArrivedLead], bool]:
    """Return the leads that arrived from `begin` to before `end` (both aware), and whether there were too many."""
    lead, history = LeadTable, AssignmentHistoryTable
    earliest = history.__table__.alias("earliest")
    first = (
        select(func.min(earliest.c.version))
        .where(earliest.c.lead_id == lead.lead_id, earliest.c.rep_id.is_not(None))
        .correlate(lead.__table__)
        .scalar_subquery()
    )
    query = (
        select(lead.arrived_at, lead.vendor, lead.campaign, history.rep_id, history.assigned_at)
        .outerjoin(history, and_(history.lead_id == lead.lead_id, history.version == first))
        .where(lead.org == org, lead.arrived_at >= begin, lead.arrived_at < end)
        .order_by(lead.arrived_at.desc())
        .limit(MAX_LEADS)
    )
    leads = [
        ArrivedLead(
            row.arrived_at,
            row.vendor,
            row.campaign,
            row.rep_id,
            None if row.assigned_at is None else max(0.0, (row.assigned_at - row.arrived_at).total_seconds()),
        )
        for row in connection.execute(query)
    ]
    return leads, len(leads) >= MAX_LEADS


def leads_given(connection: Connection, org: str, since: datetime) -> dict[str, tuple[int, datetime]]:
    """Return rep -> how many leads the rep got since an instant, and when the last one."""
    table = AssignmentHistoryTable
    query = (
        select(table.rep_id, func.count(), func.max(table.assigned_at))
        .where(table.org == org, table.assigned_at >= since, table.rep_id.is_not(None))
        .group_by(table.rep_id)
    )
    return {rep_id: (count, last) for rep_id, count, last in connection.execute(query) if rep_id is not None}


def last_assigned(connection: Connection, org: str, rep_ids: Sequence[str]) -> dict[str, datetime]:
    """Return rep -> when the rep last got a lead, for these reps. A rep who never got one is missing."""
    table = AssignmentHistoryTable
    query = (
        select(table.rep_id, func.max(table.assigned_at))
        .where(table.org == org, table.rep_id.in_(rep_ids))
        .group_by(table.rep_id)
    )
    return {rep_id: last for rep_id, last in connection.execute(query) if rep_id is not None}


def locks_by_rep(connection: Connection, org: str, at: datetime) -> dict[str, int]:
    """Return rep -> how many leads the rep has open at an instant (D1)."""
    table = LeadTable
    query = (
        select(table.locked_by, func.count())
        .where(table.org == org, table.locked_by.is_not(None), table.locked_until > at)
        .group_by(table.locked_by)
    )
    return {rep_id: count for rep_id, count in connection.execute(query) if rep_id is not None}


def offers_by_rep(connection: Connection, org: str, at: datetime) -> tuple[dict[str, int], int]:
    """Return rep -> how many open offers the rep has at an instant, and how many offers are out in all (R3)."""
    table = LeadTable
    query = (
        select(table.offer_rep_ids)
        .where(
            table.org == org,
            table.phase == "offered",
            table.offer_epoch.is_not(None),
            or_(table.offer_until.is_(None), table.offer_until > at),
        )
        .order_by(table.offer_until, table.lead_id)
        .limit(MAX_OFFERS)
    )
    counts: Counter[str] = Counter()
    total = 0
    for reps in connection.scalars(query):
        total += 1
        counts.update(reps or ())
    return dict(counts), total


def calls_due(connection: Connection, org: str, at: datetime, rep_id: str | None = None) -> int:
    """Return how many promised calls of owned leads are due at an instant; of one rep, or of the org (D4)."""
    table = LeadTable
    only: list[Any] = [table.org == org, table.callback_at <= at]
    only.append(table.phase.in_([*map(str, OWNED_PHASES)]))
    if rep_id is not None:
        only.append(table.owner == rep_id)
    return connection.scalar(select(func.count()).select_from(table).where(*only)) or 0


def oldest_in_queues(
    connection: Connection, org: str, queues: Iterable[CompiledQueue], at: datetime, protect_minutes: float
) -> dict[str, datetime]:
    """Return queue -> when its oldest lead arrived, by the queue's rules at an instant. An empty queue is missing."""
    dialect, oldest_by_queue = connection.dialect.name, dict[str, datetime]()
    for queue in queues:
        in_queue = queue_condition(queue, at, dialect, protect_minutes)
        query = select(func.min(LeadTable.arrived_at)).where(org_condition(org, dialect), in_queue)
        if (oldest := connection.scalar(query)) is not None:
            oldest_by_queue[queue.queue.queue_id] = oldest
    return oldest_by_queue
