"""Puts together what became of each vendor's arrivals, from the counts of the CRM database."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from sink.vendor_count_reader import VendorCounts, vendor_counts
from web.console_services import Services
from web.services.crm_query import ask

MAX_DAYS: Final = 365
MAX_REASONS: Final = 50
"""The most reasons and remarks of one vendor. Further ones count as `others`."""
OTHERS: Final = "others"
NO_ORG: Final = ""
"""The org of refused messages that name none that can be read."""


class VendorReport(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's report, as `web/api/vendor_reports.py` shows it."""

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


async def vendor_reports(parts: Services, org: str, days: int) -> list[VendorReport]:
    """Return the reports of an org's vendors over the last days, by name. Raises `RetryableError`.

    Messages whose org cannot be read belong to the only org, if there is only one.
    """
    since = datetime.now(UTC) - timedelta(days=days)
    orgs = (org, NO_ORG) if parts.directory.only_org() == org else (org,)
    counts = await ask(parts, lambda connection: vendor_counts(connection, orgs, since))
    return [_report(counts[vendor]) for vendor in sorted(counts)]


def _report(counts: VendorCounts) -> VendorReport:
    return VendorReport(
        vendor=counts.vendor,
        accepted=counts.accepted,
        resends=counts.resends,
        inquiries=counts.inquiries,
        reused=counts.reused,
        assigned=counts.assigned,
        claimed=counts.claimed,
        conversion=counts.conversion,
        refused=_most_frequent(counts.refused),
        remarks=_most_frequent(counts.remarks),
    )


def _most_frequent(counts: Counter[str]) -> dict[str, int]:
    reasons = dict(counts.most_common(MAX_REASONS))
    more = counts.total() - sum(reasons.values())
    return {**reasons, OTHERS: more} if more else reasons
