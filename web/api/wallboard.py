"""Serves the manager's day: the wallboard, what waits, and the reports by day."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from web.auth import MANAGERS, Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.services.reports import Report, ReportGrouping, as_csv, report
from web.services.wallboard import Badges, Wallboard, badges, wallboard

router = APIRouter(prefix="/api/v1", tags=["operations"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("operations:read", MANAGERS))]
From = Annotated[date | None, Query(alias="from", description="The first day, of the org's time zone")]
To = Annotated[date | None, Query(alias="to", description="The last day, included; today by default")]
Divided = Annotated[ReportGrouping, Query(description="What the lines divide a day by")]


@router.get("/wallboard")
async def now(person: Reads, parts: PartsOf) -> Wallboard:
    """Return the org's day so far: reps, queues, speed by group and vendor. It is at most some seconds old."""
    return await wallboard(parts, person)


@router.get("/badges")
async def waiting(person: Annotated[Person, Depends(Access("leads:read"))], parts: PartsOf) -> Badges:
    """Return how much waits: calls that are due; for managers also open exceptions and dead letters."""
    return await badges(parts, person)


@router.get("/reports")
async def by_day(
    person: Reads, parts: PartsOf, begin: From = None, end: To = None, by: Divided = ReportGrouping.DAY
) -> Report:
    """Return arrivals and the time to the first claim, by day; at most 366 days, the last seven by default."""
    return await report(parts, person, begin, end, by)


@router.get(
    "/reports.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def by_day_as_csv(
    person: Reads, parts: PartsOf, begin: From = None, end: To = None, by: Divided = ReportGrouping.DAY
) -> Response:
    """Return the same report as CSV."""
    lead_report = await report(parts, person, begin, end, by)
    name = f"leads-{lead_report.begin}-{lead_report.end}-by-{lead_report.by}.csv"
    return Response(
        as_csv(lead_report),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
