"""Finds a person's own views and reads pages of their leads (Q1)."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from web.auth import Person
from web.console_services import Services
from web.errors import not_found
from web.schemas import LeadRow, Model
from web.services import custom_views
from web.services.crm_query import ask
from web.services.visible_queues import cursor_of
from web.store.views import CustomView


class SortBy(Model):
    """One field of the catalogue, and the direction."""

    field: str = Field(default="arrived_at", max_length=200)
    direction: Literal["asc", "desc"] = "asc"


class ViewState(Model):
    """A view of the person's own leads."""

    view_id: str
    etag: str
    name: str
    columns: list[str]
    inclusion: dict[str, Any] | None
    exclusion: dict[str, Any] | None
    sort: SortBy
    updated_at: datetime


class ViewPage(Model):
    """A page of a view, read from the CRM database. `next`: the cursor of the following page, null at the end."""

    view_id: str
    size: int
    rows: list[LeadRow]
    next: str | None


async def own_view(parts: Services, person: Person, view_id: uuid.UUID) -> CustomView:
    """Return one of the person's own views. Raises 404 for any other."""
    view = await asyncio.to_thread(parts.views.find, person.org, person.rep_id, str(view_id))
    if view is None:
        raise not_found(f"view {view_id} of yours")
    return view


async def view_leads_from(
    parts: Services, person: Person, view: CustomView, *, start: int, limit: int, name: str = ""
) -> ViewPage:
    """Return leads of a view from rank `start` on."""
    org_zone = parts.directory.org(person.org).settings.time_zone
    compiled = custom_views.compiled_view(view.view_id, view.value, org_zone)
    page = await ask(
        parts,
        lambda connection: custom_views.own_leads(
            connection,
            person.org,
            person.rep_id,
            compiled,
            datetime.now(UTC),
            start=start,
            limit=limit,
            name=name,
        ),
    )
    end = start + limit
    return ViewPage(
        view_id=view.view_id,
        size=page.size,
        rows=[LeadRow(**row._asdict()) for row in page.rows],
        next=cursor_of(end) if end < page.size else None,
    )


def view_as_shown(view: CustomView) -> ViewState:
    """Return a view in the API's form."""
    return ViewState(
        view_id=view.view_id,
        etag=view.revision,
        name=view.value["name"],
        columns=view.value.get("columns", []),
        inclusion=view.value.get("inclusion"),
        exclusion=view.value.get("exclusion"),
        sort=SortBy(**view.value.get("sort", {})),
        updated_at=view.updated_at,
    )
