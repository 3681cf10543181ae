"""Serves the audit page: who did what in the org, in sentences, by person, act and day."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from models.audit import ACTS
from web.auth import ADMINS, Access, PartsOf, Person
from web.errors import HttpProblem
from web.pages.page_context import render
from web.services.audit.audit_reading import MAX_ACTORS, day_of, read_page
from web.services.audit.entry_text import ACT_LABELS, EntryNames
from web.store.audit import AuditFilter

router = APIRouter(include_in_schema=False)

ROWS = 50


@router.get("/audit")
async def audit(
    request: Request,
    person: Annotated[Person, Depends(Access("audit:read", ADMINS))],
    parts: PartsOf,
    actor: Annotated[str, Query(max_length=300)] = "",
    act: Annotated[str, Query(max_length=50)] = "",
    day: Annotated[str, Query(max_length=10)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Show the entries that meet the filters, newest first."""
    if act and act not in ACTS:
        raise HttpProblem(422, "invalid", "act: there is no such act")
    since, until = day_of(day) if day else (None, None)
    audit_filter = AuditFilter(org=person.org, actor=actor or None, act=act or None, since=since, until=until)
    page = await read_page(parts, person, audit_filter, limit=ROWS, cursor=cursor)
    entry_names = EntryNames(parts.directory.org(person.org))
    actors = await asyncio.to_thread(parts.audit_index.actors, person.org, MAX_ACTORS)
    names = sorted(
        ((entry_names.rep(rep_id), rep_id) for rep_id in actors if rep_id),
        key=lambda pair: pair[0].casefold(),
    )
    older = None
    if page.next is not None:
        older = request.url.include_query_params(cursor=page.next)
    newest = request.url.remove_query_params("cursor") if cursor is not None else None
    return render(
        request,
        person,
        "audit.html",
        lines=page.lines,
        actors=names,
        acts=sorted(ACT_LABELS.items(), key=lambda pair: pair[1]),
        actor=actor,
        act=act,
        day=day,
        filtered=bool(actor or act or day),
        older=None if older is None else f"{older.path}?{older.query}",
        newest=None if newest is None else f"{newest.path}?{newest.query}",
        waiting=parts.audit.waiting,
        kept_days=parts.settings.audit_days,
    )
