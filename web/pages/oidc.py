"""Signing in with the company's own accounts: to the provider, and back with whom it vouches for."""

import asyncio
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from models.errors import ConfigError, PermanentError
from web.auth import PartsOf, person_of
from web.errors import Problem
from web.pages.sign_in import local, shown
from web.services.oidc import Begun, Provider
from web.services.sign_in import give

router = APIRouter(include_in_schema=False)

COOKIE: Final = "firstclaim_oidc"
LASTS_SECONDS: Final = 600


@router.get("/sign-in/oidc")
async def begin(parts: PartsOf, next: str = "/") -> Response:  # noqa: A002  # the field's name in the address
    """Send the browser to the provider."""
    try:
        address, begun = await Provider(parts.web).begin(local(next))
    except ConfigError as error:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", str(error)) from error
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE,
        msgspec.json.encode(begun).hex(),
        max_age=LASTS_SECONDS,
        path="/sign-in/oidc",
        secure=parts.web.secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/sign-in/oidc/callback")
async def finish(
    request: Request, parts: PartsOf, state: str = "", code: str = "", error: str = ""
) -> Response:
    """Sign in whom the provider vouches for, if the console has an account of that address."""
    try:
        begun = msgspec.json.decode(bytes.fromhex(request.cookies.get(COOKIE, "")), type=Begun)
    except (ValueError, msgspec.MsgspecError):
        return shown(
            request,
            parts,
            status=HTTPStatus.FORBIDDEN,
            said="This took too long, or began in another browser. Sign in once more.",
        )
    if error:
        return shown(request, parts, status=HTTPStatus.FORBIDDEN, said=f"The provider says: {error}")
    try:
        email = await Provider(parts.web).finish(begun, state=state, code=code)
    except (PermanentError, ConfigError) as refused:
        return shown(request, parts, status=HTTPStatus.FORBIDDEN, said=refused.reason)
    account = await asyncio.to_thread(parts.accounts.find, email)
    if account is None:
        return shown(
            request,
            parts,
            status=HTTPStatus.FORBIDDEN,
            said=f"{email} has no account here: ask an admin for one.",
        )
    person_of(parts, account)
    secret, session = await asyncio.to_thread(parts.accounts.sign_in, account)
    response = RedirectResponse(local(begun.next), HTTPStatus.SEE_OTHER)
    give(response, parts, secret, session)
    response.delete_cookie(COOKIE, path="/sign-in/oidc")
    return response
