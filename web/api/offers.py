"""Serves the words of the caller's offers. The offers themselves are in the caller's own queue (R3, S1, S5)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.services.offer_words import OfferWords, offer_words

router = APIRouter(prefix="/api/v1", tags=["queues"], responses=DOCUMENTED)


@router.get("/me/offers")
async def own_offers(
    person: Annotated[Person, Depends(Access("queues:read"))], parts: PartsOf
) -> dict[str, OfferWords]:
    """Return lead -> the campaign's name and the reason, for the leads that are offered to the caller now."""
    return await offer_words(parts, person)
