"""Serves the page on which an admin erases a person, and sees the receipts of erasures (docs/erasure.md)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from web.auth import ADMINS, Access, PartsOf, Person
from web.pages.page_context import render
from web.services.erasures import newest_receipts

router = APIRouter(include_in_schema=False)


@router.get("/erasures")
async def erasures(
    request: Request, person: Annotated[Person, Depends(Access("erasures:read", ADMINS))], parts: PartsOf
) -> Response:
    """Show the form and the receipts."""
    reps = parts.directory.org(person.org).reps
    return render(
        request,
        person,
        "erasures.html",
        receipts=await newest_receipts(parts.settings, person.org),
        names={rep.rep_id: rep.name or rep.rep_id for rep in reps.values()},
        refuses=parts.directory.org(person.org).settings.refuse_erased,
    )
