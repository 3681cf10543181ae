"""Says what one record of the journal, or one refusal, counts for its vendor. This is pure (V6)."""

import re
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from models.decisions import ArrivalRepeated, InquiryAdded, LeadAccepted, OwnerChanged
from models.inbound import Arrival
from models.lead import LeadRow

ASSIGNED: Final = "assigned"
CLAIMED: Final = "claimed"
OTHERS: Final = "others"
"""The detail of what is not told apart."""
_LONGEST_DETAIL: Final = 120
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_DIGITS: Final = re.compile(r"\d+")
_REMARK_WORDS: Final = {"invalid": "unreadable", "assumed": "assumed", "remarks": "doubtful"}
"""Attributes that our reader adds -> the word for it."""
_FIELDS: Final = frozenset(Arrival.model_fields)
_COUNTED: Final = frozenset({LeadAccepted, ArrivalRepeated, InquiryAdded, OwnerChanged})
"""The decisions that count something. Most records have none of them, or one among several."""


class Count(NamedTuple):
    """One thing to count."""

    org: str
    vendor: str
    begins_at: datetime
    kind: str
    detail: str = ""


class RowCounts(NamedTuple):
    """What one journal record counts. `firsts`: counted only the first time that it happens to the lead."""

    partition: int
    off: int
    lead_id: str
    counts: tuple[Count, ...]
    firsts: tuple[Count, ...]


def hour_of(at: datetime) -> datetime:
    """Return the beginning of an instant's hour, in UTC."""
    instant = at if at.tzinfo is UTC else at.astimezone(UTC)
    # `replace` takes half as long again.
    return datetime(instant.year, instant.month, instant.day, instant.hour, tzinfo=UTC)


def row_counts(partition: int, lead_id: str, row: LeadRow) -> RowCounts:
    """Return what a journal record counts. This is pure: the same record always counts the same."""
    lead = row.lead
    if lead is None:
        return RowCounts(partition, row.off, lead_id, (), ())
    if _COUNTED.isdisjoint(map(type, row.decisions)):
        return RowCounts(partition, row.off, lead_id, (), ())
    org, vendor = lead.facts.org, lead.facts.vendor
    arrived = hour_of(lead.arrived_at)
    counts: list[Count] = []
    firsts: list[Count] = []
    for decision in row.decisions:
        if type(decision) not in _COUNTED:
            continue
        match decision:
            case LeadAccepted():
                counts.append(Count(org, vendor, arrived, "accepted"))
                if decision.id_reused is not None:
                    counts.append(Count(org, vendor, arrived, "reused_id"))
                counts += _remarks(Count(org, vendor, arrived, "remark"), lead.facts.attributes)
            case ArrivalRepeated():
                counts.append(Count(org, decision.vendor or vendor, hour_of(row.at), "resend"))
            case InquiryAdded():
                inquiry_count = Count(org, decision.vendor, hour_of(row.at), "inquiry")
                counts.append(inquiry_count)
                if decision.facts is not None:
                    counts += _remarks(inquiry_count._replace(kind="remark"), decision.facts.attributes)
            case OwnerChanged(rep_id=str()):
                firsts.append(Count(org, vendor, arrived, ASSIGNED))
                if decision.how == "claim":
                    firsts.append(Count(org, vendor, arrived, CLAIMED))
            case _:
                pass
    return RowCounts(partition, row.off, lead_id, tuple(counts), tuple(firsts))


def remarks_in(attributes: dict[str, Any]) -> list[str]:
    """Return what the reader remarked: each field that could not be read, was assumed, or is doubtful."""
    return [
        f"{word} {field if field in _FIELDS else OTHERS}"
        for name, word in _REMARK_WORDS.items()
        if isinstance(remarks := attributes.get(name), dict)
        for field in remarks
        if field != "id_reused"  # counted by its decision
    ]


def _remarks(count: Count, attributes: dict[str, Any]) -> list[Count]:
    return [count._replace(detail=detail) for detail in remarks_in(attributes)] if attributes else []


def reason_detail(reason: str) -> str:
    """Return the reason of a refusal without what the vendor sent, so that the same mistakes count together."""
    return _DIGITS.sub("N", _QUOTED.sub("…", reason))[:_LONGEST_DETAIL]
