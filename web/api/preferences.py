"""Serves preferences of a person. They are the same in every browser (D5, S6)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Body, Depends, Path

from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED, HttpProblem, forbidden
from web.services.view_only import VIEW_ONLY
from web.store.preferences import TooLarge, TooMany

router = APIRouter(prefix="/api/v1/preferences", tags=["preferences"], responses=DOCUMENTED)

MAX_BYTES: Final = 10_000

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]


@router.get("/{name}")
async def preference(
    person: Annotated[Person, Depends(Access("preferences:read"))], parts: PartsOf, name: Name
) -> dict[str, Any]:
    """Return one preference; empty if it was never set."""
    return await asyncio.to_thread(parts.preferences.get, person.org, person.rep_id, name)


@router.put("/{name}")
async def prefer(
    person: Annotated[Person, Depends(Access("preferences:write"))],
    parts: PartsOf,
    name: Name,
    value: Annotated[dict[str, Any], Body()],
) -> dict[str, Any]:
    """Replace one preference."""
    _check(person, name, value)
    with _refused():
        await asyncio.to_thread(parts.preferences.put, person.org, person.rep_id, name, value)
    return value


@router.patch("/{name}")
async def change(
    person: Annotated[Person, Depends(Access("preferences:write"))],
    parts: PartsOf,
    name: Name,
    changes: Annotated[dict[str, Any], Body()],
) -> dict[str, Any]:
    """Replace some members of one preference, remove those that are null, and return all. Others stay as they are."""
    _check(person, name, changes)
    with _refused():
        return await asyncio.to_thread(
            parts.preferences.change, person.org, person.rep_id, name, changes, most_bytes=MAX_BYTES
        )


def _check(person: Person, name: str, value: dict[str, Any]) -> None:
    if name == VIEW_ONLY and not person.oversees:
        raise forbidden("view-only is for managers and admins")
    if len(msgspec.json.encode(value)) > MAX_BYTES:
        raise _too_large()


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except TooLarge as error:
        raise _too_large() from error
    except TooMany as error:
        raise HttpProblem(422, "too-many", f"name: {error}") from error


def _too_large() -> HttpProblem:
    return HttpProblem(422, "invalid", f"body: a preference has at most {MAX_BYTES} bytes")
