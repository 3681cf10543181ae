"""Serves the queues that a person may see, and their leads: order, names, and only the queue's columns (Q3, Q4, Q7)."""

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from board.reader import QueueInfo
from rules.queues.columns import MAY_CALL, PHONE
from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.schemas import CallTime, LeadRow, QueuePage, QueueSummary
from web.services.call_times import call_times_in
from web.services.row_licences import why_unlicensed
from web.services.visible_queues import MAX_PAGE, cursor_of, leads_in, queue_leads_from, rank_of, visible

router = APIRouter(prefix="/api/v1/queues", tags=["queues"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("queues:read"))]
MAX_TIMES: Final = 200
"""The most leads whose times one request may ask for."""


@router.get("")
async def queues(person: Reads, parts: PartsOf) -> list[QueueSummary]:
    """List the shared queues that the person may see, by name, with their sizes (Q4)."""
    return [_summary(info) for info in await visible(parts, person)]


@router.get("/{queue_id:path}/leads")
async def leads(
    person: Reads,
    parts: PartsOf,
    queue_id: str,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    name: Annotated[
        str | None, Query(max_length=200, description="Only whose name contains this (Q12)")
    ] = None,
    times: Annotated[bool, Query(description="With the leads' times, as `call-times` returns them")] = False,
) -> QueuePage:
    """List a queue's leads in its order. `mine` is the person's own queue (D3, D4)."""
    page, following = await queue_leads_from(
        parts, person, queue_id, start=rank_of(cursor), limit=limit, name=name
    )
    refused = await why_unlicensed(parts, person, queue_id, [row.lead_id for row in page.rows])
    return QueuePage(
        queue_id=queue_id,
        size=page.size,
        rows=[
            LeadRow(
                lead_id=row.lead_id,
                rank=row.rank,
                version=row.version,
                columns=row.columns,
                may_call=row.columns.get(MAY_CALL, True if PHONE in row.columns else None),
                may_claim=False if row.lead_id in refused else None,
                why_not=refused.get(row.lead_id),
            )
            for row in page.rows
        ],
        as_of=page.as_of,
        next=cursor_of(following) if following is not None else None,
        call_times=await call_times_in(parts, person, page.rows) if times else None,
    )


@router.get("/{queue_id:path}/call-times")
async def call_times(
    person: Reads,
    parts: PartsOf,
    queue_id: str,
    lead: Annotated[
        list[uuid.UUID],
        Query(max_length=MAX_TIMES, description="Leads of the queue; others are left out"),
    ],
) -> dict[str, CallTime]:
    """Return lead -> the time of day where it is, and until when it may be called, if the queue shows where it is."""
    page = await leads_in(parts, person, queue_id, {str(lead_id) for lead_id in lead})
    return await call_times_in(parts, person, page.rows)


def _summary(info: QueueInfo) -> QueueSummary:
    return QueueSummary(
        queue_id=info.queue_id,
        name=info.name or info.queue_id,
        description=info.description,
        claimable=info.claimable,
        columns=list(info.columns),
        outcomes=list(info.outcomes),
        size=info.size,
        version=info.version,
    )
