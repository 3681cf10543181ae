"""The page that shows what became of what each vendor sent (V6)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from web.auth import MANAGERS, Access, PartsOf, Person
from web.pages.common import render
from web.services.vendor_reports import MOST_DAYS, vendor_reports

router = APIRouter(include_in_schema=False)


@router.get("/vendors")
async def vendors(
    request: Request,
    person: Annotated[Person, Depends(Access("leads:read", MANAGERS))],
    parts: PartsOf,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30,
) -> Response:
    """Show the reports of all vendors."""
    reports = await vendor_reports(parts, person.org, days)
    return render(request, person, "vendors.html", reports=reports, days=days)
