"""Serves the leads that reps have open, for managers, who may free them (D1, M6)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from web.auth import MANAGERS, Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.services.open_locks import OpenLocks, locks_of

router = APIRouter(prefix="/api/v1", tags=["leads"], responses=DOCUMENTED)


@router.get("/locks")
async def locks(
    person: Annotated[Person, Depends(Access("operations:read", MANAGERS))], parts: PartsOf
) -> OpenLocks:
    """List the leads that reps have open: who, since when, and until when the lock lasts if nothing happens.

    To free one, send the action `release` with `why`. The rep is told.
    """
    return await locks_of(parts, person)
