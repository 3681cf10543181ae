"""Signing in and out, and who one is."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from web.auth import COOKIE, Access, PartsOf, Person
from web.errors import Problem, forbidden
from web.schemas import Me, Model
from web.services.limits import slow_down
from web.services.sign_in import begin
from web.store.accounts import SHORTEST_PASSWORD

router = APIRouter(prefix="/api/v1", tags=["session"])


class Credentials(Model):
    """An address and its password."""

    email: str
    password: str


@router.post("/session", status_code=HTTPStatus.CREATED, openapi_extra={"security": []})
async def sign_in(request: Request, response: Response, parts: PartsOf, given: Credentials) -> Me:
    """Sign in; the cookie and `csrf` are needed for everything else."""
    return _me(await begin(request, response, parts, given.email, given.password))


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
async def sign_out(
    request: Request, response: Response, parts: PartsOf, _: Annotated[Person, Depends(Access("queues:read"))]
) -> None:
    """Sign out: the cookie is worth nothing from now on."""
    if secret := request.cookies.get(COOKIE):
        await asyncio.to_thread(parts.accounts.sign_out, secret)
    response.delete_cookie(COOKIE, path="/")


@router.get("/me")
async def me(person: Annotated[Person, Depends(Access("queues:read"))]) -> Me:
    """Say who asks."""
    return _me(person)


class NewPassword(Model):
    """The password there is, and the one to come."""

    current: str = Field(max_length=1000)
    new: str = Field(min_length=SHORTEST_PASSWORD, max_length=1000)


@router.put("/me/password", status_code=HTTPStatus.NO_CONTENT)
async def change_password(
    request: Request,
    parts: PartsOf,
    person: Annotated[Person, Depends(Access("queues:read"))],
    given: NewPassword,
) -> None:
    """Change one's own password; every other browser is signed out. For a signed-in browser, not for tokens."""
    secret = request.cookies.get(COOKIE)
    if person.email is None or secret is None:
        raise forbidden("a program has no password")
    slow_down(request, person.email)
    if await asyncio.to_thread(parts.accounts.check, person.email, given.current) is None:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "current: is not your password")
    await asyncio.to_thread(parts.accounts.change_password, person.email, given.new, keep=secret)


def _me(person: Person) -> Me:
    return Me(
        org=person.org,
        rep_id=person.rep_id,
        name=person.name,
        role=person.role,  # type: ignore[arg-type]  # the directory has no other
        teams=sorted(person.teams),
        scopes=sorted(person.scopes),
        csrf=person.csrf,
    )
