"""Previews a queue: how many leads would be in it now, which ones enter and leave, and why (X5).

The CRM database counts and lists the leads; it is as current as its sink. Nothing is published or changed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, case, false, func, literal, or_, select

from application.rule_preview import EXAMPLES, LeadExplanation, QueueQuestion
from models.errors import PublicationErrors
from rules.inbound.publication import accept_publication
from rules.queues.columns import shown_columns
from rules.queues.membership import CompiledQueue
from sink.hydrate import lead_from_row
from sink.lists.pages import contains
from sink.sql.filter import org_condition, queue_condition
from sink.sql.order import queue_order
from sink.tables import LeadTable


class MatchingLead(msgspec.Struct, frozen=True):
    """A lead that would be in the queue. `columns`: what the queue would show, the name first (Q3)."""

    lead_id: str
    columns: dict[str, Any]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a queue at an instant, compared with the content of its published version.

    `leads`: how many leads the org has. `owned`: how many of the matched leads somebody owns (M4). `entering`,
    `leaving`: how many leads would enter and leave. `examples`: the first leads in the queue's order. `lead`: the
    explained lead, None if none was requested or the org has no such lead.
    """

    matched: int
    owned: int
    leads: int
    entering: int
    leaving: int
    at: datetime
    examples: tuple[MatchingLead, ...]
    lead: LeadExplanation | None = None


def compiled_draft(
    queue_id: str, value: Mapping[str, Any], version: int, org_zone: str = "UTC"
) -> CompiledQueue:
    """Compile a draft as if it were published. Raises `InvalidInput` with every problem, by path.

    `org_zone`: the org's time zone. Dates without a time are its days (reading C1).
    """
    accepted = accept_publication("queue", queue_id, dict(value))
    if accepted is None:
        raise PublicationErrors(())
    return CompiledQueue.from_value(queue_id, accepted, version, org_zone)


def preview(
    connection: Connection,
    org: str,
    draft: CompiledQueue,
    published: CompiledQueue | None,
    at: datetime,
    *,
    lead_id: str | None = None,
    protect_minutes: float = 0,
) -> Preview:
    """Preview the queue on the org's leads at `at` (aware); `published` None: it is not published yet.

    `protect_minutes`: how long a fresh assignment is in no claimable queue (M4).
    Raises `InvalidInput` for rules that SQL cannot express. The driver's errors pass through.
    """
    dialect, table = connection.dialect.name, LeadTable
    whose = org_condition(org, dialect)
    holds = queue_condition(draft, at, dialect, protect_minutes)
    held_before = false() if published is None else queue_condition(published, at, dialect, protect_minutes)
    counted = dict.fromkeys(((True, True), (True, False), (False, True)), 0)
    query = select(_as_integer(holds, "holds"), _as_integer(held_before, "held")).where(
        whose, or_(holds, held_before)
    )
    both = query.subquery()
    for in_draft, in_published, count in connection.execute(
        select(both.c.holds, both.c.held, func.count()).group_by(both.c.holds, both.c.held)
    ):
        counted[bool(in_draft), bool(in_published)] = count
    rows = connection.execute(
        select(*table.__table__.columns)
        .where(whose, holds)
        .order_by(*queue_order(draft.queue.sort, dialect, due_first=not draft.queue.claimable))
        .limit(EXAMPLES)
    ).mappings()
    leads = [lead_from_row(dict(row)) for row in rows]
    return Preview(
        matched=counted[True, True] + counted[True, False],
        owned=connection.scalar(
            select(func.count()).select_from(table).where(whose, holds, table.owner.is_not(None))
        )
        or 0,
        leads=connection.scalar(select(func.count()).where(table.org == org)) or 0,
        entering=counted[True, False],
        leaving=counted[False, True],
        at=at,
        examples=tuple(MatchingLead(lead.lead_id, shown_columns(lead, draft.queue)) for lead in leads),
        lead=None if lead_id is None else explain_lead(connection, org, draft, at, lead_id, protect_minutes),
    )


def explain_lead(
    connection: Connection,
    org: str,
    draft: CompiledQueue,
    at: datetime,
    lead_id: str,
    protect_minutes: float = 0,
) -> LeadExplanation | None:
    """Explain why a lead would be in the queue or not, condition by condition; None for no lead of this org."""
    query = select(*LeadTable.__table__.columns).where(LeadTable.lead_id == lead_id, LeadTable.org == org)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    explanation = QueueQuestion(draft, protect_minutes).explain(lead_from_row(dict(row)), at)
    # A draft has no version yet, so the text must not name one.
    membership = "in" if explanation.matches else "not in"
    prefix = f"{membership} {draft.queue.queue_id} by its rules of version {draft.version}: "
    return msgspec.structs.replace(explanation, why=explanation.why.removeprefix(prefix))


def find(connection: Connection, org: str, text: str) -> str | None:
    """Return the newest lead with this id or with this text in its name, None if there is none."""
    table, term = LeadTable, text.replace("\0", "").strip()
    name = func.coalesce(table.first_name, "").concat(" ").concat(func.coalesce(table.last_name, ""))
    by_name = contains(name, term)
    query = (
        select(table.lead_id)
        .where(table.org == org, or_(table.lead_id == term, by_name))
        .order_by(table.lead_id != term, table.arrived_at.desc(), table.lead_id)
        .limit(1)
    )
    return connection.scalar(query)


def _as_integer(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return case((condition, literal(1)), else_=literal(0)).label(name)
