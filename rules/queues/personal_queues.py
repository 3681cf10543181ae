"""Derives reps' own queues from the lead alone: the leads a rep is offered now and those it owns (D3, D4, R3, S5).

The order, top first: offers, by expiry · due calls, by their time · leads to work, by their assignment · calls promised
for later, by their time · leads to be called back at no particular time, by when that was requested.
"""

from datetime import UTC, datetime
from typing import Any, Final

from models.codec import sortable_text
from models.contact_decisions import (
    CallbackDue,
    CallbackSet,
    ConsentRecorded,
    ContactForbidden,
    SuppressionRecorded,
)
from models.corrections import FactsCorrected
from models.decisions import (
    ActivityRecorded,
    Answered,
    ArrivalRepeated,
    Decision,
    InquiryAdded,
    LeadClosed,
    LeadReopened,
    OutcomeRecorded,
    OwnerChanged,
    QueueEntered,
    QueueLeft,
    QueueMoved,
)
from models.lead import OWNED_PHASES, DistributionStatus, Lead, LeadRow, Phase
from models.merging_decisions import InquirySplit, LeadSplit
from models.offer_decisions import ConnectRequested, LeadOffered, OfferDeclined, OfferEnded, WindowMoved
from models.offers import Outcome
from models.public import QueueChange, personal_queue
from rules.queues.columns import MAY_CALL, NAME, name_of

OFFERED: Final = "!"
"""Sorts before the digits."""
DUE: Final = "0"
TO_WORK: Final = "1"
LATER: Final = "2"
DEFERRED: Final = "3"

_NEVER: Final = datetime.max.replace(tzinfo=UTC)

_MOVES: Final = (
    ActivityRecorded,
    CallbackSet,
    CallbackDue,
    ConnectRequested,
    FactsCorrected,
    OutcomeRecorded,
    ArrivalRepeated,
    InquiryAdded,
    InquirySplit,
    SuppressionRecorded,
    ContactForbidden,
    ConsentRecorded,
    WindowMoved,
)
"""Besides a new owner, an offer and the end: the decisions that change a lead's position or row in a rep's own queue
(D3, D4)."""

_SHARED: Final = frozenset({Answered, QueueEntered, QueueLeft, QueueMoved})
"""The most frequent decisions, which say nothing of a rep's own queue."""


def own_queues(lead: Lead | None) -> tuple[str, ...]:
    """Return the ids of the personal queues the lead is in.

    An owned lead is in its owner's queue only, until it is closed (D3). While it is offered or rings, it is in the
    queues of the reps who may take it at this moment (R3, S1, S5).
    """
    if lead is None:
        return ()
    if lead.owner is not None:
        return (personal_queue(lead.owner),) if lead.phase in OWNED_PHASES else ()
    return tuple(personal_queue(rep_id) for rep_id in _offered_to(lead))


def own_sort_key(lead: Lead, at: datetime) -> str:
    """Return the sort key of the lead in its personal queues, as of `at` (D4).

    `at` is the record's time, never a clock's, so the same record always gives the same key. The record of
    `CallbackDue` is not before `callback_at`, which the lead keeps until somebody acts.
    """
    if lead.owner is None and lead.open_distribution is not None:
        return _key(OFFERED, lead.open_distribution.until or _NEVER)
    if lead.callback_at is not None:
        return _key(DUE if lead.callback_at <= at else LATER, lead.callback_at)
    if lead.deferred_at is not None:
        return _key(DEFERRED, lead.deferred_at)
    return _key(TO_WORK, lead.assigned_at or lead.arrived_at)


def own_columns(lead: Lead) -> dict[str, Any]:
    """Return what a rep's own queue shows of the lead. It includes contact data only if the rep owns the lead.

    An offer has `offer` true, `method`, `group_id`, `epoch` (which the rep's answer names, X3) and `until` (null: it
    does not expire). It shows the lead's name, which a ringing phone also announces (S1). A rep who alone has the offer
    for a window must decide about it and may open it (R2, R3), so that rep also sees `state`, `loan_purpose` and
    `loan_amount`. If several reps compete for a lead (S1, S5), all but one never get it, so they see only the name.
    `may_call` is false if the lead must not be called (M8); otherwise it is not there.
    """
    columns = _own_columns(lead)
    if lead.silenced:
        columns[MAY_CALL] = False
    return columns


def _own_columns(lead: Lead) -> dict[str, Any]:
    facts, distribution = lead.facts, lead.open_distribution
    if lead.owner is None and distribution is not None:
        columns = {
            NAME: name_of(facts),
            "offer": True,
            "method": distribution.method,
            "group_id": distribution.group_id,
            "epoch": distribution.epoch,
            "until": distribution.until,
        }
        if distribution.stage is DistributionStatus.OFFERED:
            columns |= {
                "state": facts.state,
                "loan_purpose": facts.loan_purpose,
                "loan_amount": facts.loan_amount,
            }
        return columns
    return {
        NAME: name_of(facts),
        "state": facts.state,
        "loan_purpose": facts.loan_purpose,
        "loan_amount": facts.loan_amount,
        "phone": facts.phone,
        "email": facts.email,
        "campaign": facts.campaign,
        "how": lead.how,
        "assigned_at": lead.assigned_at,
        "callback_at": lead.callback_at,
        "last_contacted_at": lead.last_contacted_at,
        "last_outcome": lead.last_outcome,
    }


def own_changes(row: LeadRow, lead: Lead) -> list[QueueChange]:
    """Return the changes of reps' own queues that a record causes, one for each queue, in order.

    `lead`: the lead of the record. If a rep takes an offered lead, the lead stays in the rep's queue with a new row.
    """
    presence_before = _concerned(row, lead)
    if not presence_before:
        return []
    now = own_queues(lead)
    sort_key, columns = own_sort_key(lead, row.at), own_columns(lead)
    changes = []
    for queue_id, before in presence_before.items():
        if queue_id in now:
            change = QueueChange(
                queue_id=queue_id,
                lead_id=lead.lead_id,
                change="moved" if before else "entered",
                sort_key=sort_key,
                columns=columns,
                version=row.seq,
                org=lead.facts.org,
            )
        elif before:
            change = QueueChange(
                queue_id=queue_id,
                lead_id=lead.lead_id,
                change="left",
                sort_key="",
                columns={},
                version=row.seq,
                org=lead.facts.org,
            )
        else:
            continue  # the lead entered and left within the record
        changes.append(change)
    return changes


def _concerned(row: LeadRow, lead: Lead) -> dict[str, bool]:
    """Return the personal queues a record concerns, and whether the lead was in each before it."""
    presence_before: dict[str, bool] = {}
    moved = claimed = reopened = ended = False
    for decision in row.decisions:
        if type(decision) in _SHARED:
            continue
        match decision:
            case OwnerChanged():
                if decision.previous_rep_id is not None:
                    presence_before.setdefault(personal_queue(decision.previous_rep_id), not reopened)
                if decision.rep_id is not None:
                    presence_before.setdefault(personal_queue(decision.rep_id), claimed)
            case LeadOffered():
                for rep_id in decision.reps:
                    presence_before.setdefault(personal_queue(rep_id), False)
            case OfferEnded():
                claimed = decision.outcome is Outcome.CLAIMED
                for rep_id in decision.reps:
                    presence_before.setdefault(personal_queue(rep_id), True)
            case InquiryAdded(reopened=True) | LeadReopened() | LeadSplit(owner=str()):
                reopened = True
                if lead.owner is not None:
                    presence_before.setdefault(personal_queue(lead.owner), False)
            case OfferDeclined():
                presence_before.setdefault(personal_queue(decision.rep_id), True)
            case LeadClosed():
                ended = moved = True
            case _:
                moved = moved or (isinstance(decision, _MOVES) and not _completed_nothing(decision))
    if moved:
        # A closed lead is no longer in the queue, unless this record closed it.
        if lead.owner is not None and (ended or lead.phase in OWNED_PHASES):
            presence_before.setdefault(personal_queue(lead.owner), True)
        for queue_id in own_queues(lead):
            presence_before.setdefault(queue_id, True)
    return presence_before


def _completed_nothing(decision: Decision) -> bool:
    """Say whether a resend created no new version of the lead, so that nothing may be published under the old one."""
    return isinstance(decision, ArrivalRepeated) and not decision.filled


def _offered_to(lead: Lead) -> tuple[str, ...]:
    distribution = lead.open_distribution
    if lead.phase is not Phase.OFFERED or distribution is None:
        return ()
    return (
        distribution.reps
        if distribution.stage in (DistributionStatus.OFFERED, DistributionStatus.RINGING)
        else ()
    )


def _key(band: str, when: datetime) -> str:
    return band + sortable_text(when)
