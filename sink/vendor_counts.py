"""Counts what became of each vendor's arrivals, from the CRM database. Each query reads a bounded number of rows (V6).

Each function takes an open connection, as in `sink.queries`. If there is more than `MOST` of a kind, the newest count.
"""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, case, func, select

from sink.tables import DecisionTable, InquiryTable, LeadTable

MOST: Final = 50_000
"""The most leads, inquiries or decisions of one kind that are counted."""
MOST_READ: Final = 5_000
"""The most leads whose remarks are read."""


class VendorCounts:
    """What became of one vendor's arrivals. `accepted`: new leads. `assigned`: those that somebody has or had.

    `claimed`: those that a rep claimed through a queue. `reused`: ids that came with another person before (K6).
    `remarks`: remark -> leads, among the newest `MOST_READ` leads of the org.
    """

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.accepted = self.assigned = self.claimed = self.resends = self.inquiries = self.reused = 0
        self.remarks: Counter[str] = Counter()

    @property
    def conversion(self) -> float | None:
        """The share of new leads that somebody has; None without leads."""
        return self.assigned / self.accepted if self.accepted else None


def vendor_counts(connection: Connection, org: str, since: datetime) -> dict[str, VendorCounts]:
    """Return vendor -> its counts of an org since an instant."""
    found: defaultdict[str, VendorCounts] = _Vendors()
    lead, decision, inquiry = LeadTable, DecisionTable, InquiryTable
    newest = (
        select(lead.vendor, lead.owner, lead.assigned_at, lead.claimed_through)
        .where(lead.org == org, lead.arrived_at >= since)
        .order_by(lead.arrived_at.desc())
        .limit(MOST)
        .subquery()
    )
    had = case((newest.c.owner.is_not(None), 1), (newest.c.assigned_at.is_not(None), 1), else_=0)
    claimed = case((newest.c.claimed_through.is_not(None), 1), else_=0)
    query = select(newest.c.vendor, func.count(), func.sum(had), func.sum(claimed)).group_by(newest.c.vendor)
    for vendor, accepted, assigned, taken in connection.execute(query):
        one = found[vendor]
        one.accepted, one.assigned, one.claimed = accepted, int(assigned), int(taken)
    asked = select(inquiry.vendor).where(inquiry.org == org, inquiry.at >= since).limit(MOST).subquery()
    for vendor, count in connection.execute(select(asked.c.vendor, func.count()).group_by(asked.c.vendor)):
        found[vendor].inquiries = count
    for kind, name in (("arrival_repeated", "resends"), ("lead_accepted", "reused")):
        decided: Any = (
            select(lead.vendor)
            .select_from(decision)
            .join(lead, lead.lead_id == decision.lead_id)
            .where(lead.org == org, decision.type == kind, decision.decided_at >= since)
        )
        if name == "reused":
            decided = decided.where(decision.why["id_reused"].as_string().is_not(None))
        some = decided.order_by(decision.decided_at.desc()).limit(MOST).subquery()
        for vendor, count in connection.execute(select(some.c.vendor, func.count()).group_by(some.c.vendor)):
            setattr(found[vendor], name, count)
    facts = select(lead.vendor, lead.facts).where(lead.org == org, lead.arrived_at >= since)
    for vendor, said in connection.execute(facts.order_by(lead.arrived_at.desc()).limit(MOST_READ)):
        found[vendor].remarks.update(_remarks(said.get("attributes") or {}))
    return dict(found)


def _remarks(attributes: dict[str, Any]) -> list[str]:
    """Return what the reader remarked of a lead: each field that could not be read, was assumed, or is doubtful."""
    words = {"invalid": "unreadable", "assumed": "assumed", "remarks": "doubtful"}
    return [
        f"{word} {field}"
        for name, word in words.items()
        if isinstance(said := attributes.get(name), dict)
        for field in said
        if field != "id_reused"  # counted as `reused`
    ]


class _Vendors(defaultdict[str, VendorCounts]):
    def __missing__(self, vendor: str) -> VendorCounts:
        self[vendor] = found = VendorCounts(vendor)
        return found
