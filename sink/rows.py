"""Turns one journal record into table rows. This is pure: the same record always gives the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from models.decisions import (
    ActivityRecorded,
    Answered,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    InquiryAdded,
    MergedInto,
    NoteRecorded,
    OwnerChanged,
)
from models.erasure_decisions import LeadErased
from models.lead import OPEN_OFFERS, Lead, LeadRow, Phase
from models.merging_decisions import InquirySplit, LeadSplit
from sink.sql.comparison_keys import comparison_keys
from sink.vendor_count_of_record import RowCounts, row_counts

Values = dict[str, Any]
"""One table row: column name -> value."""

_ACTIVITIES: Final = (ActivityRecorded, NoteRecorded)
_ABOUT_EXCEPTIONS: Final = (ExceptionRaised, ExceptionIgnored, ExceptionResolved)
_WITH_ROWS: Final = frozenset({*_ACTIVITIES, InquiryAdded, MergedInto, InquirySplit, LeadSplit, LeadErased})
"""Decisions that cause more than a row of their own. Most records have none of them."""
_STATUS: Final = {Phase.EXCEPTION: "open", Phase.IGNORED: "ignored"}
_INT64: Final = 2**63
_COPIED: Final = (
    "org",
    "vendor",
    "campaign",
    "external_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "phone_extension",
    "state",
    "zip",
    "loan_purpose",
    "property_type",
    "consent",
    "time_zone",
    "assigned_to",
)
_copied_of: Final = attrgetter(*_COPIED)


class TableRows(NamedTuple):
    """The rows of one journal record. `assignment` is also a row of the history.

    `split`: the ids of inquiries that a manager took out of the lead. `is_split`: the id is a lead again (K5).
    `erased`: the record erased the lead, so facts of the prospect are removed from rows of earlier records, also from
    those of the leads `split_from`, which the lead was taken out of. `counts`: what the record counts for its vendor.
    """

    off: int
    lead: Values | None
    assignment: Values | None
    exception: Values | None
    decisions: list[Values]
    activities: Sequence[Values] = ()
    inquiries: Sequence[Values] = ()
    aliases: Sequence[Values] = ()
    split: tuple[str, ...] = ()
    is_split: bool = False
    erased: bool = False
    split_from: tuple[str, ...] = ()
    counts: RowCounts | None = None


def table_rows(partition: int, lead_id: str, row: LeadRow) -> TableRows:
    """Return the rows of a record of `lead-journal`. `lead_id` is its key, `partition` its partition.

    A row without a lead (an action on a lead that never arrived) gives decisions only.
    """
    lead = row.lead
    found = TableRows(
        off=row.off,
        lead=None if lead is None else _lead(lead_id, row, lead),
        assignment=None if lead is None else _assignment(lead_id, row, lead),
        exception=None if lead is None else _exception(lead_id, row, lead),
        decisions=_decisions(partition, lead_id, row),
        split_from=() if lead is None else lead.split_from,
        counts=row_counts(partition, lead_id, row),
    )
    further = [decision for decision in row.decisions if type(decision) in _WITH_ROWS]
    if not further:
        return found
    return found._replace(
        activities=_activities(partition, lead_id, row, lead) if lead is not None else [],
        inquiries=_inquiries(lead_id, row, lead) if lead is not None else [],
        aliases=[
            {"alias_id": lead_id, "lead_id": decision.into}
            for decision in further
            if isinstance(decision, MergedInto)
        ],
        split=tuple(decision.inquiry_id for decision in further if isinstance(decision, InquirySplit)),
        is_split=any(isinstance(decision, LeadSplit) for decision in further),
        erased=any(isinstance(decision, LeadErased) for decision in further),
    )


def _inquiries(lead_id: str, row: LeadRow, lead: Lead) -> list[Values]:
    """Return the other inquiries that a record added to a lead, whole (K4)."""
    return [
        {
            "inquiry_id": decision.inquiry_id,
            "lead_id": lead_id,
            "org": lead.facts.org,
            "facts": {} if decision.facts is None else msgspec.to_builtins(decision.facts),
            "vendor": decision.vendor,
            "campaign": decision.campaign,
            "phone": None if decision.facts is None else decision.facts.phone,
            "email": None if decision.facts is None else decision.facts.email,
            "at": _utc(row.at),
        }
        for decision in row.decisions
        if isinstance(decision, InquiryAdded)
    ]


def _activities(partition: int, lead_id: str, row: LeadRow, lead: Lead) -> list[Values]:
    """Return the activities of a record (M3). A note is one, whether it came as a note or as an activity."""
    return [
        {
            "source_partition": partition,
            "source_offset": row.off,
            "n": n,
            "lead_id": lead_id,
            "org": lead.facts.org,
            "rep_id": decision.rep_id,
            "kind": decision.kind if isinstance(decision, ActivityRecorded) else "note",
            "contact": isinstance(decision, ActivityRecorded) and decision.contact,
            "note": decision.note,
            "version": row.seq,
            "cause": row.cause,
            "at": _utc(row.at),
        }
        for n, decision in enumerate(row.decisions)
        if isinstance(decision, _ACTIVITIES)
    ]


def _lead(lead_id: str, row: LeadRow, lead: Lead) -> Values:
    facts = lead.facts
    values: Values = dict(zip(_COPIED, _copied_of(facts), strict=True))
    values.update(
        lead_id=lead_id,
        silenced=lead.silenced,
        loan_amount=_double(facts.loan_amount),
        credit_score=_int64(facts.credit_score),
        facts=msgspec.to_builtins(facts),
        phase=lead.phase.value,
        owner=lead.owner,
        how=lead.how,
        via=lead.via,
        assigned_at=_utc(lead.assigned_at),
        claimed_through=lead.claimed_through,
        in_queue_since=_utc(lead.in_queue_since),
        last_contacted_at=_utc(lead.last_contacted_at),
        owner_last_contacted_at=_utc(lead.owner_last_contacted_at),
        owner_left=lead.owner_left,
        last_outcome=lead.last_outcome,
        callback_at=_utc(lead.callback_at),
        deferred_at=_utc(lead.deferred_at),
        failed=None if lead.failed is None else lead.failed.reason,
        failure_reason=None if lead.open_exception is None else lead.open_exception.reason,
        asked=comparison_keys(lead),
        **_lock_and_offer(lead),
        inquiries=lead.inquiries,
        notes=lead.notes,
        arrived_at=_utc(lead.arrived_at),
        created_at=_utc(facts.created_at or lead.arrived_at),
        updated_at=_utc(lead.updated_at),
        version=row.seq,
    )
    return values


_FREE: Final[Values] = dict.fromkeys(
    ("locked_by", "locked_until", "offer_rep_ids", "offer_epoch", "offer_until", "offer_method")
)
"""The values of a lead that nobody has open and that is offered to nobody."""


def _lock_and_offer(lead: Lead) -> Values:
    """Return who has the lead open (D1) and to whom it is offered (R3, S1), each None where there is none."""
    lock = lead.lock
    if lock is None and lead.open_distribution is None:
        return _FREE
    offer = (
        lead.open_distribution
        if lead.open_distribution is not None and lead.open_distribution.stage in OPEN_OFFERS
        else None
    )
    return {
        "locked_by": None if lock is None else lock.rep_id,
        "locked_until": None if lock is None else _utc(lock.until),
        "offer_rep_ids": None if offer is None else list(offer.reps),
        "offer_epoch": None if offer is None else offer.epoch,
        "offer_until": None if offer is None else _utc(offer.until),
        "offer_method": None if offer is None else offer.method,
    }


def _assignment(lead_id: str, row: LeadRow, lead: Lead) -> Values | None:
    changes = [decision for decision in row.decisions if isinstance(decision, OwnerChanged)]
    if not changes:
        return None
    last = changes[-1]
    return {
        "lead_id": lead_id,
        "org": lead.facts.org,
        "rep_id": last.rep_id,
        # One event is one version. Nobody could see an owner who came and went within one event.
        "previous_rep_id": changes[0].previous_rep_id,
        "how": last.how,
        "via": last.via,
        "why": last.why,
        "cause": row.cause,
        "assigned_at": _utc(row.at),
        "version": row.seq,
    }


def _exception(lead_id: str, row: LeadRow, lead: Lead) -> Values | None:
    """Return the lead's exception row, if any (E1, E2, E4).

    The phase decides the status, so that the desk and the lead's phase cannot disagree (X7).
    """
    spoken = [d for d in row.decisions if isinstance(d, _ABOUT_EXCEPTIONS)]
    if not spoken and lead.phase not in _STATUS:
        return None
    raised = next((d for d in reversed(spoken) if isinstance(d, ExceptionRaised)), None)
    facts = lead.facts
    resolved = next((d for d in reversed(spoken) if isinstance(d, ExceptionResolved)), None)
    reason: str | None = None
    explanation: tuple[dict[str, Any], ...] = ()
    raised_at: datetime | None = None
    if lead.open_exception is not None:
        reason, explanation, raised_at = (
            lead.open_exception.reason,
            lead.open_exception.explanation,
            lead.open_exception.raised_at,
        )
    elif raised is not None:
        reason, explanation, raised_at = raised.reason, raised.explanation, row.at
    elif resolved is not None:
        reason, explanation, raised_at = resolved.reason, resolved.explanation, resolved.raised_at
    return {
        "lead_id": lead_id,
        "org": facts.org,
        "status": _STATUS.get(lead.phase, "resolved"),
        "reason": reason,
        # A column keeps its value where the record does not give one (sink.statements).
        "explanation": list(explanation) or None,
        "prospect_name": facts.prospect_name,
        "campaign": facts.campaign,
        "description": lead.description,
        "distribution": lead.distribution,
        "vendor": facts.vendor,
        "loan_purpose": facts.loan_purpose,
        "loan_amount": _double(facts.loan_amount),
        "state": facts.state,
        "created_at": _utc(facts.created_at or lead.arrived_at),
        "raised_at": _utc(raised_at),
        "version": row.seq,
    }


def _decisions(partition: int, lead_id: str, row: LeadRow) -> list[Values]:
    """Return a row for each decision. `why` has its fields without those that have columns of their own."""
    off, seq, cause, at = row.off, row.seq, row.cause, _utc(row.at)
    found = []
    for n, decision in enumerate(row.decisions):
        why: Values = msgspec.to_builtins(decision)
        kind, result, rep_id = why.pop("type"), why.pop("result", None), why.pop("rep_id", None)
        found.append(
            {
                "source_partition": partition,
                "source_offset": off,
                "n": n,
                "lead_id": lead_id,
                "version": seq,
                "type": kind,
                "result": result if isinstance(decision, Answered) else None,
                "rep_id": rep_id,
                "cause": cause,
                "why": why,
                "decided_at": at,
            }
        )
    return found


def without_nul(row: LeadRow) -> LeadRow:
    """Return the row with U+FFFD for every NUL, because Postgres cannot store NUL."""
    return msgspec.convert(replace_nul(msgspec.to_builtins(row)), LeadRow)


def replace_nul(value: Any) -> Any:
    """Return a JSON value with U+FFFD for every NUL in it."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {replace_nul(key): replace_nul(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_nul(item) for item in value]
    return value


def _utc(value: datetime | None) -> datetime | None:
    """Return the instant in UTC. A naive one is read as UTC; one beyond the calendar's end is clamped to it."""
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return value.replace(tzinfo=UTC)


def _double(value: float | None) -> float | None:
    """Return the number as a column stores it, or None if it cannot. `facts` keeps what the vendor sent."""
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _int64(value: int | None) -> int | None:
    return value if value is not None and -_INT64 <= value < _INT64 else None
