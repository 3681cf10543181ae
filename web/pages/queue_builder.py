"""Serves the call queue builder: rules and columns of queues, access, and publishing (Q1, Q3, Q4, Q5, Q6, X5)."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from rules.language.catalogue import FIELDS
from web.auth import MANAGERS, Access, PartsOf, Person
from web.errors import not_found
from web.pages.page_context import data, render
from web.services.directory_tables import publications, teams
from web.services.draft_state import draft_as_shown
from web.services.look_alike_objects import look_alikes, look_alikes_of
from web.services.outcome_labels import org_outcomes
from web.services.queue_editing import state_of
from web.services.rule_fields import org_fields

router = APIRouter(include_in_schema=False)
Builds = Annotated[Person, Depends(Access("directory:read", MANAGERS))]


@router.get("/queue-builder")
@router.get("/queue-builder/{queue_id:path}")
async def queue_builder(
    request: Request, person: Builds, parts: PartsOf, queue_id: str | None = None
) -> Response:
    """Show all queues, and one of them to change."""
    rules = parts.directory.org(person.org)
    drafts = await asyncio.to_thread(parts.drafts.all, person.org)
    states = [
        state_of(rules, listed_id, drafts.get(listed_id)) for listed_id in sorted({*rules.queues, *drafts})
    ]
    views = [state for state in states if state is not None]
    chosen = next((state for state in views if state.queue_id == queue_id), None)
    if queue_id is not None and chosen is None:
        raise not_found(f"view {queue_id}")
    values = {key: published.value for key, published in rules.objects.items() if published.value is not None}
    key = ("queue", queue_id or "")
    shown_data: dict[str, Any] = {
        "state": None if chosen is None else draft_as_shown(chosen).model_dump(mode="json"),
        "ids": [state.queue_id for state in views],
        "fields": [{"name": field.name, "label": field.label} for field in FIELDS.values()],
        "teams": [team["name"] for team in teams(rules)],
        "outcomes": org_outcomes(rules),
    }
    return render(
        request,
        person,
        "queue_builder.html",
        views=views,
        published=await publications(parts, person, "queue") if chosen is None else {},
        sizes={info.queue_id: info.size for info in await parts.board.queues(person.org)}
        if chosen is None
        else {},
        twins=[look_alike.text for look_alike in look_alikes(values, "queue")]
        if chosen is None
        else look_alikes_of(values, key),
        chosen=chosen,
        builder_data=data(shown_data),
        fields_data=data(org_fields(parts.directory.org(person.org))),
    )
