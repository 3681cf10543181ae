"""Serves the lead page. It opens the lead with a lock, or without one for people who only view it (D1, D5)."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from models.lead import OWNED_PHASES, Phase
from models.public import MINE
from rules.language.catalogue import FIELDS
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.pages.page_context import data, render
from web.services.call_times import call_time
from web.services.calls import calls_shown, click_to_call
from web.services.deliveries import deliveries_shown
from web.services.joined_leads import joined_leads
from web.services.lead_corrections import (
    correctable_fields,
    correctable_values,
    corrections_shown,
    may_correct,
)
from web.services.lead_moves import moves_offered
from web.services.lead_visibility import (
    KNOWN_SECONDS,
    Visibility,
    VisibleLead,
    unseen_lead_problem,
    visible_lead,
)
from web.services.outcome_labels import in_order, outcome_labels
from web.services.possible_owners import may_move_leads
from web.services.shown_lead import LeadShown, history, lead_shown, queues_when_opened
from web.services.view_only import views_only

router = APIRouter(include_in_schema=False)
Reads = Annotated[Person, Depends(Access("leads:read"))]
Queue = Annotated[str | None, Query(max_length=200)]

EVENTS: Final = 100
"""How many events of the history the page shows at once."""
_TITLE: Final = frozenset({"first_name", "last_name", "phone", "phone_extension", "email", "silenced", "org"})
"""Facts that the page shows outside the list of facts."""
ACTIVITIES: Final = (
    ("call", "Call", "c"),
    ("email", "Email", "e"),
    ("sms", "Text message", "s"),
    ("call_log", "Logged call", "l"),
    ("todo", "To-do", "t"),
    ("drip_plan", "Drip plan", "d"),
    ("bulk_email", "Bulk email", "b"),
)
"""The kinds of activity with a button, its label, and the key that presses it after `a` (M3). A note has its own."""


@router.get("/leads/{lead_id}")
async def lead(
    request: Request, person: Reads, parts: PartsOf, lead_id: uuid.UUID, queue: Queue = None
) -> Response:
    """Show the page. It then opens the lead and loads its content from `shown`."""
    visible = await visible_lead(parts, person, str(lead_id), known_seconds=KNOWN_SECONDS)
    view_only = await views_only(parts, person)
    back = _queue(parts, person, queue)
    page_data: dict[str, Any] = {
        "lead_id": visible.row["lead_id"],
        "queue": queue,
        "opens": opens(person, visible),
        "view_only": view_only,
    }
    moves = may_move_leads(person, parts.directory.org(person.org))
    return render(
        request,
        person,
        "lead.html",
        lead_data=data(page_data),
        view_only=view_only,
        moves=moves,
        fields=correctable_fields(parts.directory.org(person.org)),
        back=back,
        round=is_round(parts, person, queue) and not view_only,
        lead_id=lead_id,
    )


@router.get("/leads/{lead_id}/shown")
async def shown(
    request: Request,
    person: Reads,
    parts: PartsOf,
    lead_id: uuid.UUID,
    queue: Queue = None,
    at_least: Annotated[int, Query(ge=0, le=2**62)] = 0,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Return, as a part of the page, what the person may see of the lead and which actions the person may use."""
    visible = await visible_lead(parts, person, str(lead_id), version=at_least)
    history_page = await history(parts, person, visible, cursor=cursor, limit=EVENTS)
    context: dict[str, Any] = {"history": history_page, "lead_id": lead_id}
    if cursor is not None:
        return render(request, person, "lead_history.html", **context)
    if visible.sight is Visibility.NONE:
        return render(
            request,
            person,
            "lead_unseen.html",
            status=403,
            why=unseen_lead_problem(visible).detail,
            **context,
        )
    view_only = await views_only(parts, person)
    lead = lead_shown(parts, person, visible)
    context |= {
        "lead": lead,
        "facts": facts(visible),
        "outcomes": outcomes(parts, person, [queue] if queue else await queues_when_opened(parts, visible)),
        "suggested": suggested_outcomes(parts, person),
        "closing": parts.directory.org(person.org).settings.closing_outcomes,
        "may": may(person, visible, lead, view_only=view_only),
        "moves": moves_offered(
            person,
            parts.directory.org(person.org),
            visible,
            await joined_leads(parts, person, visible),
            view_only=view_only,
        ),
        "activities": ACTIVITIES,
        "correctable": correctable_values(visible)
        if may_correct(person, visible, view_only=view_only)
        else None,
        "corrections": await corrections_shown(parts, person, lead.lead_id) if lead.sight == "all" else [],
        "silenced": visible.row["silenced"],
        "time": call_time_shown(parts, person, visible) if lead.sight == "all" else None,
        "calls": await calls_shown(parts, person, lead.lead_id) if lead.sight == "all" else [],
        "deliveries": await deliveries_shown(parts, person, lead.lead_id) if lead.sight == "all" else [],
        "dials": works_lead(person, visible, lead, view_only=view_only) and click_to_call(parts, person.org),
    }
    return render(request, person, "lead_shown.html", **context)


def opens(person: Person, visible: VisibleLead) -> bool:
    """Say whether the page opens the lead. A manager's view does not take a lead from the desk or a group (D1)."""
    is_free = visible.row["phase"] in (Phase.QUEUED, Phase.LOCKED)
    return not person.oversees or is_free or visible.row["owner"] == person.rep_id


def may(person: Person, visible: VisibleLead, lead: LeadShown, *, view_only: bool) -> dict[str, bool]:
    """Return which actions the page offers. The engine makes the final decision about each one."""
    row = visible.row
    phase = row["phase"]
    opened = lead.lock is not None and lead.lock.mine
    works = works_lead(person, visible, lead, view_only=view_only)
    return {
        "work": works,
        "release": opened,
        "claim": opened and row["owner"] is None,
        "note": works or (person.oversees and phase not in (Phase.LOCKED, Phase.WORKING)),
        "reopen": person.role == "admin" and row["claimed_through"] is not None,
        "answer": lead.offer is not None and lead.offer.mine,
        "consent": row["silenced"] and (person.oversees or row["owner"] == person.rep_id),
    }


def works_lead(person: Person, visible: VisibleLead, lead: LeadShown, *, view_only: bool) -> bool:
    """Say whether the person works the lead: owns it, or has it open."""
    row = visible.row
    is_owner = row["owner"] == person.rep_id and row["phase"] in OWNED_PHASES
    return (is_owner or (lead.lock is not None and lead.lock.mine)) and not view_only


def facts(visible: VisibleLead) -> list[dict[str, Any]]:
    """Return the facts to list: each {name, label, type, value}, in the catalogue's order, attributes last."""
    values = visible.facts
    listed = [
        {"name": name, "label": field.label, "type": str(field.type), "value": values[name]}
        for name, field in FIELDS.items()
        if name in values and name not in _TITLE
    ]
    return listed + [
        {"name": name, "label": FIELDS[f"attributes.{name}"].label, "type": "text", "value": in_words(value)}
        for name, value in sorted(values.get("attributes", {}).items())
        if f"attributes.{name}" in FIELDS
    ]


def in_words(value: Any) -> Any:
    """Return an attribute as a person reads it. One that has parts is the list of them, with their names.

    Nothing is cut or left out, as `web.services.rule_words.value_text` does for a line of changes.
    """
    if isinstance(value, Mapping):
        return "; ".join(f"{name.replace('_', ' ')}: {in_words(part)}" for name, part in value.items())
    return ", ".join(str(in_words(part)) for part in value) if isinstance(value, list) else value


def outcomes(parts: Services, person: Person, queues: Sequence[str]) -> list[str]:
    """Return the outcomes of those work queues that the person may see, without duplicates."""
    rules = parts.directory.org(person.org)
    outcome_names: dict[str, None] = {}
    for queue_id in queues:
        if person.may_see(rules, queue_id) and not rules.queues[queue_id].queue.claimable:
            outcome_names.update(dict.fromkeys(rules.queues[queue_id].queue.outcomes))
    return list(outcome_names)


def suggested_outcomes(parts: Services, person: Person) -> list[str]:
    """Return every outcome that the person may use, for leads whose queue lists none."""
    rules = parts.directory.org(person.org)
    outcome_names: dict[str, None] = {}
    for queue_id in sorted(rules.queues):
        if person.may_see(rules, queue_id):
            outcome_names.update(dict.fromkeys(rules.queues[queue_id].queue.outcomes))
    outcome_names.update(dict.fromkeys([*outcome_labels(rules), *rules.settings.closing_outcomes]))
    return in_order(rules, list(outcome_names))


def call_time_shown(parts: Services, person: Person, visible: VisibleLead) -> str:
    """Return as JSON what time it is where the lead is, and until when it may be called."""
    time = call_time(visible.row, parts.directory.org(person.org), datetime.now(UTC), with_phone=True)
    return time.model_dump_json(exclude_none=True)


def is_round(parts: Services, person: Person, queue: str | None) -> bool:
    """Say whether the person calls through a list: a work queue, or the own queue."""
    rules = parts.directory.org(person.org)
    if queue is None or queue == MINE:
        return queue == MINE
    return person.may_see(rules, queue) and not rules.queues[queue].queue.claimable


def _queue(parts: Services, person: Person, queue: str | None) -> dict[str, str]:
    """Return the queue to which the page links back."""
    rules = parts.directory.org(person.org)
    if queue and person.may_see(rules, queue):
        return {"id": queue, "name": rules.called(queue)}
    return {"id": "mine", "name": "My queue"}
