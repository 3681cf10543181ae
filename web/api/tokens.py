"""API tokens of programs. An admin creates them; each is shown once and can be revoked at any time."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from web.auth import ADMINS, SCOPES, Access, PartsOf, Person
from web.errors import Problem, not_found
from web.schemas import Model
from web.store.tokens import Token

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])
Admin = Annotated[Person, Depends(Access("tokens:write", ADMINS))]
Proved = Annotated[Person, Depends(Access("tokens:write", ADMINS, proved=True))]


class TokenInfo(Model):
    """A token, without its secret."""

    token_id: str
    rep_id: str
    name: str
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class NewToken(Model):
    """A token to create: the rep it acts as, and its scopes."""

    rep_id: str = Field(min_length=1, max_length=200)
    name: str = Field(min_length=1, max_length=200)
    scopes: list[str] = Field(min_length=1, max_length=len(SCOPES))
    expires_at: datetime | None = None


class IssuedToken(TokenInfo):
    """A token with its secret. The secret is shown only this once."""

    secret: str


@router.get("")
async def tokens(person: Admin, parts: PartsOf) -> list[TokenInfo]:
    """List the org's tokens."""
    return [_info(token) for token in await asyncio.to_thread(parts.tokens.all, person.org)]


@router.post("", status_code=HTTPStatus.CREATED)
async def issue(person: Proved, parts: PartsOf, given: NewToken) -> IssuedToken:
    """Create a token."""
    unknown = sorted(set(given.scopes) - set(SCOPES))
    if unknown:
        raise Problem(422, "invalid", f"scopes: there is no scope {unknown[0]}")
    rules = parts.directory.org(person.org)
    if rules.role(given.rep_id) is None:
        raise Problem(422, "invalid", f"rep_id: the org has no active rep {given.rep_id}")
    if given.expires_at is not None and (
        given.expires_at.tzinfo is None or given.expires_at <= datetime.now(UTC)
    ):
        raise Problem(422, "invalid", "expires_at: must be in the future, with an offset")
    secret, token = await asyncio.to_thread(
        lambda: parts.tokens.issue(
            person.org,
            given.rep_id,
            given.name,
            given.scopes,
            by=person.rep_id,
            expires_at=given.expires_at,
        )
    )
    return IssuedToken(**_info(token).model_dump(), secret=secret)


@router.delete("/{token_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke(person: Admin, parts: PartsOf, token_id: str) -> None:
    """Revoke a token. It stops working immediately."""
    if not await asyncio.to_thread(parts.tokens.revoke, person.org, token_id):
        raise not_found(f"token {token_id}")


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
