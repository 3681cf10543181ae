"""Serves the account page: the person's identity, password, second factor and sessions."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from web.auth import Access, PartsOf, Person, has_invitation_password, lacks_second_factor
from web.pages.page_context import render
from web.services.device import device_of
from web.services.view_only import views_only
from web.store.passwords import SHORTEST
from web.store.sessions import PASSWORD

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def account(
    request: Request,
    parts: PartsOf,
    person: Annotated[Person, Depends(Access("account:read", enrolling=True))],
) -> Response:
    """Show the account."""
    own = person.session
    sessions = [] if own is None else await asyncio.to_thread(parts.sessions.of, own.account.email)
    codes_left = 0 if own is None else await asyncio.to_thread(parts.second_factors.left, own.account)
    return render(
        request,
        person,
        "account.html",
        shortest=SHORTEST,
        by_password=own is not None and own.method == PASSWORD and not parts.web.oidc_only,
        sessions=sessions,
        device_of=device_of,
        own=own,
        view_only=await views_only(parts, person),
        recovery_codes_left=codes_left,
        required=person.role in parts.web.second_factor_for,
        missing=lacks_second_factor(parts, person),
        invited=has_invitation_password(person),
    )
