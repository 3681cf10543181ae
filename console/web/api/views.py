"""Views that people make of their own leads: listed, made, changed, deleted, and what is in them (Q1).

Every answer has the view's `ETag`; a change names it by `If-Match`, and is refused with 412 and what differs if it
was changed elsewhere. A view is never claimable: a try gets 403.
"""

import asyncio
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field, StringConstraints, field_validator

from console.directory.changes import differences
from console.web import custom
from console.web.api.actions import action_id
from console.web.api.desk import ask
from console.web.api.drafts import Match
from console.web.api.queues import MOST, cursor_of, rank_of
from console.web.api.schemas import LeadRow, Model
from console.web.errors import Problem, forbidden, not_found
from console.web.parts import Parts
from console.web.store.views import CustomView, TooMany
from console.web.who import Access, PartsOf, Person
from models.errors import InvalidInput

router = APIRouter(prefix="/api/v1/views", tags=["views"])

Uses = Annotated[Person, Depends(Access("queues:read"))]
Reads = Annotated[Person, Depends(Access("leads:read"))]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="The same key is the same view: it is returned as it is by now, and not made again",
    ),
]
_NEVER: Final = "a view of your own is never claimable: only admins and managers build claimable queues"


class SortBy(Model):
    """One field of the catalogue, and the direction."""

    field: str = Field(default="arrived_at", max_length=200)
    direction: Literal["asc", "desc"] = "asc"


class ViewEdit(Model):
    """A view as it is to be, all of it, with rules, columns and order as queues have them; no columns: names only."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    columns: list[str] = Field(default_factory=list)
    inclusion: dict[str, Any] | None = None
    exclusion: dict[str, Any] | None = None
    sort: SortBy = SortBy()
    claimable: bool = Field(default=False, description="Never true: that gets 403 (Q1)")

    @field_validator("claimable")
    @classmethod
    def never_claimable(cls, claimable: bool) -> bool:
        """Refuse a claimable view, whatever else is in it."""
        if claimable:
            raise forbidden(_NEVER)
        return claimable


class ViewState(Model):
    """A view of one's own leads."""

    view_id: str
    etag: str
    name: str
    columns: list[str]
    inclusion: dict[str, Any] | None
    exclusion: dict[str, Any] | None
    sort: SortBy
    updated_at: datetime


class ViewPage(Model):
    """A stretch of a view, as the CRM database has it. `next`: the cursor of what follows, null at the end."""

    view_id: str
    size: int
    rows: list[LeadRow]
    next: str | None


@router.get("")
async def views(person: Uses, parts: PartsOf) -> list[ViewState]:
    """List one's own views by name."""
    return [shown(view) for view in await asyncio.to_thread(parts.views.all, person.org, person.rep_id)]


@router.post("", status_code=HTTPStatus.CREATED)
async def add(
    person: Uses, parts: PartsOf, response: Response, given: ViewEdit, key: Key = None
) -> ViewState:
    """Make a view of one's own leads."""
    view_id = action_id(person, key)
    value = _accepted(view_id, given)
    try:
        made = await asyncio.to_thread(parts.views.add, person.org, person.rep_id, view_id, value)
    except TooMany as error:
        raise Problem(HTTPStatus.CONFLICT, "too-many-views", str(error)) from error
    return _tagged(response, made)


@router.get("/{view_id}")
async def view(person: Uses, parts: PartsOf, response: Response, view_id: uuid.UUID) -> ViewState:
    """Return one of one's own views."""
    return _tagged(response, await own(parts, person, view_id))


@router.put("/{view_id}")
async def save(
    person: Uses,
    parts: PartsOf,
    response: Response,
    view_id: uuid.UUID,
    given: ViewEdit,
    match: Match = None,
) -> ViewState:
    """Change a view."""
    value = _accepted(str(view_id), given)
    now = _held(await own(parts, person, view_id), match, value)
    saved = await asyncio.to_thread(
        lambda: parts.views.save(person.org, person.rep_id, now.view_id, value, seen=now.revision)
    )
    if saved is None:
        raise _overtaken(await own(parts, person, view_id), value)
    return _tagged(response, saved)


@router.delete("/{view_id}", status_code=HTTPStatus.NO_CONTENT)
async def remove(person: Uses, parts: PartsOf, view_id: uuid.UUID, match: Match = None) -> None:
    """Delete a view; the leads in it stay whose they are."""
    now = _held(await own(parts, person, view_id), match)
    gone = await asyncio.to_thread(
        lambda: parts.views.discard(person.org, person.rep_id, now.view_id, seen=now.revision)
    )
    if not gone:
        raise _overtaken(await own(parts, person, view_id), now.value)


@router.get("/{view_id}/leads")
async def leads(
    person: Reads,
    parts: PartsOf,
    view_id: uuid.UUID,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    name: Annotated[str, Query(max_length=200, description="Only whose name contains this (Q12)")] = "",
) -> ViewPage:
    """List those of one's own leads that meet the view's rules now, in its order."""
    found = await own(parts, person, view_id)
    return await stretch(parts, person, found, start=rank_of(cursor), limit=limit, name=name)


async def own(parts: Parts, person: Person, view_id: uuid.UUID) -> CustomView:
    """Return one of the person's own views; raises 404 for any other."""
    found = await asyncio.to_thread(parts.views.find, person.org, person.rep_id, str(view_id))
    if found is None:
        raise not_found(f"view {view_id} of yours")
    return found


async def stretch(
    parts: Parts, person: Person, view: CustomView, *, start: int, limit: int, name: str = ""
) -> ViewPage:
    """Return leads of a view from rank `start` on."""
    asked = custom.compiled(view.view_id, view.value)
    found = await ask(
        parts,
        lambda connection: custom.own_leads(
            connection,
            person.org,
            person.rep_id,
            asked,
            datetime.now(UTC),
            start=start,
            limit=limit,
            name=name,
        ),
    )
    end = start + limit
    return ViewPage(
        view_id=view.view_id,
        size=found.size,
        rows=[LeadRow(**row._asdict()) for row in found.rows],
        next=cursor_of(end) if end < found.size else None,
    )


def shown(view: CustomView) -> ViewState:
    """Return a view as the API says it."""
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


def _accepted(view_id: str, given: ViewEdit) -> dict[str, Any]:
    """Return a view as it is kept; raises 422 with each problem's reason alone, for the form to say at its place."""
    try:
        return custom.accepted(view_id, given.model_dump())
    except InvalidInput as error:
        errors = [{"path": one.path, "reason": one.reason} for one in error.problems]
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{error.problems[0]}", errors=errors
        ) from error


def _tagged(response: Response, view: CustomView) -> ViewState:
    response.headers["ETag"] = f'"{view.revision}"'
    return shown(view)


def _held(now: CustomView, match: str | None, value: dict[str, Any] | None = None) -> CustomView:
    """Return the view if it is the one that was seen; raises 412 and 428."""
    if match is None:
        raise Problem(HTTPStatus.PRECONDITION_REQUIRED, "if-match", "If-Match is missing: say what you saw")
    if match.removeprefix("W/").strip('"') not in (now.revision, "*"):
        raise _overtaken(now, now.value if value is None else value)
    return now


def _overtaken(now: CustomView, yours: dict[str, Any]) -> Problem:
    return Problem(
        HTTPStatus.PRECONDITION_FAILED,
        "overtaken",
        "you have changed this view elsewhere since you saw it",
        etag=now.revision,
        changes=[
            {"path": one.path, "theirs": one.old, "yours": one.new} for one in differences(now.value, yours)
        ],
    )
