"""Turns one journal record into table rows. This is pure: the same record always gives the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from models.decision_base import DecisionBase
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
OF_INQUIRIES: Final = (InquiryAdded, InquirySplit)
"""The decisions of a lead that repeat the facts of an inquiry."""
_ABOUT_EXCEPTIONS: Final = frozenset({ExceptionRaised, ExceptionIgnored, ExceptionResolved})
_WITH_ROWS: Final = frozenset({*_ACTIVITIES, InquiryAdded, MergedInto, InquirySplit, LeadSplit, LeadErased})
"""Decisions that cause more than a row of their own. Most records have none of them."""
_COLUMNS_OF_FIELDS: Final = frozenset({"result", "rep_id"})
"""The fields of decisions that have columns of their own, so that `why` does not repeat them."""
_STATUS: Final = {Phase.EXCEPTION: "open", Phase.IGNORED: "ignored"}
_INT64: Final = 2**63


class TableRows(NamedTuple):
    """The rows of one journal record. `assignment` is also a row of the history.

    `split`: the ids of inquiries that a manager took out of the lead. `is_split`: the id is a lead again (K5).
    `erased`: the record erased the lead, so facts of the prospect are removed from rows of earlier records, also from
    those of the leads `split_from`, which the lead was taken out of. `counts`: what the record counts for its vendor.
    `of_inquiries`: the ids of the inquiries whose facts its decisions repeat, which may be leads of their own now (K5).
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
    of_inquiries: tuple[str, ...] = ()


def table_rows(partition: int, lead_id: str, row: LeadRow, *, is_ascii: bool = False) -> TableRows:
    """Return the rows of a record of `lead-journal`. `lead_id` is its key, `partition` its partition.

    A row without a lead (an action on a lead that never arrived) gives decisions only. `is_ascii`: no text of the
    record has more than ASCII. Values of JSON columns may be `msgspec.Raw`, which is JSON already.
    """
    lead, kinds = row.lead, frozenset(map(type, row.decisions))
    rows = TableRows(
        off=row.off,
        lead=None if lead is None else _lead(lead_id, row, lead, is_ascii=is_ascii),
        assignment=None if lead is None or OwnerChanged not in kinds else _assignment(lead_id, row, lead),
        exception=(
            None
            if lead is None or (lead.phase not in _STATUS and _ABOUT_EXCEPTIONS.isdisjoint(kinds))
            else _exception(lead_id, row, lead)
        ),
        decisions=_decisions(partition, lead_id, row),
        split_from=() if lead is None else lead.split_from,
        counts=row_counts(partition, lead_id, row),
    )
    if _WITH_ROWS.isdisjoint(kinds):
        return rows
    row_decisions = [decision for decision in row.decisions if type(decision) in _WITH_ROWS]
    return rows._replace(
        activities=_activities(partition, lead_id, row, lead) if lead is not None else [],
        inquiries=_inquiries(lead_id, row, lead) if lead is not None else [],
        aliases=[
            {"alias_id": lead_id, "lead_id": decision.into}
            for decision in row_decisions
            if isinstance(decision, MergedInto)
        ],
        split=tuple(decision.inquiry_id for decision in row_decisions if isinstance(decision, InquirySplit)),
        is_split=any(isinstance(decision, LeadSplit) for decision in row_decisions),
        erased=any(isinstance(decision, LeadErased) for decision in row_decisions),
        of_inquiries=tuple(
            decision.inquiry_id for decision in row_decisions if isinstance(decision, OF_INQUIRIES)
        ),
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


def _lead(lead_id: str, row: LeadRow, lead: Lead, *, is_ascii: bool) -> Values:
    facts, failed, open_exception = lead.facts, lead.failed, lead.open_exception
    arrived_at = _utc(lead.arrived_at)
    return {
        "lead_id": lead_id,
        "org": facts.org,
        "vendor": facts.vendor,
        "campaign": facts.campaign,
        "external_id": facts.external_id,
        "first_name": facts.first_name,
        "last_name": facts.last_name,
        "email": facts.email,
        "phone": facts.phone,
        "phone_extension": facts.phone_extension,
        "state": facts.state,
        "zip": facts.zip,
        "loan_purpose": facts.loan_purpose,
        "loan_amount": _double(facts.loan_amount),
        "credit_score": _int64(facts.credit_score),
        "property_type": facts.property_type,
        "silenced": lead.silenced,
        "consent": facts.consent,
        "time_zone": facts.time_zone,
        "assigned_to": facts.assigned_to,
        "facts": msgspec.Raw(msgspec.json.encode(facts)),
        "phase": lead.phase.value,
        "owner": lead.owner,
        "how": lead.how,
        "via": lead.via,
        "assigned_at": _utc(lead.assigned_at),
        "claimed_through": lead.claimed_through,
        "in_queue_since": _utc(lead.in_queue_since),
        "last_contacted_at": _utc(lead.last_contacted_at),
        "owner_last_contacted_at": _utc(lead.owner_last_contacted_at),
        "owner_left": lead.owner_left,
        "last_outcome": lead.last_outcome,
        "callback_at": _utc(lead.callback_at),
        "deferred_at": _utc(lead.deferred_at),
        "failed": None if failed is None else failed.reason,
        "failure_reason": None if open_exception is None else open_exception.reason,
        "asked": comparison_keys(lead, is_ascii=is_ascii),
        **_lock_and_offer(lead),
        "inquiries": lead.inquiries,
        "notes": lead.notes,
        "arrived_at": arrived_at,
        "created_at": arrived_at if facts.created_at is None else _utc(facts.created_at),
        "updated_at": _utc(lead.updated_at),
        "version": row.seq,
    }


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


def _assignment(lead_id: str, row: LeadRow, lead: Lead) -> Values:
    changes = [decision for decision in row.decisions if isinstance(decision, OwnerChanged)]
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


def _exception(lead_id: str, row: LeadRow, lead: Lead) -> Values:
    """Return the row of a lead that is an exception, or of which a decision says that it was (E1, E2, E4).

    The phase decides the status, so that the desk and the lead's phase cannot disagree (X7).
    """
    spoken = [d for d in row.decisions if type(d) in _ABOUT_EXCEPTIONS]
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
    rows = []
    for n, decision in enumerate(row.decisions):
        kind = type(decision)
        tag, fields_at = _json_of(kind)
        result = rep_id = None
        why: Any
        if fields_at:
            encoded = msgspec.json.encode(decision)
            why = msgspec.Raw(b"{" + encoded[fields_at:] if len(encoded) > fields_at else b"{}")
        else:
            why = msgspec.to_builtins(decision)
            del why["type"]
            result, rep_id = why.pop("result", None), why.pop("rep_id", None)
        rows.append(
            {
                "source_partition": partition,
                "source_offset": off,
                "n": n,
                "lead_id": lead_id,
                "version": seq,
                "type": tag,
                "result": result if kind is Answered else None,
                "rep_id": rep_id,
                "cause": cause,
                "why": why,
                "decided_at": at,
            }
        )
    return rows


@cache  # there are some forty kinds
def _json_of(kind: type[DecisionBase]) -> tuple[str, int]:
    """Return a kind's tag, and where the fields begin in its JSON; 0 if one of them has a column of its own."""
    tag = str(kind.__struct_config__.tag)
    has_no_columns = _COLUMNS_OF_FIELDS.isdisjoint(kind.__struct_fields__)
    return tag, len(f'{{"type":"{tag}",') if has_no_columns else 0


def without_nul(row: LeadRow) -> LeadRow:
    """Return the row with U+FFFD for every NUL, because Postgres cannot store NUL."""
    return msgspec.convert(replace_nul(msgspec.to_builtins(row)), LeadRow)


def replace_nul(value: Any) -> Any:
    """Return a JSON value with U+FFFD for every NUL in it."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {replace_nul(key): replace_nul(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [replace_nul(element) for element in value]
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
