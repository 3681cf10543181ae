"""Signs people in: limits their attempts, checks password and code, and sets the session cookie."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response

from application.audit.entry import Actor
from models.audit import AuditDifference
from web.auth import Person, host_of, person_of, same_origin
from web.console_services import Services
from web.errors import HttpProblem, forbidden, not_found
from web.services.device import device_of
from web.services.limits import too_often
from web.store.account import Account
from web.store.addresses import address_of
from web.store.attempts import buckets, network
from web.store.sessions import PASSWORD, STEP, Session

WRONG: Final = "address or password is wrong"
WRONG_CODE: Final = "the code is wrong, too old, or was used already"
CODE_NEEDED: Final = "code-needed"

Refusal = tuple[HTTPStatus, str, str]
PASSWORD_IS_WRONG: Final[Refusal] = (HTTPStatus.UNAUTHORIZED, "unauthorized", WRONG)
CODE_IS_WRONG: Final[Refusal] = (HTTPStatus.UNAUTHORIZED, "unauthorized", f"code: {WRONG_CODE}")
NOT_YOURS: Final[Refusal] = (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "current: is not your password")
CODE_NOT_YOURS: Final[Refusal] = (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"code: {WRONG_CODE}")


async def begin(
    request: Request, response: Response, parts: Services, email: str, password: str, code: str | None = None
) -> Person:
    """Sign a person in, and set the browser's cookie.

    Raises 401, 403, 429 and 503. If the account has a second factor and no code was given, raises 401 of the kind
    `code-needed` and sets a cookie with which `finish` continues.
    """
    same_origin(request)
    if parts.web.oidc_only:
        raise forbidden("sign in with your company's account; passwords are not used here")
    account = await checked_account(
        request, parts, email, lambda: parts.accounts.check(email, password), PASSWORD_IS_WRONG
    )
    person_of(parts, account)  # rejects an inactive rep before a session begins
    if account.password_until is not None and account.password_until <= datetime.now(UTC):
        await _note_failure(request, parts, email)
        raise HttpProblem(
            HTTPStatus.UNAUTHORIZED,
            "invitation-over",
            "your invitation has expired: ask an admin for a new one",
        )
    if account.has_second_factor:
        if code is None:
            secret, step = await _begin_session(request, parts, account, STEP)
            _give(response, parts, parts.web.step_cookie, secret, step.expires_at)
            raise HttpProblem(HTTPStatus.UNAUTHORIZED, CODE_NEEDED, "code: the account has a second factor")
        await checked_account(
            request, parts, email, lambda: _account_for_code(parts, account, code), CODE_IS_WRONG
        )
    return person_of(parts, account, await sign_in(request, response, parts, account, PASSWORD))


async def finish(request: Request, response: Response, parts: Services, code: str) -> Person:
    """Sign in a person whose password was right, by a code of the second factor. Raises 401, 403 and 429."""
    same_origin(request)
    secret = request.cookies.get(parts.web.step_cookie)
    step = await asyncio.to_thread(lambda: parts.sessions.find(secret, step=True)) if secret else None
    if secret is None or step is None:
        raise HttpProblem(
            HTTPStatus.UNAUTHORIZED, "unauthorized", "this took too long: begin with your password again"
        )
    account = step.account
    await checked_account(
        request, parts, account.email, lambda: _account_for_code(parts, account, code), CODE_IS_WRONG
    )
    await asyncio.to_thread(parts.sessions.end, secret)
    response.delete_cookie(parts.web.step_cookie, path="/", secure=parts.web.secure, httponly=True)
    return person_of(parts, account, await sign_in(request, response, parts, account, PASSWORD))


async def prove(
    request: Request, parts: Services, person: Person, *, password: str | None, code: str | None
) -> None:
    """Record that a signed-in person has entered the password again, and the code if there is a second factor.

    Raises 422 for a wrong or missing value, 404 for a program, and 409 for an account without a password.
    """
    session = person.session
    if session is None:
        raise not_found("session of a program")
    account = session.account
    if session.method != PASSWORD:
        raise HttpProblem(
            HTTPStatus.CONFLICT, "sign-in-again", "sign in with the company's account once more"
        )
    if password is None:
        raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "current: is missing")
    await checked_account(
        request, parts, account.email, lambda: parts.accounts.check(account.email, password), NOT_YOURS
    )
    if account.has_second_factor:
        if not code:
            raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "code: is missing")
        await checked_account(
            request, parts, account.email, lambda: _account_for_code(parts, account, code), CODE_NOT_YOURS
        )
    await asyncio.to_thread(parts.sessions.proved, session.session_id)


async def checked_account(
    request: Request,
    parts: Services,
    email: str,
    check: Callable[[], Account | None],
    refusal: Refusal,
) -> Account:
    """Return the account that a check finds. Count the attempt if it finds none. Raises the refusal, 429 and 503."""
    host = host_of(request)
    limits = buckets(address_of(email), host)
    if wait := await asyncio.to_thread(parts.attempts.take, limits):
        raise too_often(wait)
    try:
        account = await parts.hashing.run(network(host), check)
    except HttpProblem:  # the password was not checked
        await asyncio.to_thread(parts.attempts.give_back, limits)
        raise
    if account is None:
        await _note_failure(request, parts, email)
        raise HttpProblem(*refusal)
    await asyncio.to_thread(parts.attempts.give_back, limits)
    return account


async def sign_in(
    request: Request,
    response: Response,
    parts: Services,
    account: Account,
    method: str,
    *,
    proved_at: datetime | None = None,
) -> Session:
    """Begin a session for a checked account, and end the browser's previous one."""
    if former := request.cookies.get(parts.web.session_cookie):
        await asyncio.to_thread(parts.sessions.end, former)
    used = [
        AuditDifference("method", None, method),
        AuditDifference("browser", None, device_of(_user_agent(request))),
    ]
    actor = account_actor(request, account)
    async with parts.audit.act(actor, "signed_in", account_object(account.rep_id), used):
        secret, session = await _begin_session(request, parts, account, method, proved_at=proved_at)
    _give(response, parts, parts.web.session_cookie, secret, session.expires_at)
    return session


def account_actor(request: Request, account: Account) -> Actor:
    """Return the person of an account as the actor of a record, before there is a session."""
    return Actor(org=account.org, actor=account.rep_id, kind="person", from_host=host_of(request))


def account_object(rep_id: str) -> str:
    """Return the name of a rep's account in the audit."""
    return f"account/{rep_id}"


async def _note_failure(request: Request, parts: Services, email: str) -> None:
    """Record a failed try. An unknown address takes the same time as a known one, and is not recorded itself."""
    account = await asyncio.to_thread(parts.accounts.find, email)
    if account is None:
        actor, object_name = Actor(org="", actor="", kind="person", from_host=host_of(request)), "account"
    else:
        actor, object_name = account_actor(request, account), account_object(account.rep_id)
    await parts.audit.record_failure(actor, "sign_in_failed", object_name)


def take_back(response: Response, parts: Services) -> None:
    """Delete the browser's session cookie."""
    response.delete_cookie(parts.web.session_cookie, path="/", secure=parts.web.secure, httponly=True)


async def _begin_session(
    request: Request, parts: Services, account: Account, method: str, *, proved_at: datetime | None = None
) -> tuple[str, Session]:
    user_agent, host = _user_agent(request), host_of(request)
    return await asyncio.to_thread(
        lambda: parts.sessions.begin(
            account, method=method, user_agent=user_agent, host=host, proved_at=proved_at
        )
    )


def _user_agent(request: Request) -> str:
    return request.headers.get("user-agent", "")


def _account_for_code(parts: Services, account: Account, code: str) -> Account | None:
    return account if parts.second_factors.accept(account, code) else None


def _give(response: Response, parts: Services, name: str, secret: str, expires_at: datetime) -> None:
    response.set_cookie(
        name,
        secret,
        expires=expires_at,
        path="/",
        secure=parts.web.secure,
        httponly=True,
        samesite="lax",
    )
