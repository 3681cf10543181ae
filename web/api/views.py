"""Serves views of a person's own leads: list, create, change, delete, and the leads in them (Q1).

Every answer has the view's `ETag`, and a change names it by `If-Match`. If the view was changed elsewhere, the change
is refused with 412 and the differences. A view is never claimable: an attempt gets 403.
"""

import asyncio
import uuid
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field, StringConstraints, field_validator

from application.directory.changes import differences
from models.errors import InvalidInput
from web.api.actions import action_id
from web.api.drafts import Match
from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED, HttpProblem, forbidden
from web.preconditions import matches
from web.schemas import Model
from web.services import custom_views
from web.services.view_pages import SortBy, ViewPage, ViewState, own_view, view_as_shown, view_leads_from
from web.services.visible_queues import MAX_PAGE, rank_of
from web.store.views import CustomView, TooManyViewsError

router = APIRouter(prefix="/api/v1/views", tags=["views"], responses=DOCUMENTED)

Uses = Annotated[Person, Depends(Access("queues:read"))]
Reads = Annotated[Person, Depends(Access("leads:read"))]
Writes = Annotated[Person, Depends(Access("views:write"))]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="The same key means the same view: it is returned as it is now, and not created again",
    ),
]
_NEVER: Final = "a view of your own is never claimable; only admins and managers build claimable queues"


class ViewEdit(Model):
    """A whole view: rules, columns and order, like a queue. Without columns it shows names only."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    columns: list[str] = Field(default_factory=list)
    inclusion: dict[str, Any] | None = None
    exclusion: dict[str, Any] | None = None
    sort: SortBy = SortBy()
    claimable: bool = Field(default=False, description="Never true: that gets 403 (Q1)")

    @field_validator("claimable")
    @classmethod
    def refuse_claimable(cls, claimable: bool) -> bool:
        """Reject a claimable view, regardless of its other fields."""
        if claimable:
            raise forbidden(_NEVER)
        return claimable


@router.get("")
async def views(person: Uses, parts: PartsOf) -> list[ViewState]:
    """List the caller's views by name."""
    return [
        view_as_shown(view) for view in await asyncio.to_thread(parts.views.all, person.org, person.rep_id)
    ]


@router.post("", status_code=HTTPStatus.CREATED)
async def add(
    person: Writes, parts: PartsOf, response: Response, body: ViewEdit, key: Key = None
) -> ViewState:
    """Create a view of the caller's leads."""
    view_id = action_id(person, key)
    value = _accepted(view_id, body)
    try:
        added = await asyncio.to_thread(parts.views.add, person.org, person.rep_id, view_id, value)
    except TooManyViewsError as error:
        raise HttpProblem(HTTPStatus.CONFLICT, "too-many-views", str(error)) from error
    return _with_etag(response, added)


@router.get("/{view_id}")
async def view(person: Uses, parts: PartsOf, response: Response, view_id: uuid.UUID) -> ViewState:
    """Return one of the caller's views."""
    return _with_etag(response, await own_view(parts, person, view_id))


@router.put("/{view_id}")
async def save(
    person: Writes,
    parts: PartsOf,
    response: Response,
    view_id: uuid.UUID,
    body: ViewEdit,
    match: Match = None,
) -> ViewState:
    """Change a view."""
    value = _accepted(str(view_id), body)
    now = _view_if_current(await own_view(parts, person, view_id), match, value)
    saved = await asyncio.to_thread(
        lambda: parts.views.save(person.org, person.rep_id, now.view_id, value, revision=now.revision)
    )
    if saved is None:
        raise _overtaken_problem(await own_view(parts, person, view_id), value)
    return _with_etag(response, saved)


@router.delete("/{view_id}", status_code=HTTPStatus.NO_CONTENT)
async def remove(person: Writes, parts: PartsOf, view_id: uuid.UUID, match: Match = None) -> None:
    """Delete a view. Its leads keep their owners."""
    now = _view_if_current(await own_view(parts, person, view_id), match)
    is_removed = await asyncio.to_thread(
        lambda: parts.views.discard(person.org, person.rep_id, now.view_id, revision=now.revision)
    )
    if not is_removed:
        raise _overtaken_problem(await own_view(parts, person, view_id), now.value)


@router.get("/{view_id}/leads")
async def leads(
    person: Reads,
    parts: PartsOf,
    view_id: uuid.UUID,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    name: Annotated[str, Query(max_length=200, description="Only whose name contains this (Q12)")] = "",
) -> ViewPage:
    """List the caller's leads that currently meet the view's rules, in its order."""
    custom_view = await own_view(parts, person, view_id)
    return await view_leads_from(parts, person, custom_view, start=rank_of(cursor), limit=limit, name=name)


def _accepted(view_id: str, body: ViewEdit) -> dict[str, Any]:
    """Return a view in stored form. Raises 422 with each problem's reason, which the form shows beside the field."""
    try:
        return custom_views.accepted_view(view_id, body.model_dump())
    except InvalidInput as error:
        errors = [{"path": problem.path, "reason": problem.reason} for problem in error.problems]
        raise HttpProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{error.problems[0]}", errors=errors
        ) from error


def _with_etag(response: Response, view: CustomView) -> ViewState:
    response.headers["ETag"] = f'"{view.revision}"'
    return view_as_shown(view)


def _view_if_current(now: CustomView, match: str | None, value: dict[str, Any] | None = None) -> CustomView:
    """Return the view if it is the one that was seen. Raises 412 and 428."""
    if match is None:
        raise HttpProblem(
            HTTPStatus.PRECONDITION_REQUIRED, "if-match", "If-Match is missing: name the version that you saw"
        )
    if not matches(match, now.revision):
        raise _overtaken_problem(now, now.value if value is None else value)
    return now


def _overtaken_problem(now: CustomView, yours: dict[str, Any]) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.PRECONDITION_FAILED,
        "overtaken",
        "you have changed this view elsewhere since you saw it",
        etag=now.revision,
        changes=[
            {"path": difference.path, "theirs": difference.old, "yours": difference.new}
            for difference in differences(now.value, yours)
        ],
    )
