"""Serves API tokens of programs. An admin creates them; each is shown once, ends by itself, and can be revoked.

Everybody sees and revokes the tokens that act as them; admins see and revoke all of the org's. A person must be signed
in to create or revoke one: a program that had a token could otherwise give itself another one.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from models.audit import AuditDifference
from web.auth import ADMINS, PERSONAL, SCOPES, TOKEN_SCOPES, Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, forbidden, not_found
from web.schemas import Model
from web.store.tokens import Token

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"], responses=DOCUMENTED)
Reads = Annotated[Person, Depends(Access("tokens:read"))]
Own = Annotated[Person, Depends(Access("tokens:write"))]
Proved = Annotated[Person, Depends(Access("tokens:write", ADMINS, proved=True))]


class TokenInfo(Model):
    """A token, without its secret. `used_at`: its last use, to the minute."""

    token_id: str
    rep_id: str
    name: str
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class NewToken(Model):
    """A token to create: the rep it acts as, and its scopes. Without `expires_at` it is valid for the default time."""

    rep_id: str = Field(min_length=1, max_length=200)
    name: str = Field(min_length=1, max_length=200)
    scopes: list[str] = Field(min_length=1, max_length=len(SCOPES))
    expires_at: datetime | None = None


class IssuedToken(TokenInfo):
    """A token with its secret. The secret is shown only this once."""

    secret: str


@router.get("")
async def tokens(person: Reads, parts: PartsOf) -> list[TokenInfo]:
    """List the tokens that act as the caller; for an admin, all of the org's."""
    issued = await asyncio.to_thread(parts.tokens.all, person.org, _rep_filter(person))
    return [_info(token) for token in issued]


@router.post("", status_code=HTTPStatus.CREATED)
async def issue(person: Proved, parts: PartsOf, body: NewToken) -> IssuedToken:
    """Create a token. It never has a scope that its maker lacks, or for which a person must be signed in."""
    _check_scopes(person, body)
    expires_at = _end(parts, body)
    rules = parts.directory.org(person.org)
    if rules.role(body.rep_id) is None:
        raise HttpProblem(422, "invalid", f"rep_id: the org has no active rep {body.rep_id}")
    differences = [
        AuditDifference("name", None, body.name),
        AuditDifference("rep_id", None, body.rep_id),
        AuditDifference("scopes", None, sorted(set(body.scopes))),
        AuditDifference("expires_at", None, expires_at),
    ]
    async with parts.audit.act(person.as_actor, "token_made", "token", differences) as entry:
        secret, token = await asyncio.to_thread(
            lambda: parts.tokens.issue(
                person.org,
                body.rep_id,
                body.name,
                body.scopes,
                by=person.rep_id,
                expires_at=expires_at,
            )
        )
        entry.object = f"token/{token.token_id}"
    return IssuedToken(**_info(token).model_dump(), secret=secret)


@router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke(person: Own, parts: PartsOf, token_id: str) -> None:
    """Revoke a token of one's own; an admin any token of the org. It stops working immediately."""
    async with parts.audit.act(person.as_actor, "token_revoked", f"token/{token_id[:100]}") as entry:
        token = await asyncio.to_thread(parts.tokens.revoke, person.org, token_id, _rep_filter(person))
        if token is None:
            raise not_found(f"token {token_id}")
        entry.add("name", None, token.name)
        entry.add("rep_id", None, token.rep_id)


def _rep_filter(person: Person) -> str | None:
    """Return the rep whose tokens the caller may see; None: all of the org's."""
    return None if person.role in ADMINS else person.rep_id


def _check_scopes(person: Person, body: NewToken) -> None:
    for scope in body.scopes:
        if scope not in SCOPES:
            raise HttpProblem(422, "invalid", f"scopes: there is no scope {scope}")
        if scope in PERSONAL:
            raise HttpProblem(
                422, "invalid", f"scopes: {scope} is not for tokens: a person must be signed in for it"
            )
    if beyond := sorted(set(body.scopes) - (person.scopes & TOKEN_SCOPES.keys())):
        raise forbidden(f"scopes: you have no scope {beyond[0]} to give")


def _end(parts: Services, body: NewToken) -> datetime:
    """Return when the new token ends."""
    now = datetime.now(UTC)
    if body.expires_at is None:
        return now + timedelta(days=parts.web.token_days)
    if body.expires_at.tzinfo is None or body.expires_at <= now:
        raise HttpProblem(422, "invalid", "expires_at: must be in the future, with an offset")
    most = parts.web.token_most_days
    if body.expires_at > now + timedelta(days=most):
        raise HttpProblem(422, "invalid", f"expires_at: is more than {most:g} days from now")
    return body.expires_at


def _info(token: Token) -> TokenInfo:
    return TokenInfo(
        token_id=token.token_id,
        rep_id=token.rep_id,
        name=token.name,
        scopes=sorted(token.scopes),
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        used_at=token.used_at,
    )
