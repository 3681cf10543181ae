"""Serves the audit of an org: who did what, when and from where. It can only be read."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from models.audit import Act
from web.auth import ADMINS, Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.audit.audit_reading import MAX_LINES, AuditLine, read_notices, read_page
from web.store.audit import AuditFilter

router = APIRouter(prefix="/api/v1", tags=["audit"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("audit:read", ADMINS))]
Word = Annotated[str | None, Query(min_length=1, max_length=300)]


class AuditChange(Model):
    """One value that the act changed or used. `rule`: the new rule, if only parts of a rule changed."""

    path: str
    old: Any
    new: Any
    rule: dict[str, Any] | None = None


class AuditEntry(Model):
    """One act, as in docs/contracts, `audit`. `text`: the entry as a sentence."""

    audit_id: str
    at: datetime
    org: str
    actor: str
    actor_kind: str
    act: str
    object: str
    difference: list[AuditChange]
    from_host: str | None
    token_id: str | None
    outcome: str
    text: str


class AuditEntries(Model):
    """A page of entries, newest first. `next`: the cursor of the following page, null at the end."""

    entries: list[AuditEntry]
    next: str | None


class Notice(Model):
    """What happened to the caller's account."""

    at: datetime
    text: str
    from_host: str | None


class NoticesRead(Model):
    """The time of the newest notice that the caller has read."""

    until: AwareDatetime


@router.get("/audit")
async def audit(  # one parameter for each filter
    person: Reads,
    parts: PartsOf,
    actor: Word = None,
    act: Annotated[Act | None, Query()] = None,
    object_name: Annotated[
        str | None,
        Query(alias="object", min_length=1, max_length=300, description="Kind and id: `queue/aged`"),
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="This time or later")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this time")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LINES)] = 50,
) -> AuditEntries:
    """List who did what in the org, newest first."""
    audit_filter = AuditFilter(
        org=person.org, actor=actor, act=act, object=object_name, since=since, until=until
    )
    page = await read_page(parts, person, audit_filter, limit=limit, cursor=cursor)
    return AuditEntries(entries=[_entry(line) for line in page.lines], next=page.next)


@router.get("/me/notices")
async def notices(
    person: Annotated[Person, Depends(Access("account:read", enrolling=True))], parts: PartsOf
) -> list[Notice]:
    """List what happened to the caller's account since the caller last read this, newest first."""
    return [
        Notice(at=line.record.at, text=line.text, from_host=line.record.from_host)
        for line in await read_notices(parts, person)
    ]


@router.put("/me/notices", status_code=HTTPStatus.NO_CONTENT)
async def read(
    person: Annotated[Person, Depends(Access("account:write", enrolling=True))],
    parts: PartsOf,
    body: NoticesRead,
) -> None:
    """Say that the caller has read the notices up to a time. Later ones stay."""
    if person.email is not None:
        at = min(body.until, datetime.now(UTC))
        await asyncio.to_thread(lambda: parts.accounts.notices_read(str(person.email), at=at))


def _entry(line: AuditLine) -> AuditEntry:
    return AuditEntry(**msgspec.to_builtins(line.record, builtin_types=(datetime,)), text=line.text)
