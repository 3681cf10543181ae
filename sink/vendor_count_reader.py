"""Adds up what became of each vendor's arrivals, from the counts of its hours (V6)."""

from collections import Counter
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from sink.tables import VendorCountTable
from sink.vendor_count_of_record import hour_of

_NAMES: Final = {
    "accepted": "accepted",
    "assigned": "assigned",
    "claimed": "claimed",
    "resend": "resends",
    "inquiry": "inquiries",
    "reused_id": "reused",
}
"""Kind of count -> field."""


class VendorCounts(msgspec.Struct):
    """What became of one vendor's arrivals. `accepted`: new leads. `assigned`: those of them that somebody ever had.

    `claimed`: those that a rep claimed through a queue. `reused`: ids that came with another person before (K6).
    `refused`: reason -> messages. `remarks`: remark -> leads and inquiries.
    """

    vendor: str
    accepted: int = 0
    assigned: int = 0
    claimed: int = 0
    resends: int = 0
    inquiries: int = 0
    reused: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    remarks: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def conversion(self) -> float | None:
        """The share of new leads that somebody ever had; None without leads."""
        return self.assigned / self.accepted if self.accepted else None


def vendor_counts(connection: Connection, orgs: tuple[str, ...], since: datetime) -> dict[str, VendorCounts]:
    """Return vendor -> its counts of some orgs since the hour of an instant."""
    table = VendorCountTable
    query = (
        select(table.vendor, table.kind, table.detail, func.sum(table.count))
        .where(table.org.in_(orgs), table.begins_at >= hour_of(since))
        .group_by(table.vendor, table.kind, table.detail)
    )
    counts_by_vendor: dict[str, VendorCounts] = {}
    for vendor, kind, detail, count in connection.execute(query):
        counts = counts_by_vendor.setdefault(vendor, VendorCounts(vendor))
        if kind in _NAMES:
            setattr(counts, _NAMES[kind], int(count))
        else:
            (counts.refused if kind == "refused" else counts.remarks)[detail] += int(count)
    return counts_by_vendor
