"""One lead: what it is, where it stands, and why everything about it was decided as it was (X1)."""

import asyncio
import re
import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from console.web.api.schemas import Model
from console.web.errors import Problem
from console.web.parts import Parts
from console.web.seen import Seen, Sight, seen, seen_well
from console.web.told import NOISE, Names, owner_words, told, told_to
from console.web.who import Access, PartsOf, Person
from sink import queries
from sink.queries import Row
from sink.verdicts import translated

router = APIRouter(prefix="/api/v1/leads", tags=["leads"])

MOST: Final = 200
_STANDING: Final = (
    "owner",
    "assigned_at",
    "claimed_through",
    "last_contacted_at",
    "last_outcome",
    "callback_at",
    "inquiries",
    "notes",
    "arrived_at",
)
"""Where a lead stands: for those who may see all of it."""
Reads = Annotated[Person, Depends(Access("leads:read"))]
AtLeast = Annotated[
    int, Query(ge=0, le=2**62, description="Wait a moment until the lead is known as of this version")
]


class LockShown(Model):
    """Who has the lead open, and until when (D1)."""

    rep_id: str
    name: str
    until: datetime
    mine: bool


class OfferShown(Model):
    """To whom the lead is offered; `mine`: the asker is among them."""

    method: str
    epoch: int
    until: datetime | None
    names: list[str]
    mine: bool


class LeadShown(Model):
    """A lead as the asker may see it. `sight` offer: it is offered to the asker, and little is shown (S1)."""

    lead_id: str
    version: int
    sight: Sight
    name: str
    phase: str
    facts: dict[str, Any]
    owner: str | None = None
    owner_name: str | None = None
    how: str | None = Field(default=None, description="How it came to its owner, in words")
    assigned_at: datetime | None = None
    claimed_through: str | None = None
    last_contacted_at: datetime | None = None
    last_outcome: str | None = None
    callback_at: datetime | None = None
    inquiries: int | None = None
    notes: int | None = None
    arrived_at: datetime | None = None
    lock: LockShown | None = None
    offer: OfferShown | None = None


class PassedOver(Model):
    """Somebody, or some queue, that did not take the lead, and why not; `rep_id` null: all, or the rest."""

    rep_id: str | None
    name: str | None
    why: str


class Told(Model):
    """One decision in words. `who`: whose doing it was. `passed`: who might have had the lead, and why not."""

    at: datetime
    version: int
    type: str
    text: str
    who: str | None
    who_name: str | None
    why: str | None
    note: str | None
    passed: list[PassedOver]


class WhyPage(Model):
    """A lead's story, newest first. Who may not see the lead is told what concerns it, and nothing of the lead."""

    lead_id: str
    sight: Sight
    events: list[Told]
    next: str | None


@router.get("/{lead_id}")
async def lead(person: Reads, parts: PartsOf, lead_id: uuid.UUID, at_least: AtLeast = 0) -> LeadShown:
    """Return a lead: its owner, who has it open, who is offered it and its managers may see it (Q3, Q12)."""
    return lead_shown(parts, person, await seen_well(parts, person, str(lead_id), version=at_least))


@router.get("/{lead_id}/why")
async def why(
    person: Reads,
    parts: PartsOf,
    lead_id: uuid.UUID,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> WhyPage:
    """Say why the lead is where it is: why me, and why not me (X1)."""
    return await story(parts, person, await seen(parts, person, str(lead_id)), cursor=cursor, limit=limit)


def lead_shown(parts: Parts, person: Person, found: Seen) -> LeadShown:
    """Return what the person may see of a lead."""
    row, names = found.row, Names(parts.directory.org(person.org))
    whole = found.sight is Sight.ALL
    lock, offer = found.lock, found.offer
    shown = LeadShown(
        lead_id=row["lead_id"],
        version=row["version"],
        sight=found.sight,
        name=found.name,
        phase=row["phase"],
        facts=found.facts,
    )
    if offer:
        shown.offer = OfferShown(
            method=offer.method,
            epoch=offer.epoch,
            until=offer.until,
            names=[names.rep(one) for one in offer.reps] if whole else [names.rep(person.rep_id)],
            mine=person.rep_id in offer.reps,
        )
    if not whole:
        return shown
    if lock:
        shown.lock = LockShown(
            rep_id=lock.rep_id,
            name=names.rep(lock.rep_id),
            until=lock.until,
            mine=lock.rep_id == person.rep_id,
        )
    for name in _STANDING:
        setattr(shown, name, row[name])
    if row["owner"] and found.assigned:
        shown.owner_name = names.rep(row["owner"])
        shown.how = owner_words(found.assigned, names)
    return shown


async def story(
    parts: Parts, person: Person, found: Seen, *, cursor: str | None = None, limit: int = 50
) -> WhyPage:
    """Return a lead's story as the person may hear it."""
    names, lead_id = Names(parts.directory.org(person.org)), found.row["lead_id"]
    rows = await asyncio.to_thread(_decisions, parts, lead_id, _read(cursor), limit)
    events = []
    for row in rows:
        event = _event(person, found.sight, row, names)
        if event is not None:
            events.append(event)
    last = rows[-1] if len(rows) == limit else None
    return WhyPage(
        lead_id=lead_id,
        sight=found.sight,
        events=events,
        next=f"{last['source_offset']}.{last['n']}" if last else None,
    )


def _event(person: Person, sight: Sight, row: Row, names: Names) -> Told | None:
    if sight is not Sight.ALL:
        event = told_to(person.rep_id, row, names)
    elif row["type"] in NOISE or (row["type"] == "answered" and row["result"] in ("done", "won")):
        event = None  # what was done says so itself
    elif row["type"] == "answered" and not person.oversees and row["rep_id"] != person.rep_id:
        event = None
    else:
        event = told(row, names)
    if event is None:
        return None
    return Told(
        at=row["decided_at"],
        version=row["version"],
        type=event.type,
        text=event.text,
        who=event.who,
        who_name=event.who_name,
        why=event.why,
        note=event.note,
        passed=[
            PassedOver(rep_id=one.rep_id, name=one.name, why=one.why)
            for one in event.passed
            if person.oversees or one.rep_id in (None, person.rep_id)
        ],
    )


def _decisions(parts: Parts, lead_id: str, before: tuple[int, int] | None, limit: int) -> list[Row]:
    with translated("CRM database"), parts.crm.connect() as connection:
        return queries.newest_decisions(connection, lead_id, before=before, limit=limit)


def _read(cursor: str | None) -> tuple[int, int] | None:
    if cursor is None:
        return None
    if found := re.fullmatch(r"(\d{1,18})\.(\d{1,9})", cursor, re.ASCII):
        return int(found[1]), int(found[2])
    raise Problem(422, "invalid", "cursor: is none of ours; take it from `next`")
