"""Serves the exceptions desk, the unassigned leads, and the reps who may be assigned a lead (E1, E2, E4, E5)."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from sqlalchemy import Connection, select

from sink.lists import pages
from sink.lists.list_columns import RANGES, ColumnKind, Expression, ListDefinition
from sink.lists.listings import EXCEPTIONS, IGNORED_LAST, UNASSIGNED
from sink.queries import exceptions_by_status
from sink.tables import LeadExceptionTable
from web.auth import MANAGERS, Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, not_found
from web.schemas import CallTime, Model
from web.services import list_params
from web.services.call_times import call_times
from web.services.crm_query import ask
from web.services.names import Names

router = APIRouter(prefix="/api/v1", tags=["exceptions"], responses=DOCUMENTED)

Oversees = Annotated[Person, Depends(Access("exceptions:read", MANAGERS))]
Looks = Annotated[Person, Depends(Access("exceptions:read"))]
ShowIgnored = Annotated[bool, Query(description="Ignored ones too, at the end (E4)")]
REPS_OFFERED: Final = 100


class ListPage(Model):
    """A page of a list. `total`: how many rows meet the filters. `names`: column -> id -> name, of these rows' ids."""

    rows: list[dict[str, Any]]
    total: int
    next: str | None
    previous: str | None
    names: dict[str, dict[str, str]] = Field(default_factory=dict)
    call_times: dict[str, CallTime] = Field(
        default_factory=dict, description="Lead -> its time of day, and until when it may be called"
    )


class DeskPage(ListPage):
    """A page of the exceptions desk. `open` and `ignored`: how many of each the org has, regardless of the filters."""

    open: int
    ignored: int


class ColumnChoice(Model):
    """One value of a column (null: no value), its label, and how many rows have it."""

    value: str | bool | None
    label: str | None
    count: int


class Explained(Model):
    """Why a lead is an exception: the reason for every candidate (E1, X1)."""

    lead_id: str
    prospect_name: str
    status: str
    reason: str | None
    explanation: list[dict[str, Any]]
    raised_at: datetime | None


class Assignee(Model):
    """A rep who may be assigned a lead."""

    rep_id: str
    name: str
    role: str
    teams: list[str]


class Assignees(Model):
    """The reps whose name or id contains the search, by name. `total`: the number of such reps."""

    reps: list[Assignee]
    total: int = Field(description="May be larger than the number of listed reps")


@router.get("/exceptions", openapi_extra={"parameters": list_params.parameters(EXCEPTIONS)})
async def exceptions(
    request: Request, person: Oversees, parts: PartsOf, *, ignored: ShowIgnored = False
) -> DeskPage:
    """List the leads that no rep could be given, oldest first, ignored ones at the end (E2, E4)."""
    return await desk(parts, person, EXCEPTIONS, request, ignored=ignored)


@router.get("/unassigned", openapi_extra={"parameters": list_params.parameters(UNASSIGNED)})
async def unassigned(request: Request, person: Looks, parts: PartsOf) -> DeskPage:
    """List the same leads for a rep: the name, and what the distribution tried (E5, Q3)."""
    return await desk(parts, person, UNASSIGNED, request, ignored=False)


@router.get("/unassigned/choices/{column}")
async def unassigned_choices(
    person: Looks,
    parts: PartsOf,
    column: str,
    search: Annotated[str, Query(max_length=list_params.LONGEST)] = "",
) -> list[ColumnChoice]:
    """List the values of a column of the unassigned leads, for its filter."""
    return await offered(parts, person, UNASSIGNED, column, search, on_desk(person, ignored=False))


@router.get("/exceptions/choices/{column}")
async def choices(
    person: Oversees,
    parts: PartsOf,
    column: str,
    search: Annotated[str, Query(max_length=list_params.LONGEST)] = "",
    *,
    ignored: ShowIgnored = False,
) -> list[ColumnChoice]:
    """List the values of a column of the desk, for its filter."""
    return await offered(parts, person, EXCEPTIONS, column, search, on_desk(person, ignored=ignored))


@router.get("/exceptions/{lead_id}")
async def exception(person: Oversees, parts: PartsOf, lead_id: uuid.UUID) -> Explained:
    """Say why a lead is an exception, candidate by candidate (X1)."""
    table = LeadExceptionTable
    query = select(*(table.__table__.columns)).where(table.lead_id == str(lead_id), table.org == person.org)
    row = await ask(parts, lambda connection: connection.execute(query).mappings().first())
    if row is None:
        raise not_found(f"exception {lead_id}")
    rules = parts.directory.org(person.org)
    candidates = []
    for candidate in row["explanation"] or []:
        rep, queue = (
            rules.reps.get(candidate.get("rep_id") or ""),
            rules.queues.get(candidate.get("queue_id") or ""),
        )
        names = {"rep_name": rep.name if rep else "", "queue_name": queue.queue.name if queue else ""}
        text = Names(rules).within(candidate.get("why"))
        candidates.append({**candidate, **{key: name for key, name in names.items() if name}, "words": text})
    values = {name: row[name] for name in Explained.model_fields}
    return Explained(**{**values, "explanation": candidates})


@router.get("/assignees")
async def assignees(
    person: Annotated[Person, Depends(Access("directory:read", MANAGERS))],
    parts: PartsOf,
    search: Annotated[str, Query(max_length=list_params.LONGEST)] = "",
) -> Assignees:
    """List the active reps of the org by name. Any of them may be given a lead by hand (E3, D6)."""
    terms = search.casefold().split()
    reps = [
        Assignee(rep_id=rep.rep_id, name=rep.name or rep.rep_id, role=rep.role, teams=list(rep.teams))
        for rep in parts.directory.org(person.org).reps.values()
        if rep.active and all(word in f"{rep.name} {rep.rep_id}".casefold() for word in terms)
    ]
    reps.sort(key=lambda rep: (rep.name.casefold(), rep.rep_id))
    return Assignees(reps=reps[:REPS_OFFERED], total=len(reps))


# -- helpers of the routes of lists ------------------------------------------------------------------------------------


def on_desk(person: Person, *, ignored: bool) -> list[Any]:
    """Return the condition for the org's current exceptions, with or without ignored ones."""
    shown = ("open", "ignored") if ignored else ("open",)
    return [LeadExceptionTable.org == person.org, LeadExceptionTable.status.in_(shown)]


async def desk(
    parts: Services, person: Person, listing: ListDefinition, request: Request, *, ignored: bool
) -> DeskPage:
    """Return a page of the desk."""
    bands: Sequence[Expression] = IGNORED_LAST if ignored else ()
    query = list_params.from_request(request, listing, ("ignored",), bands)
    only = on_desk(person, ignored=ignored)

    def question(connection: Connection) -> tuple[pages.Page, int, dict[str, int]]:
        page = pages.page(connection, listing, query, only, bands)
        return (
            page,
            pages.total(connection, listing, query, only, page),
            exceptions_by_status(connection, person.org),
        )

    page, total, counts = await ask(parts, question)
    lead_ids = [row["lead_id"] for row in page.rows] if listing is EXCEPTIONS else []
    return DeskPage(
        call_times=await call_times(parts, person, lead_ids),
        rows=page.rows,
        total=total,
        next=page.next,
        previous=page.previous,
        names=list_params.names_in(parts.directory.org(person.org), listing, page.rows),
        open=counts.get("open", 0),
        ignored=counts.get("ignored", 0),
    )


async def offered(
    parts: Services, person: Person, listing: ListDefinition, name: str, search: str, only: Sequence[Any]
) -> list[ColumnChoice]:
    """Return the values of a column whose value or name contains the search."""
    column = listing.by_name.get(name)
    if column is None or column.kind in RANGES or column.kind is ColumnKind.TEXT:
        raise HttpProblem(404, "not-found", f"column {name} with values to choose from")
    rules = parts.directory.org(person.org)
    in_database = "" if column.names else search
    choices = await ask(parts, lambda connection: pages.choices(connection, listing, name, only, in_database))
    offered = []
    for value, count in choices:
        label = list_params.name_of(rules, column, value) if column.names and isinstance(value, str) else None
        if column.names == "group" and isinstance(value, str):
            campaign = rules.campaigns.get(value)
            label = f"{label} ({(campaign.name if campaign else None) or value})"
        if not column.names or search.casefold() in f"{value or ''} {label or ''}".casefold():
            offered.append(ColumnChoice(value=value, label=label, count=count))
    return offered
