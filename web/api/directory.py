"""Serves the org's directory: reps, groups, campaigns and settings. Managers read it, admins change it.

Every object has an ETag, and a change names it by If-Match. If the object has changed, the change is refused with the
differences. `dry_run` returns the changes and effects of an edit, and publishes nothing.
"""

import secrets
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import Field

from models.audit import Act, AuditDifference
from rules.queues.rule_book import Key
from web.auth import ADMINS, MANAGERS, Access, PartsOf, Person, host_of
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, not_found
from web.preconditions import ANY, named_tags
from web.schemas import Model
from web.services.directory_edits.editor import ANY_VERSION, Edit, current_publication
from web.services.directory_objects import (
    Directory,
    DirectoryObject,
    Kind,
    all_objects,
    etag,
    object_as_shown,
)
from web.services.sign_in import account_object
from web.store.account import Account
from web.store.addresses import address_of
from web.store.attempts import network

router = APIRouter(prefix="/api/v1/directory", tags=["directory"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("directory:read", MANAGERS))]
Writes = Annotated[Person, Depends(Access("directory:write", ADMINS))]
Proved = Annotated[Person, Depends(Access("directory:write", ADMINS, proved=True))]
ObjectId = Annotated[str, Path(min_length=1, max_length=200)]
IfMatch = Annotated[
    str | None,
    Header(max_length=100, description="The ETag of the object to change, or `*`; none for a new object"),
]
DryRun = Annotated[bool, Query(description="Return what the edit would change and do, and publish nothing")]
_LONGEST_VERSION: Final = 18
"""The most digits of a version. A version is an offset of 63 bits."""
INVITATION_BYTES: Final = 12


class Changed(Model):
    """One path inside an object; null if there is no value."""

    path: str
    old: Any
    new: Any


class EditResult(Model):
    """The changes and effects of an edit. `published` false: a dry run. `etag` null: the object does not exist."""

    published: bool
    version: int | None
    etag: str | None
    value: dict[str, Any] | None
    changes: list[Changed]
    effects: list[str]


class Invitation(Model):
    """The mail address to sign in with."""

    email: str = Field(min_length=3, max_length=300, pattern=r"^[^@\s]+@[^@\s]+$")


class Invited(Model):
    """The account and its password. The password is shown only once, and anybody who has it can sign in.

    `password` null: people sign in only with the company's account. `until`: when the password ends; the person must
    change it at the first sign-in. `mailed`: a link to choose a password is on its way to the person by mail.
    """

    email: str
    rep_id: str
    password: str | None
    until: datetime | None = None
    mailed: bool = False


@router.get("")
async def directory(person: Reads, parts: PartsOf) -> Directory:
    """List all objects by kind, ids in natural order: rep-2 before rep-10."""
    return all_objects(parts, person)


@router.get("/{kind}/{object_id}")
async def one_object(
    person: Reads, parts: PartsOf, response: Response, kind: Kind, object_id: ObjectId
) -> DirectoryObject:
    """Return one object. A change of it must name its ETag."""
    published = current_publication(parts.directory.org(person.org), (kind, object_id))
    if published is None:
        raise not_found(f"{kind} {object_id}")
    answer = object_as_shown(parts, person, (kind, object_id), published)
    response.headers["ETag"] = answer.etag
    return answer


@router.put("/{kind}/{object_id}")
async def put_object(
    person: Writes,
    parts: PartsOf,
    response: Response,
    kind: Kind,
    object_id: ObjectId,
    value: dict[str, Any],
    if_match: IfMatch = None,
    dry_run: DryRun = False,
) -> EditResult:
    """Publish an object. It takes effect within moments, also on existing leads."""
    return await _edit(person, parts, response, (kind, object_id), value, if_match, dry_run=dry_run)


@router.delete("/{kind}/{object_id}")
async def delete_object(
    person: Writes,
    parts: PartsOf,
    response: Response,
    kind: Kind,
    object_id: ObjectId,
    if_match: IfMatch = None,
    dry_run: DryRun = False,
) -> EditResult:
    """Remove an object, unless another object needs it."""
    return await _edit(person, parts, response, (kind, object_id), None, if_match, dry_run=dry_run)


@router.post("/rep/{object_id}/account", status_code=HTTPStatus.CREATED)
async def invite(
    request: Request, person: Proved, parts: PartsOf, object_id: ObjectId, body: Invitation
) -> Invited:
    """Create an account with a password for a rep. For an existing account, create a new password."""
    rep = parts.directory.org(person.org).reps.get(object_id)
    if rep is None:
        raise not_found(f"rep {object_id}")
    password = None if parts.web.oidc_only else secrets.token_urlsafe(INVITATION_BYTES)
    account = Account(email=body.email, org=person.org, rep_id=object_id, role=rep.role)
    host = network(host_of(request))
    until = None if password is None else datetime.now(UTC) + timedelta(hours=parts.web.invitation_hours)
    address = [AuditDifference("email", None, account.email)]
    async with parts.audit.act(person.as_actor, "account_invited", account_object(object_id), address):
        if not await parts.hashing.run(host, lambda: parts.accounts.invite(account, password, until=until)):
            raise HttpProblem(
                HTTPStatus.CONFLICT, "address-taken", f"email: {body.email} belongs to another account"
            )
    mailed = password is not None and _mail_welcome(parts, account, rep.name or rep.rep_id)
    return Invited(email=account.email, rep_id=object_id, password=password, until=until, mailed=mailed)


def _mail_welcome(parts: Services, account: Account, name: str) -> bool:
    """Let a link to choose a password be mailed. Return False without a mail server, and if too many mails wait."""
    if not parts.account_mails.available:
        return False
    rules = parts.directory.org(account.org)
    lasts = timedelta(hours=parts.web.invitation_hours)
    recipient = msgspec.structs.replace(account, email=address_of(account.email))
    try:
        parts.account_mails.later(lambda: parts.account_mails.welcome(recipient, name, rules, lasts))
    except HttpProblem:
        return False  # the admin has the password and hands it over
    return True


async def _edit(
    person: Person,
    parts: Services,
    response: Response,
    key: Key,
    value: dict[str, Any] | None,
    if_match: str | None,
    *,
    dry_run: bool,
) -> EditResult:
    if key[0] == "settings" and key[1] != "settings":
        raise not_found(f"settings {key[1]}; an org has only settings/settings")
    published = current_publication(parts.directory.org(person.org), key)
    if published is not None and if_match is None:
        detail = f"If-Match: {key[0]} {key[1]} exists; name the version that you change by its ETag"
        raise HttpProblem(HTTPStatus.PRECONDITION_REQUIRED, "precondition-required", detail)
    base = _version(if_match, published.version if published is not None else None)

    async def edit() -> Edit:
        by = {"rep_id": person.rep_id, "name": person.name, "role": "admin", "email": person.email}
        return await parts.editor.edit(person.org, key, value, base=base, publish=not dry_run, by=by)

    if dry_run:
        result = await edit()
    else:
        act: Act = "removed" if value is None else "published"
        async with parts.audit.act(person.as_actor, act, "/".join(key)) as entry:
            result = await edit()
            entry.replace(result.changes)
            entry.is_void = value is not None and not result.changes
    if not dry_run and result.value is not None and result.version is not None:
        response.headers["ETag"] = etag(result.version)
    return EditResult(
        published=not dry_run,
        version=result.version,
        etag=etag(result.version) if result.version is not None and result.value is not None else None,
        value=result.value,
        changes=[Changed(path=change.path, old=change.old, new=change.new) for change in result.changes],
        effects=result.effects,
    )


def _version(if_match: str | None, now: int | None) -> int | None:
    """Return the version that is to be changed. `now`: the current one, which a list or `*` may mean."""
    if if_match is None:
        return None
    if if_match.strip() == ANY:
        return ANY_VERSION
    versions = [tag.removeprefix("v") for tag in named_tags(if_match)]
    # A longer number cannot be a Kafka offset. A version that may still arrive is waited for; this one is rejected.
    numbers = [
        int(version)
        for version in versions
        if version.isdecimal() and version.isascii() and len(version) <= _LONGEST_VERSION
    ]
    if not numbers:
        raise HttpProblem(
            HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile", "If-Match: is not an ETag of this console"
        )
    return now if now in numbers else max(numbers)
