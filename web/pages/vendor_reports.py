"""Serves the page that shows what became of what each vendor sent (V6)."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from web.auth import MANAGERS, Access, PartsOf, Person
from web.pages.page_context import render
from web.services.field_labels import refusal_sentence, remark_sentence
from web.services.vendor_reports import MAX_DAYS, vendor_reports

router = APIRouter(include_in_schema=False)
CHOICES: Final = {1: "1 day", 7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year"}
"""The offered lengths of a report, in days."""


@router.get("/vendors")
async def vendors(
    request: Request,
    person: Annotated[Person, Depends(Access("leads:read", MANAGERS))],
    parts: PartsOf,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 30,
) -> Response:
    """Show the reports of all vendors."""
    reports = await vendor_reports(parts, person.org, days)
    return render(
        request,
        person,
        "vendors.html",
        reports=reports,
        days=days,
        choices=CHOICES,
        remark=remark_sentence,
        refusal=refusal_sentence,
    )
