"""Serves the exceptions desk for managers and admins, and the unassigned leads for brokers (E2, E3, E4, E5)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from sink.lists.list_columns import ListDefinition
from sink.lists.listings import EXCEPTIONS, UNASSIGNED
from web.auth import MANAGERS, Access, Person
from web.pages.page_context import data, render
from web.services.list_params import described_columns

router = APIRouter(include_in_schema=False)


@router.get("/exceptions")
async def exceptions(
    request: Request, person: Annotated[Person, Depends(Access("exceptions:read", MANAGERS))]
) -> Response:
    """Show the exceptions desk."""
    return _page(request, person, EXCEPTIONS, desk=True)


@router.get("/unassigned")
async def unassigned(
    request: Request, person: Annotated[Person, Depends(Access("exceptions:read"))]
) -> Response:
    """Show the same leads to a rep: the name, and what the distribution tried (E5, Q3). Managers use the desk."""
    if person.oversees:
        return RedirectResponse("/exceptions", 303)
    return _page(request, person, UNASSIGNED, desk=False)


def _page(request: Request, person: Person, listing: ListDefinition, *, desk: bool) -> Response:
    shown: dict[str, Any] = {
        "api": "/api/v1/exceptions" if desk else "/api/v1/unassigned",
        "desk": desk,
        "columns": described_columns(listing),
        "sort": listing.sort,
    }
    return render(request, person, "exceptions.html", desk=desk, list_data=data(shown))
