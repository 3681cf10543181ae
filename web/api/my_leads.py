"""Serves the leads of a rep or of an org: lists, export, owners (S6)."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from rules.language.tree import in_zone, parse
from rules.language.value_labels import value_label
from rules.queues.rule_book import OrgRules
from sink.lists import pages
from sink.lists.list_columns import Column, ColumnKind, ListDefinition
from sink.lists.list_query import ListQuery
from sink.lists.listings import ASSIGNMENTS, LEAD_COLUMNS, LEADS
from sink.sql.filter import rule_condition
from sink.tables import AssignmentTable, LeadTable
from web.api.desk import ColumnChoice, ListPage, offered
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, forbidden
from web.services import list_params
from web.services.audit.export_records import RecordedExport, RowCount, used_filter
from web.services.call_times import call_times
from web.services.crm_query import ask
from web.services.outcome_labels import outcome_label
from web.services.spreadsheet_text import defused_text

router = APIRouter(prefix="/api/v1", tags=["leads"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("leads:read"))]
MayExport = Annotated[Person, Depends(Access("leads:read", proved=True))]
_COLUMNS: Final = {
    "name": "columns",
    "in": "query",
    "required": False,
    "description": "The columns to write, separated by commas",
    "schema": {"type": "string"},
}
_SEGMENT: Final = {
    "name": "segment",
    "in": "query",
    "required": False,
    "description": "A rule tree as JSON, for managers and admins (D6)",
    "schema": {"type": "string"},
}
_WORDED: Final = frozenset({"last_outcome", "loan_purpose", "property_type", "phase"})
"""The columns whose values people read as labels. A CSV has both: the value in its place for programs, and the label in
a further column at the end, so that no column of an older file moves."""
_CSV: Final = "text/csv"


@router.get("/leads", openapi_extra={"parameters": list_params.parameters(LEADS, _SEGMENT)})
async def leads(request: Request, person: Reads, parts: PartsOf) -> ListPage:
    """List leads, newest first: a rep's own leads; all leads of the org for managers and admins."""
    only = [*whose(person), *segment(parts, person, request.query_params.get("segment"))]
    return await _page(parts, person, request, leads_listing(person), only, ("segment",))


@router.get("/leads/choices/{column}")
async def choices(
    person: Reads,
    parts: PartsOf,
    column: str,
    search: Annotated[str, Query(max_length=list_params.LONGEST)] = "",
) -> list[ColumnChoice]:
    """List the values of a column of the caller's leads, for its filter."""
    return await offered(parts, person, leads_listing(person), column, search, whose(person))


@router.get(
    "/leads.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {_CSV: {"schema": {"type": "string"}}}}},
    openapi_extra={"parameters": list_params.parameters(LEADS, _COLUMNS, _SEGMENT)},
)
async def export(request: Request, person: MayExport, parts: PartsOf) -> RecordedExport:
    """Export all leads that meet the filters, in the requested order, as CSV: `lead_id`, then the columns by label.

    The file is UTF-8 with a byte order mark, so that spreadsheets recognize the encoding. A text that a spreadsheet
    would take for a formula gets a leading apostrophe. `firstclaim assign --from` and the page's own upload can read
    the file. A few exports run at the same time; a further one gets 429.
    """
    listing = leads_listing(person)
    names = [
        name for name in (request.query_params.get("columns") or ",".join(LEAD_COLUMNS)).split(",") if name
    ]
    if unknown := [name for name in names if name not in listing.by_name]:
        raise HttpProblem(422, "invalid", f"columns: there is no column {', '.join(unknown)}")
    query = list_params.from_request(request, listing, ("columns", "segment"))
    only = [*whose(person), *segment(parts, person, request.query_params.get("segment"))]
    rules = parts.directory.org(person.org)
    rows = RowCount()
    recording = parts.audit.act(person.as_actor, "exported", "export/leads", used_filter(request, listing))
    day = datetime.now(UTC).date().isoformat()
    return RecordedExport(
        parts.exports,
        (person.org, person.rep_id),
        lambda connection: _csv(connection, listing, query, only, names, rules, rows.add),
        recording=recording,
        rows=rows,
        media_type=_CSV,
        headers={"Content-Disposition": f'attachment; filename="leads-{day}.csv"'},
    )


@router.get("/assignments", openapi_extra={"parameters": list_params.parameters(ASSIGNMENTS)})
async def assignments(request: Request, person: Reads, parts: PartsOf) -> ListPage:
    """List who owns which lead, since when and how, newest first: a rep's own, or all of the org."""
    only = [AssignmentTable.org == person.org]
    if not person.oversees:
        only.append(AssignmentTable.rep_id == person.rep_id)
    return await _page(parts, person, request, ASSIGNMENTS, only)


def whose(person: Person) -> list[Any]:
    """Return the condition for the leads that a person may list: a rep's own, or all of the org's (Q3)."""
    only = [LeadTable.org == person.org]
    return only if person.oversees else [*only, LeadTable.owner == person.rep_id]


def segment(parts: Services, person: Person, text: str | None) -> list[Any]:
    """Return the condition of a segment, a rule tree as JSON (D6, X5). The list is empty without a segment.

    Raises 403 for a rep and 422 with each problem of the rule.
    """
    if not text:
        return []
    if not person.oversees:
        raise forbidden("segments are for managers and admins")
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise HttpProblem(422, "invalid", f"segment: is not JSON: {error}") from error
    tree = in_zone(parse(raw, "segment"), parts.directory.org(person.org).settings.time_zone)
    return [rule_condition(tree, datetime.now(UTC), parts.crm.dialect.name)]


def leads_listing(person: Person) -> ListDefinition:
    """Return the list of leads for a person. A rep has few leads, and an index finds them."""
    return LEADS if person.oversees else replace(LEADS, scan=None)


async def _page(
    parts: Services,
    person: Person,
    request: Request,
    listing: ListDefinition,
    only: Sequence[Any],
    more: Sequence[str] = (),
) -> ListPage:
    query = list_params.from_request(request, listing, more)

    def question(connection: Connection) -> tuple[pages.Page, int]:
        page = pages.page(connection, listing, query, only)
        return page, pages.total(connection, listing, query, only, page)

    page, total = await ask(parts, question)
    return ListPage(
        call_times=await call_times(parts, person, [row["lead_id"] for row in page.rows]),
        rows=page.rows,
        total=total,
        next=page.next,
        previous=page.previous,
        names=list_params.names_in(parts.directory.org(person.org), listing, page.rows),
    )


def _csv(
    connection: Connection,
    listing: ListDefinition,
    query: ListQuery,
    only: Sequence[Any],
    names: Sequence[str],
    rules: OrgRules,
    count: Callable[[], None],
) -> Iterator[bytes]:
    """Yield the file in pieces. `count` is called for each row."""
    columns = [listing.by_name[name] for name in names]
    worded = [n for n, column in enumerate(columns) if column.name in _WORDED]
    text = io.StringIO()
    write = csv.writer(text).writerow
    also = [f"{columns[n].label} (as shown)" for n in worded]
    write(["lead_id", *(column.label for column in columns), *also])
    yield b"\xef\xbb\xbf"
    for n, (lead_id, *values) in enumerate(pages.stream(connection, listing, query, only, names)):
        count()
        cells = (_cell(rules, *cell) for cell in zip(columns, values, strict=True))
        write([lead_id, *cells, *(_words(rules, columns[n], values[n]) for n in worded)])
        if n % 200 == 0:
            yield _take_text(text)
    yield _take_text(text)


def _words(rules: OrgRules, column: Column, value: Any) -> str:
    """Return the words that the pages show for a value."""
    if value is None:
        return ""
    return defused_text(
        outcome_label(rules, value) if column.name == "last_outcome" else value_label(str(value))
    )


def _take_text(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece


def _cell(rules: OrgRules, column: Column, value: Any) -> str:
    if value is None:
        return ""
    match column.kind:
        case ColumnKind.DATE:
            return str(value.isoformat(timespec="seconds"))
        case ColumnKind.FLAG:
            return "yes" if value else "no"
        case ColumnKind.AMOUNT:
            return f"{value:.15g}"
    return defused_text(list_params.name_of(rules, column, value) if column.names else str(value))
