"""Converts one lead and its history to the form that a person may see (X1)."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import Field

from models.directory import OrgSettings
from models.results import Reason
from rules.lead.call_refusal import CallRefusal, call_refusal, local_time
from sink import queries
from sink.db_errors import translated_errors
from sink.hydrate import lead_from_row
from sink.queries import Row
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem
from web.schemas import Model
from web.services.decision_text import NOISE, decision_text, decision_text_for, owner_words
from web.services.lead_visibility import Visibility, VisibleLead
from web.services.names import Names
from web.services.possible_duplicates import named_leads, other_leads

_STATE_TEXT: Final = (
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
"""State fields of a lead, for people who may see all of it."""


NO_CALL: Final = "communication is silenced, or the person is on the do-not-contact list"


class LockShown(Model):
    """Who has the lead open, and until when (D1)."""

    rep_id: str
    name: str
    until: datetime
    mine: bool


class OfferShown(Model):
    """The reps to whom the lead is offered. `mine`: the caller is one of them."""

    method: str
    epoch: int
    until: datetime | None
    names: list[str]
    mine: bool


class LeadShown(Model):
    """A lead as the caller may see it. `sight` offer: it is offered to the caller, who sees only a part of it (S1)."""

    lead_id: str
    version: int
    sight: Visibility
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
    may_call: bool = Field(default=True, description="Whether the lead may be called now (X6, M8)")
    no_call_why: str | None = Field(default=None, description="Why the lead must not be called now")
    no_call_problem: str | None = Field(
        default=None, description="`no_call_why` without the time at which that ends, which is in `call_from`"
    )
    call_from: datetime | None = Field(
        default=None,
        description="When quiet hours end, in the lead's own time; null where time changes nothing",
    )


class RejectedTaker(Model):
    """A rep or a queue that did not get the lead, and why. `rep_id` null: all, or the rest."""

    rep_id: str | None
    name: str | None
    why: str


class DecisionShown(Model):
    """One decision in words. `who`: the rep who caused it. `passed`: candidates who were passed over, and why."""

    at: datetime
    version: int
    type: str
    text: str
    who: str | None
    who_name: str | None
    why: str | None
    note: str | None
    passed: list[RejectedTaker]


class WhyPage(Model):
    """A lead's history, newest first. A rep who may not see the lead gets only decisions about that rep."""

    lead_id: str
    sight: Visibility
    events: list[DecisionShown]
    next: str | None


def lead_shown(parts: Services, person: Person, visible: VisibleLead) -> LeadShown:
    """Return what the person may see of a lead. Who sees all of it has opened it, for the audit."""
    row, names = visible.row, Names(parts.directory.org(person.org))
    sees_all = visible.sight is Visibility.ALL
    if sees_all:
        parts.audit.note(person.as_actor, "lead_opened", f"lead/{row['lead_id']}")
    lock, offer = visible.lock, visible.offer
    shown = LeadShown(
        lead_id=row["lead_id"],
        version=row["version"],
        sight=visible.sight,
        name=visible.name,
        phase=row["phase"],
        facts=visible.facts,
    )
    if offer:
        shown.offer = OfferShown(
            method=offer.method,
            epoch=offer.epoch,
            until=offer.until,
            names=[names.rep(rep) for rep in offer.reps] if sees_all else [names.rep(person.rep_id)],
            mine=person.rep_id in offer.reps,
        )
    if refusal := no_call(
        row, parts.directory.org(person.org).settings, datetime.now(UTC), sees_all=sees_all
    ):
        shown.may_call, shown.no_call_why, shown.call_from = False, refusal.why, local_time(refusal)
        shown.no_call_problem = refusal.problem or refusal.why
    if not sees_all:
        return shown
    if lock:
        shown.lock = LockShown(
            rep_id=lock.rep_id,
            name=names.rep(lock.rep_id),
            until=lock.until,
            mine=lock.rep_id == person.rep_id,
        )
    for name in _STATE_TEXT:
        setattr(shown, name, row[name])
    if row["owner"]:
        shown.owner_name = names.rep(row["owner"])
    if row["owner"] and row["how"]:
        shown.how = owner_words({"rep_id": row["owner"], "how": row["how"], "via": row["via"]}, names)
    return shown


def no_call(row: Row, settings: OrgSettings, now: datetime, *, sees_all: bool) -> CallRefusal | None:
    """Return why a lead must not be called now; None if it may be. `sees_all`: the person may see all of the lead.

    A person who sees only an offer learns whether the lead may be called at all, and nothing about its phone.
    """
    if row["silenced"]:
        return CallRefusal(Reason.SUPPRESSED, NO_CALL)
    return call_refusal(lead_from_row(row), settings, now) if sees_all else None


async def history(
    parts: Services, person: Person, visible: VisibleLead, *, cursor: str | None = None, limit: int = 50
) -> WhyPage:
    """Return a lead's history as the person may see it."""
    names, lead_id = Names(parts.directory.org(person.org)), visible.row["lead_id"]
    rows = await asyncio.to_thread(_decisions, parts, lead_id, _read(cursor), limit)
    others = await asyncio.to_thread(named_leads, parts, person, rows)
    events = []
    for row in rows:
        event = _event(person, visible.sight, row, names)
        if event is not None:
            event = with_other_leads(event, row, person, others)
        if event is not None:
            events.append(event)
    last = rows[-1] if len(rows) == limit else None
    return WhyPage(
        lead_id=lead_id,
        sight=visible.sight,
        events=events,
        next=f"{last['source_offset']}.{last['n']}" if last else None,
    )


async def queues_when_opened(parts: Services, visible: VisibleLead) -> list[str]:
    """Return the queues that the lead left when its lock was taken, from its decisions; empty without a lock."""
    if visible.lock is None:
        return []
    return await asyncio.to_thread(_queues_left, parts, visible.row["lead_id"])


def _queues_left(parts: Services, lead_id: str) -> list[str]:
    with translated_errors("CRM database"), parts.crm.connect() as connection:
        lock_rows = queries.newest_decisions(connection, lead_id, types=("lock_taken",), limit=1)
        if not lock_rows:
            return []
        event = lock_rows[0]["source_offset"]
        queue_rows = queries.newest_decisions(
            connection, lead_id, types=("queue_left",), before=(event + 1, 0)
        )
    return [row["why"]["queue_id"] for row in queue_rows if row["source_offset"] == event]


def _event(person: Person, sight: Visibility, row: Row, names: Names) -> DecisionShown | None:
    if sight is not Visibility.ALL:
        event = decision_text_for(person.rep_id, row, names)
    elif row["type"] in NOISE or (row["type"] == "answered" and row["result"] in ("done", "won")):
        event = None  # another decision describes the action
    elif row["type"] == "answered" and not person.oversees and row["rep_id"] != person.rep_id:
        event = None
    else:
        event = decision_text(row, names)
    if event is None:
        return None
    return DecisionShown(
        at=row["decided_at"],
        version=row["version"],
        type=event.type,
        text=event.text,
        who=event.who,
        who_name=event.who_name,
        why=event.why,
        note=event.note,
        passed=[
            RejectedTaker(rep_id=candidate.rep_id, name=candidate.name, why=candidate.why)
            for candidate in event.passed
            if person.oversees or candidate.rep_id in (None, person.rep_id)
        ],
    )


def with_other_leads(event: DecisionShown, row: Row, person: Person, names: dict[str, str]) -> DecisionShown:
    """Name the other leads that a decision is about; only for whoever oversees leads (K2)."""
    ids = other_leads(row)
    if not ids or event.why is None:
        return event
    if not person.oversees:
        return event.model_copy(update={"why": None})
    why = event.why
    for lead_id in ids:
        if lead_id in names:
            why = why.replace(lead_id, f"{lead_id} ({names[lead_id]})")
    return event.model_copy(update={"why": why})


def _decisions(parts: Services, lead_id: str, before: tuple[int, int] | None, limit: int) -> list[Row]:
    with translated_errors("CRM database"), parts.crm.connect() as connection:
        return queries.newest_decisions(connection, lead_id, before=before, limit=limit)


def _read(cursor: str | None) -> tuple[int, int] | None:
    if cursor is None:
        return None
    if match := re.fullmatch(r"(-?\d{1,18})\.(\d{1,9})", cursor, re.ASCII):
        return int(match[1]), int(match[2])
    raise HttpProblem(422, "invalid", "cursor: is not valid; take it from `next`")
