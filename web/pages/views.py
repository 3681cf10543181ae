"""Serves the Custom tab of the call queue page: one of the person's own views, live, and the form to edit it (Q1)."""

import uuid
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from models.public import personal_queue
from rules.language.catalogue import FIELDS
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.pages.call_queue import WINDOW, described_fields, shelf
from web.pages.page_context import data, render
from web.services.list_words import sorted_by
from web.services.queue_reason import rules_sentence
from web.services.rule_fields import org_fields
from web.services.view_pages import own_view, view_as_shown, view_leads_from
from web.store.views import CustomView

router = APIRouter(include_in_schema=False)
Reads = Annotated[Person, Depends(Access("leads:read"))]
HERE: Final = "/queues"
"""The place of these pages in the navigation."""


@router.get("/views/new")
async def new_view(request: Request, person: Reads, parts: PartsOf) -> Response:
    """Show the form of a new view."""
    return await _form(request, person, parts, None)


@router.get("/views/{view_id}/edit")
async def edit_view(request: Request, person: Reads, parts: PartsOf, view_id: uuid.UUID) -> Response:
    """Show the form of a view."""
    return await _form(request, person, parts, await own_view(parts, person, view_id))


@router.get("/views/{view_id}")
async def custom_view(request: Request, person: Reads, parts: PartsOf, view_id: uuid.UUID) -> Response:
    """Show the person's leads that meet a view's rules."""
    read = parts.directory.end  # before anything is read by it
    as_of = await parts.board.newest(person.org)
    view = await own_view(parts, person, view_id)
    page = await view_leads_from(parts, person, view, start=0, limit=WINDOW)
    list_data = {
        "queue_id": personal_queue(person.rep_id),
        "api": view.view_id,
        "view": True,
        "path": f"/api/v1/views/{view.view_id}/leads",
        "size": page.size,
        "as_of": as_of,
        "directory": read,
        "window": WINDOW,
        "claimable": False,
        "mine": False,
        "columns": described_fields(view.value.get("columns", ())),
        "rows": [row.model_dump() for row in page.rows],
    }
    return render(
        request,
        person,
        "call_queue.html",
        here=HERE,
        view=view,
        heading=view.value["name"],
        chosen=view.view_id,
        sorted_by=sorted_by(view.value.get("sort", {})),
        queue_reason=rules_sentence(view.value, parts.directory.org(person.org)),
        custom=True,
        list_data=data(list_data),
        **await shelf(parts, person),
    )


async def _form(request: Request, person: Person, parts: Services, view: CustomView | None) -> Response:
    form: dict[str, Any] = {
        "view": None if view is None else view_as_shown(view).model_dump(mode="json"),
        "fields": [{"name": field.name, "label": field.label} for field in FIELDS.values()],
    }
    return render(
        request,
        person,
        "custom_view.html",
        here=HERE,
        view=view,
        chosen=None if view is None else view.view_id,
        custom=True,
        form_data=data(form),
        fields_data=data(org_fields(parts.directory.org(person.org))),
        **await shelf(parts, person),
    )
