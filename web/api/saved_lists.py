"""Serves saved filters of the lists from the database, with their columns and order (S6)."""

import asyncio
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query
from pydantic import Field, StringConstraints

from sink.lists.list_columns import ListDefinition
from sink.lists.listings import EXCEPTIONS, LEADS
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, forbidden, not_found
from web.schemas import Model
from web.store.saved_lists import SavedList, TooManySavedError

router = APIRouter(prefix="/api/v1/saved-lists", tags=["views"], responses=DOCUMENTED)

Uses = Annotated[Person, Depends(Access("queues:read"))]
Writes = Annotated[Person, Depends(Access("views:write"))]
ListName = Literal["leads", "exceptions"]
LISTINGS: dict[str, ListDefinition] = {"leads": LEADS, "exceptions": EXCEPTIONS}
_WORDS = frozenset({"sort", "search", "segment", "ignored"})


class SavedEdit(Model):
    """A filter to save. `query`: the list's address after `?`, without a cursor. `shared`: for everybody of the org."""

    list_name: ListName
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    query: str = Field(default="", max_length=4_000)
    columns: Annotated[list[str], Field(default_factory=list, max_length=100)]
    shared: bool = False


class Saved(SavedEdit):
    """A saved filter. `mine`: the caller may change it."""

    saved_id: str
    mine: bool
    updated_at: datetime


@router.get("")
async def saved(
    person: Uses, parts: PartsOf, list_name: Annotated[ListName, Query(alias="list", description="The list")]
) -> list[Saved]:
    """List the filters of a list that the caller may use, by name: the own ones and the shared ones."""
    saved_lists = await asyncio.to_thread(parts.saved_lists.of, person.org, person.rep_id, list_name)
    return [_shown(person, saved_list) for saved_list in saved_lists]


@router.post("", status_code=HTTPStatus.CREATED)
async def add(person: Writes, parts: PartsOf, body: SavedEdit) -> Saved:
    """Save a filter. Managers and admins may share it."""
    return await _store(parts, person, str(uuid.uuid4()), body, person.rep_id)


@router.put("/{saved_id}")
async def replace(person: Writes, parts: PartsOf, saved_id: uuid.UUID, body: SavedEdit) -> Saved:
    """Replace one of the caller's filters; a manager may also replace a shared one."""
    saved_list = await _own_filter(parts, person, saved_id)
    return await _store(parts, person, saved_list.saved_id, body, saved_list.rep_id)


@router.delete("/{saved_id}", status_code=HTTPStatus.NO_CONTENT)
async def remove(person: Writes, parts: PartsOf, saved_id: uuid.UUID) -> None:
    """Delete one of the caller's filters; a manager may also delete a shared one. No lead changes."""
    saved_list = await _own_filter(parts, person, saved_id)
    await asyncio.to_thread(parts.saved_lists.remove, person.org, saved_list.saved_id)


async def _store(parts: Services, person: Person, saved_id: str, body: SavedEdit, rep_id: str) -> Saved:
    if body.shared and not person.oversees:
        raise forbidden("only managers and admins share a filter with everybody")
    _check(body)
    saved_list = SavedList(
        saved_id=saved_id,
        list_name=body.list_name,
        rep_id=rep_id,
        shared=body.shared,
        value={"name": body.name, "query": body.query, "columns": body.columns},
        updated_at=datetime.now(UTC),
    )
    try:
        stored = await asyncio.to_thread(parts.saved_lists.put, person.org, saved_list)
    except TooManySavedError as error:
        raise HttpProblem(HTTPStatus.CONFLICT, "too-many-saved", str(error)) from error
    return _shown(person, stored)


def _check(body: SavedEdit) -> None:
    """Raise 422 for a column or a filter that the list does not have."""
    listing = LISTINGS[body.list_name]
    errors = [
        {"path": "columns", "reason": f"there is no column {name}"}
        for name in body.columns
        if name not in listing.by_name
    ]
    errors += [
        {"path": "query", "reason": f"{key} is not a filter of this list"}
        for key, _ in parse_qsl(body.query, keep_blank_values=True)
        if key not in _WORDS and key.partition(".")[0] not in listing.by_name
    ]
    if errors:
        first = errors[0]
        raise HttpProblem(422, "invalid", f"{first['path']}: {first['reason']}", errors=errors)


async def _own_filter(parts: Services, person: Person, saved_id: uuid.UUID) -> SavedList:
    saved_list = await asyncio.to_thread(parts.saved_lists.find, person.org, str(saved_id))
    if saved_list is None or not _may_change(person, saved_list):
        raise not_found(f"saved filter {saved_id} of yours")
    return saved_list


def _may_change(person: Person, saved: SavedList) -> bool:
    return saved.rep_id == person.rep_id or (saved.shared and person.oversees)


def _shown(person: Person, saved: SavedList) -> Saved:
    return Saved(
        saved_id=saved.saved_id,
        list_name=saved.list_name,  # type: ignore[arg-type]  # only names of lists are stored
        shared=saved.shared,
        mine=_may_change(person, saved),
        updated_at=saved.updated_at,
        **saved.value,
    )
