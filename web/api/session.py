"""Signs people in and out, and serves the caller's identity, password and sessions."""

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from web.auth import Access, PartsOf, Person, has_proved, host_of
from web.errors import DOCUMENTED, forbidden, not_found
from web.schemas import Me, Model
from web.services.sign_in import NOT_YOURS, account_object, begin, checked_account, prove, take_back
from web.store.attempts import network
from web.store.passwords import LONGEST, SHORTEST

router = APIRouter(prefix="/api/v1", tags=["session"], responses=DOCUMENTED)

Anyone = Annotated[Person, Depends(Access("queues:read", enrolling=True))]
Reads = Annotated[Person, Depends(Access("account:read", enrolling=True))]
Own = Annotated[Person, Depends(Access("account:write", enrolling=True))]


class Credentials(Model):
    """A mail address and its password, and a code if the account has a second factor."""

    email: str = Field(max_length=300)
    password: str = Field(max_length=1000)
    code: str | None = Field(default=None, max_length=100)


@router.post("/session", status_code=HTTPStatus.CREATED, openapi_extra={"security": []})
async def sign_in(request: Request, response: Response, parts: PartsOf, body: Credentials) -> Me:
    """Sign in. All other requests need the cookie and `csrf`."""
    return _current_user(await begin(request, response, parts, body.email, body.password, body.code))


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
async def sign_out(request: Request, response: Response, parts: PartsOf, person: Own) -> None:
    """Sign out. The cookie stops working immediately."""
    if secret := request.cookies.get(parts.web.session_cookie):
        async with parts.audit.act(person.as_actor, "signed_out", account_object(person.rep_id)):
            await asyncio.to_thread(parts.sessions.end, secret)
    take_back(response, parts)


@router.get("/me")
async def me(person: Anyone) -> Me:
    """Return the caller."""
    return _current_user(person)


class NewPassword(Model):
    """The current password and the new one."""

    current: str = Field(max_length=1000)
    new: str = Field(min_length=SHORTEST, max_length=LONGEST)


@router.put("/me/password", status_code=HTTPStatus.NO_CONTENT)
async def change_password(request: Request, parts: PartsOf, person: Own, body: NewPassword) -> None:
    """Change the caller's password and sign out all other browsers. Only for a signed-in browser, not for tokens."""
    email = person.email
    secret = request.cookies.get(parts.web.session_cookie)
    if person.session is None or email is None or secret is None:
        raise forbidden("a program has no password")
    if parts.web.oidc_only:
        raise forbidden("sign in with your company's account; passwords are not used here")
    await checked_account(request, parts, email, lambda: parts.accounts.check(email, body.current), NOT_YOURS)
    async with parts.audit.act(person.as_actor, "password_changed", account_object(person.rep_id)):
        await parts.hashing.run(
            network(host_of(request)), lambda: parts.accounts.change_password(email, body.new, keep=secret)
        )


class Reauthentication(Model):
    """The password, and the code if needed, entered again."""

    current: str | None = Field(default=None, max_length=1000)
    code: str | None = Field(default=None, max_length=100)


class ReauthenticationState(Model):
    """Whether the caller must give proof again, and how: `method` of the session; `code`: also by the second factor."""

    needed: bool
    method: str
    code: bool


@router.get("/me/proof")
async def proof(parts: PartsOf, person: Reads) -> ReauthenticationState:
    """Say whether tokens, invitations, exports and the second factor require the password again."""
    session = person.session
    return ReauthenticationState(
        needed=not has_proved(parts, person),
        method="token" if session is None else session.method,
        code=session is not None and session.account.has_second_factor,
    )


@router.post("/me/proof", status_code=HTTPStatus.NO_CONTENT)
async def give_proof(request: Request, parts: PartsOf, person: Own, body: Reauthentication) -> None:
    """Enter password and code again for a request that answered `prove-yourself`. The proof lasts for some minutes."""
    await prove(request, parts, person, password=body.current, code=body.code)


class SessionInfo(Model):
    """A signed-in browser. `agent`: its user agent. `here`: the one that sent this request."""

    session_id: str
    agent: str
    host: str
    method: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    here: bool


@router.get("/me/sessions")
async def sessions(parts: PartsOf, person: Reads) -> list[SessionInfo]:
    """List the caller's sessions, most recently used first. A program has none."""
    own = person.session
    if own is None:
        return []
    return [
        SessionInfo(
            session_id=session.session_id,
            agent=session.user_agent,
            host=session.host,
            method=session.method,
            created_at=session.created_at,
            used_at=session.used_at,
            expires_at=session.expires_at,
            here=session.session_id == own.session_id,
        )
        for session in await asyncio.to_thread(parts.sessions.of, own.account.email)
    ]


@router.delete("/me/sessions", status_code=HTTPStatus.NO_CONTENT)
async def end_others(parts: PartsOf, person: Own) -> None:
    """End all of the caller's sessions except the current one."""
    own = person.session
    if own is None:
        raise not_found("session of a program")
    async with parts.audit.act(person.as_actor, "session_ended", account_object(person.rep_id)) as entry:
        ended = await asyncio.to_thread(parts.sessions.end_others, own.account.email, own.session_id)
        entry.add("sessions", ended)


@router.delete("/me/sessions/{session_id}", status_code=HTTPStatus.NO_CONTENT)
async def end_one(parts: PartsOf, person: Own, session_id: str) -> None:
    """End one of the caller's sessions."""
    own = person.session
    async with parts.audit.act(person.as_actor, "session_ended", account_object(person.rep_id)) as entry:
        if own is None or not await asyncio.to_thread(parts.sessions.end_one, own.account.email, session_id):
            raise not_found(f"session {session_id}")
        entry.add("sessions", 1)


def _current_user(person: Person) -> Me:
    return Me(
        org=person.org,
        rep_id=person.rep_id,
        name=person.name,
        role=person.role,  # type: ignore[arg-type]  # the directory has no other roles
        teams=sorted(person.teams),
        scopes=sorted(person.scopes),
        csrf=person.csrf,
    )
