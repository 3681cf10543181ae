"""Serves the reps to whom the caller may give a lead (M1, E3)."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.services import list_params
from web.services.lead_visibility import visible_lead
from web.services.possible_owners import Takers
from web.services.possible_owners import takers as takers_of

router = APIRouter(prefix="/api/v1", tags=["leads"], responses=DOCUMENTED)


@router.get("/takers")
async def takers(
    person: Annotated[Person, Depends(Access("leads:read"))],
    parts: PartsOf,
    search: Annotated[str, Query(max_length=list_params.LONGEST)] = "",
    lead_id: Annotated[uuid.UUID | None, Query(description="Whether each is licensed in its state")] = None,
) -> Takers:
    """List the active reps to whom the caller may give this lead, or leads at all; nobody if the caller may not.

    Managers and admins may give every lead; an owner the own leads where the org's settings allow it.
    """
    lead = None if lead_id is None else await visible_lead(parts, person, str(lead_id))
    return await takers_of(parts, person, search, lead)
