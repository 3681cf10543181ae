"""Tells a rep who calls through a list which lead is next (M7, M8)."""

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import Field

from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.call_round import NextLead, next_lead

router = APIRouter(prefix="/api/v1/queues", tags=["queues"], responses=DOCUMENTED)

MAX_DONE: Final = 1_000
"""The most leads of a round that a request names. A page names the newest ones."""


class Round(Model):
    """The leads that a round of calls had already."""

    done: list[uuid.UUID] = Field(default_factory=list, max_length=MAX_DONE)


@router.post("/{queue_id:path}/next")
async def following(
    person: Annotated[Person, Depends(Access("leads:act"))], parts: PartsOf, queue_id: str, body: Round
) -> NextLead:
    """Return the next lead of a work queue, or of `mine`, that the caller may open and call now. It is not opened."""
    return await next_lead(parts, person, queue_id, {str(lead_id) for lead_id in body.done})
