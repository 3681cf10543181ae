"""Serves the notices of leads that were moved to or from the caller (M1, M4)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.services.moved_notices import MovedNotice
from web.services.moved_notices import moved_notices as notices_of

router = APIRouter(prefix="/api/v1", tags=["leads"], responses=DOCUMENTED)


@router.get("/me/moves")
async def moved_notices(
    person: Annotated[Person, Depends(Access("leads:read"))], parts: PartsOf
) -> list[MovedNotice]:
    """List the leads of the last week that others moved to or from the caller, newest first.

    The preference `moves-read` (`{"until": "an instant"}`) says up to when the caller has read them.
    """
    return await notices_of(parts, person)
