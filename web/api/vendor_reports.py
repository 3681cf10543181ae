"""Serves what became of what each vendor sent, for managers (V6)."""

import csv
import io
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from web.auth import MANAGERS, Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.spreadsheet_text import defused_text
from web.services.vendor_reports import MAX_DAYS, VendorReport, vendor_reports

router = APIRouter(prefix="/api/v1/vendors", tags=["vendors"], responses=DOCUMENTED)
Reads = Annotated[Person, Depends(Access("leads:read", MANAGERS))]
Days = Annotated[int, Query(ge=1, le=MAX_DAYS, description="How many days back")]


class VendorReportShown(Model):
    """One vendor's report. `accepted`: new leads; `conversion`: the share of them that somebody has or had.

    `refused`: reason -> messages. `remarks`: remark -> leads and inquiries.
    """

    vendor: str
    accepted: int
    resends: int
    inquiries: int
    reused: int
    assigned: int
    claimed: int
    conversion: float | None
    refused: dict[str, int]
    remarks: dict[str, int]


@router.get("/reports")
async def reports(person: Reads, parts: PartsOf, days: Days = 30) -> list[VendorReportShown]:
    """List the reports of the org's vendors, by name."""
    return [
        VendorReportShown.model_validate(report) for report in await vendor_reports(parts, person.org, days)
    ]


@router.get(
    "/reports.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export(person: Reads, parts: PartsOf, days: Days = 30) -> Response:
    """Export the reports as CSV: a line for each vendor, and one for each of its reasons and remarks."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(["vendor", "what", "reason or remark", "count"])
    for report in await vendor_reports(parts, person.org, days):
        for line in _lines(report):
            write([defused_text(report.vendor), *line])
    day = datetime.now(UTC).date().isoformat()
    headers = {"Content-Disposition": f'attachment; filename="vendors-{day}.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv", headers=headers)


def _lines(report: VendorReport) -> list[tuple[str, str, str]]:
    counts = ("accepted", "resends", "inquiries", "reused", "assigned", "claimed")
    return [
        *((name, "", str(getattr(report, name))) for name in counts),
        ("conversion", "", "" if report.conversion is None else f"{report.conversion:.3f}"),
        *(("refused", defused_text(reason), str(count)) for reason, count in report.refused.items()),
        *(("remark", defused_text(remark), str(count)) for remark, count in report.remarks.items()),
    ]
