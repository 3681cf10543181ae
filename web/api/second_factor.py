"""Serves the caller's second factor: prepare, confirm by its first code, remove. An admin can reset others'."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Final

import pyotp
import segno
from fastapi import APIRouter, Depends
from pydantic import Field

from web.auth import ADMINS, Access, PartsOf, Person
from web.errors import DOCUMENTED, HttpProblem, forbidden, not_found
from web.schemas import Model
from web.services.sign_in import account_object
from web.store.account import Account
from web.store.sessions import PASSWORD

router = APIRouter(prefix="/api/v1", tags=["session"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("account:read", enrolling=True))]
Proved = Annotated[Person, Depends(Access("account:write", enrolling=True, proved=True))]
Admin = Annotated[Person, Depends(Access("directory:write", ADMINS, proved=True))]
PATH: Final = "/me/second-factor"


class SecondFactor(Model):
    """Whether sign-in asks for codes, whether it must, and how many recovery codes are left."""

    set_up: bool
    required: bool
    recovery_codes_left: int


class PreparedSecondFactor(Model):
    """The data for an authenticator device. `qr`: an SVG image of it; `secret`: the secret to type."""

    secret: str
    uri: str
    qr: str


class Code(Model):
    """A code that the device shows."""

    code: str = Field(min_length=6, max_length=20)


class RecoveryCodes(Model):
    """Codes that replace the device, each one time. They are shown only this once."""

    recovery_codes: list[str]


@router.get(PATH)
async def second_factor(parts: PartsOf, person: Reads) -> SecondFactor:
    """Say whether the caller has a second factor."""
    account = None if person.session is None else person.session.account
    return SecondFactor(
        set_up=account is not None and account.has_second_factor,
        required=person.role in parts.web.second_factor_for,
        recovery_codes_left=0
        if account is None
        else await asyncio.to_thread(parts.second_factors.left, account),
    )


@router.post(PATH, status_code=HTTPStatus.CREATED)
async def prepare(parts: PartsOf, person: Proved) -> PreparedSecondFactor:
    """Create a secret for a device. It takes effect when `PUT` receives a code of it."""
    account = _own_account(person)
    secret = await asyncio.to_thread(parts.second_factors.prepare, account)
    if secret is None:
        raise HttpProblem(HTTPStatus.CONFLICT, "set-up-already", "there is a second factor: remove it first")
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name="firstclaim")
    return PreparedSecondFactor(
        secret=secret, uri=uri, qr=segno.make(uri, micro=False).svg_inline(scale=4, light="#fff")
    )


@router.put(PATH)
async def confirm(parts: PartsOf, person: Proved, body: Code) -> RecoveryCodes:
    """Activate the prepared secret by a code of it. From then on, sign-in asks for codes."""
    account = _own_account(person)
    async with parts.audit.act(person.as_actor, "second_factor_set_up", account_object(account.rep_id)):
        codes = await asyncio.to_thread(parts.second_factors.confirm, account, body.code)
        if codes is None:
            raise HttpProblem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "code: does not match the prepared secret"
            )
    return RecoveryCodes(recovery_codes=codes)


@router.delete(PATH, status_code=HTTPStatus.NO_CONTENT)
async def remove(parts: PartsOf, person: Proved) -> None:
    """Remove the caller's second factor. Refused if the role requires one."""
    account = _own_account(person)
    if person.role in parts.web.second_factor_for:
        raise HttpProblem(HTTPStatus.CONFLICT, "required", f"{person.role}s need a second factor here")
    async with parts.audit.act(person.as_actor, "second_factor_removed", account_object(account.rep_id)):
        await asyncio.to_thread(parts.second_factors.remove, account.org, account.rep_id)


@router.delete("/directory/rep/{object_id}/second-factor", status_code=HTTPStatus.NO_CONTENT)
async def reset(parts: PartsOf, person: Admin, object_id: str) -> None:
    """Remove the second factor of a person who has lost the device. That person then signs in by password alone."""
    async with parts.audit.act(person.as_actor, "second_factor_reset", account_object(object_id)):
        if not await asyncio.to_thread(parts.second_factors.remove, person.org, object_id):
            raise not_found(f"second factor of {object_id}")


def _own_account(person: Person) -> Account:
    if person.session is None:
        raise not_found("second factor of a program")
    if person.session.method != PASSWORD:
        raise forbidden("your company's account has its own second factor")
    return person.session.account
