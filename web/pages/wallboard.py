"""Serves the wallboard and the reports, for managers and admins."""

from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from web.auth import MANAGERS, Access, PartsOf, Person
from web.pages.page_context import data, render
from web.services.reports import ReportGrouping, report
from web.services.wallboard import wallboard

router = APIRouter(include_in_schema=False)
Reads = Annotated[Person, Depends(Access("operations:read", MANAGERS))]


@router.get("/wallboard")
async def board(request: Request, person: Reads, parts: PartsOf) -> Response:
    """Show the org's day so far. The page reads it again every few seconds."""
    figures = await wallboard(parts, person)
    return render(request, person, "wallboard.html", board=data(figures.model_dump(mode="json")))


@router.get("/reports")
async def reports(
    request: Request,
    person: Reads,
    parts: PartsOf,
    begin: Annotated[date | None, Query(alias="from")] = None,
    end: Annotated[date | None, Query(alias="to")] = None,
    by: Annotated[ReportGrouping, Query()] = ReportGrouping.DAY,
) -> Response:
    """Show a report by day, with links to the usual ranges and to the CSV file."""
    lead_report = await report(parts, person, begin, end, by)
    ranges = [
        (
            label,
            urlencode({"from": lead_report.end - timedelta(days=days - 1), "to": lead_report.end, "by": by}),
        )
        for label, days in (("7 days", 7), ("30 days", 30), ("90 days", 90))
    ]
    return render(
        request,
        person,
        "reports.html",
        report=lead_report,
        ranges=ranges,
        kinds=[
            (ReportGrouping.DAY, "Day"),
            (ReportGrouping.VENDOR, "Lead provider"),
            (ReportGrouping.GROUP, "Group"),
            (ReportGrouping.REP, "Rep"),
        ],
        query=urlencode({"from": lead_report.begin, "to": lead_report.end, "by": by}),
    )
