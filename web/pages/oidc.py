"""Serves OIDC sign-in with company accounts: the redirect to the provider, and the callback with the identity."""

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from models.errors import ConfigError, PermanentError
from web.auth import PartsOf, person_of
from web.console_services import Services
from web.errors import HttpProblem
from web.pages.sign_in import local_path, shown
from web.services.oidc import PendingSignIn, Provider, VerifiedIdentity
from web.services.oidc_rep import take_over
from web.services.sign_in import sign_in
from web.store.sessions import OIDC

router = APIRouter(include_in_schema=False)

LASTS_SECONDS: Final = 600


@router.get("/sign-in/oidc")
async def begin(parts: PartsOf, next: str = "/", *, again: bool = False) -> Response:  # noqa: A002  # the parameter's name in the address
    """Send the browser to the provider. `again`: the person must authenticate even with an existing session there."""
    try:
        address, begun = await Provider(parts.web).begin(local_path(next), again=again)
    except ConfigError as error:
        raise HttpProblem(HTTPStatus.NOT_FOUND, "not-found", str(error)) from error
    except PermanentError as error:
        raise HttpProblem(HTTPStatus.BAD_GATEWAY, "provider", error.reason) from error
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    response.set_cookie(
        parts.web.oidc_cookie,
        msgspec.json.encode(begun).hex(),
        max_age=LASTS_SECONDS,
        path="/",
        secure=parts.web.secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/sign-in/oidc/callback")
async def finish(
    request: Request, parts: PartsOf, state: str = "", code: str = "", error: str = ""
) -> Response:
    """Sign in the person whom the provider confirms, if the console has an account for them."""
    try:
        begun = msgspec.json.decode(
            bytes.fromhex(request.cookies.get(parts.web.oidc_cookie, "")), type=PendingSignIn
        )
    except (ValueError, msgspec.MsgspecError):
        return _refused(request, parts, "This took too long, or began in another browser. Sign in once more.")
    if error:
        return _refused(request, parts, f"The provider says: {error[:200]}")
    try:
        vouched = await Provider(parts.web).finish(begun, state=state, code=code)
    except (PermanentError, ConfigError) as refused:
        return _refused(request, parts, refused.reason)
    if begun.again and _is_old(parts, vouched):
        return _refused(request, parts, "The provider did not ask for your password again.")
    account = await asyncio.to_thread(parts.accounts.vouched, vouched.issuer, vouched.subject, vouched.email)
    if account is None:
        return _refused(request, parts, _no_account_text(vouched))
    try:
        person_of(parts, account)
        await take_over(parts, account, vouched)
        person_of(parts, account)
    except HttpProblem as problem:
        return _refused(request, parts, problem.detail)
    response = RedirectResponse(local_path(begun.next), HTTPStatus.SEE_OTHER)
    await sign_in(request, response, parts, account, OIDC, proved_at=vouched.proved_at)
    response.delete_cookie(parts.web.oidc_cookie, path="/", secure=parts.web.secure, httponly=True)
    return response


def _is_old(parts: Services, vouched: VerifiedIdentity) -> bool:
    """Say whether the person's authentication at the provider is too old to count here."""
    at = vouched.proved_at
    return at is not None and datetime.now(UTC) - at > timedelta(minutes=parts.web.prove_minutes)


def _no_account_text(vouched: VerifiedIdentity) -> str:
    if vouched.email is None:
        return "The provider does not say that your address is verified, and no account is bound to you yet."
    return f"{vouched.email} has no account here that is free: ask an admin for one."


def _refused(request: Request, parts: Services, message: str) -> Response:
    return shown(request, parts, status=HTTPStatus.FORBIDDEN, message=message)
