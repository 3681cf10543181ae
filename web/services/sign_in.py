"""Signs people in and gives their browsers the session cookie."""

import asyncio
from http import HTTPStatus

from fastapi import Request, Response

from web.auth import COOKIE, Person, person_of, same_origin
from web.errors import Problem
from web.parts import Parts
from web.services.limits import slow_down
from web.store.accounts import Session


async def begin(request: Request, response: Response, parts: Parts, email: str, password: str) -> Person:
    """Sign somebody in, and give the browser its cookie. Raises 401, 403 and 429."""
    same_origin(request)
    slow_down(request, email)
    account = await asyncio.to_thread(parts.accounts.check, email, password)
    if account is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", "address or password is wrong")
    person = person_of(parts, account)
    secret, session = await asyncio.to_thread(parts.accounts.sign_in, account)
    give(response, parts, secret, session)
    return person_of(parts, account, csrf=session.csrf) if person else person


def give(response: Response, parts: Parts, secret: str, session: Session) -> None:
    """Give a browser the cookie of its session."""
    response.set_cookie(
        COOKIE,
        secret,
        expires=session.expires_at,
        path="/",
        secure=parts.web.secure,
        httponly=True,
        samesite="lax",
    )
