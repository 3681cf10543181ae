"""One's own account: who one is here, and one's password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from web.auth import Access, Person
from web.pages.common import render
from web.store.accounts import SHORTEST_PASSWORD

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def account(request: Request, person: Annotated[Person, Depends(Access("queues:read"))]) -> Response:
    """Show the account."""
    return render(request, person, "account.html", shortest=SHORTEST_PASSWORD)
