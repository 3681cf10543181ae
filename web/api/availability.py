"""Serves whether reps are offered leads: each rep's own choice, and a manager's for any rep (R9)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict

from web.auth import MANAGERS, Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.availability import Availability, Choice, availability, choose

router = APIRouter(prefix="/api/v1", tags=["directory"], responses=DOCUMENTED)


class ChosenAvailability(Model):
    """Whether the rep is offered leads; `last_lead`: one more, and then none until the rep chooses again."""

    model_config = ConfigDict(extra="forbid")

    availability: Choice


@router.get("/me/availability")
async def own_availability(
    person: Annotated[Person, Depends(Access("account:read"))], parts: PartsOf
) -> Availability:
    """Return whether the caller is offered leads."""
    return await availability(parts, person.org, person.rep_id)


@router.put("/me/availability")
async def choose_own_availability(
    person: Annotated[Person, Depends(Access("account:write"))], parts: PartsOf, body: ChosenAvailability
) -> Availability:
    """Choose whether the caller is offered leads. Offers that are out stay."""
    return await choose(parts, person, person.rep_id, body.availability)


@router.put("/reps/{rep_id}/availability")
async def choose_availability_of_rep(
    person: Annotated[Person, Depends(Access("directory:write", MANAGERS))],
    parts: PartsOf,
    rep_id: Annotated[str, Path(min_length=1, max_length=200)],
    body: ChosenAvailability,
) -> Availability:
    """Choose for a rep whether it is offered leads. Offers that are out stay."""
    return await choose(parts, person, rep_id, body.availability)
