"""Serves one lead: its facts, its state, and the reason for every decision about it (X1)."""

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.services.lead_visibility import visible_lead, visible_lead_at
from web.services.shown_lead import LeadShown, WhyPage, history, lead_shown

router = APIRouter(prefix="/api/v1/leads", tags=["leads"], responses=DOCUMENTED)

MAX_PAGE: Final = 200
Reads = Annotated[Person, Depends(Access("leads:read"))]
AtLeast = Annotated[int, Query(ge=0, le=2**62, description="Wait a moment for this version of the lead")]


@router.get("/{lead_id}")
async def lead(person: Reads, parts: PartsOf, lead_id: uuid.UUID, at_least: AtLeast = 0) -> LeadShown:
    """Return a lead. Its owner, the rep who has it open, reps it is offered to, and managers may see it (Q3, Q12)."""
    return lead_shown(parts, person, await visible_lead_at(parts, person, str(lead_id), version=at_least))


@router.get("/{lead_id}/why")
async def why(
    person: Reads,
    parts: PartsOf,
    lead_id: uuid.UUID,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> WhyPage:
    """Explain why the lead is in its present state: why the caller got it, or did not get it (X1)."""
    return await history(
        parts, person, await visible_lead(parts, person, str(lead_id)), cursor=cursor, limit=limit
    )
