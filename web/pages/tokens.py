"""Serves the tokens page: the tokens that act as the person; for admins, all of the org's, and a form to make one."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from web.auth import ADMINS, TOKEN_SCOPES, Access, PartsOf, Person
from web.pages.page_context import render

router = APIRouter(include_in_schema=False)


@router.get("/tokens")
async def tokens(
    request: Request, person: Annotated[Person, Depends(Access("tokens:read"))], parts: PartsOf
) -> Response:
    """Show the tokens."""
    is_admin = person.role in ADMINS
    issued = await asyncio.to_thread(parts.tokens.all, person.org, None if is_admin else person.rep_id)
    rules = parts.directory.org(person.org)
    names = {rep.rep_id: rep.name or rep.rep_id for rep in rules.reps.values()}
    active = sorted(
        ((names[rep.rep_id], rep.rep_id) for rep in rules.reps.values() if rep.active),
        key=lambda pair: pair[0].casefold(),
    )
    return render(
        request,
        person,
        "tokens.html",
        tokens=issued,
        names=names,
        is_admin=is_admin,
        reps=active or [(person.name, person.rep_id)],
        scopes=TOKEN_SCOPES,
        days=parts.web.token_days,
        most_days=parts.web.token_most_days,
    )
