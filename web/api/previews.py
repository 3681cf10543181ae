"""Previews of a queue before it is published: how many leads, which ones, what changes, and why (X5)."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends
from pydantic import Field

from sink.db_errors import translated_errors
from web.auth import MANAGERS, Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.limits import RateLimit, check
from web.services.queue_editing import drafted_value
from web.services.queue_preview import Preview, compiled_draft, find, preview
from web.services.rule_fields import org_fields

router = APIRouter(prefix="/api/v1", tags=["queue drafts"], responses=DOCUMENTED)
Reads = Annotated[Person, Depends(Access("directory:read", MANAGERS))]

_PREVIEWS: Final = RateLimit(per_second=10, burst=30)


class PreviewRequest(Model):
    """A queue to preview, and a lead to explain: its id or a part of its name."""

    queue_id: str = Field(min_length=1, max_length=200)
    value: dict[str, Any]
    lead: str | None = Field(default=None, max_length=200)


class ConditionResult(Model):
    """One condition, evaluated for one lead. `path`: `inclusion.rules[0]`."""

    path: str
    field: str
    operator: str
    met: bool
    why: str


class LeadPreview(Model):
    """Why a lead would be in the queue or not. `valid_until`: when the result may change by time alone."""

    lead_id: str
    name: str
    matches: bool
    why: str
    valid_until: datetime | None
    conditions: list[ConditionResult]


class ExampleShown(Model):
    """A lead that would be in the queue, as the queue would show it (Q3)."""

    lead_id: str
    columns: dict[str, Any]


class PreviewResult(Model):
    """How many of the org's leads would be in the queue, and how many would enter and leave it."""

    matched: int
    owned: int = Field(description="How many of the matched leads somebody owns (M4)")
    leads: int
    entering: int
    leaving: int
    at: datetime
    examples: list[ExampleShown]
    lead: LeadPreview | None


@router.get("/queue-fields")
async def fields(person: Reads, parts: PartsOf) -> list[dict[str, Any]]:
    """Return the fields that rules may use, with their operators, for the rule builder."""
    return org_fields(parts.directory.org(person.org))


@router.post("/queue-previews")
async def ask(person: Reads, parts: PartsOf, body: PreviewRequest) -> PreviewResult:
    """Preview a queue on the present leads. Nothing changes."""
    check(_PREVIEWS, f"{person.org} {person.rep_id}")
    value = drafted_value(body.queue_id, body.value)
    preview = await asyncio.to_thread(_ask, parts, person.org, body.queue_id, value, body.lead)
    return PreviewResult(**msgspec.to_builtins(preview))


def _ask(parts: Services, org: str, queue_id: str, value: dict[str, Any], about: str | None) -> Preview:
    rules = parts.directory.org(org)
    published, protected = rules.queues.get(queue_id), rules.settings.protect_assigned_minutes
    version = -1 if published is None else published.version
    draft = compiled_draft(queue_id, value, version, rules.settings.time_zone)
    with translated_errors("CRM database"), parts.crm.connect() as connection:
        lead_id = find(connection, org, about) if about and about.strip() else None
        return preview(
            connection, org, draft, published, datetime.now(UTC), lead_id=lead_id, protect_minutes=protected
        )
