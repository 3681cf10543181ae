"""Builds the row after an event that could not be decided, so that its sender gets an answer and nothing stops."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from models.decisions import Answered, Decision
from models.events import ActionRequested, DeadlinePassed
from models.lead import LeadRow
from models.results import Reason, Result
from rules.lead import merging
from rules.lead.cap_check import return_unused_place
from rules.lead.machine import LeadEvent, org_may_know

REASON: Final = (
    "a fault of firstclaim kept the action from being decided; whoever runs firstclaim can see which"
)
"""What the sender of an action is told. The error itself is in the dead letter and in the log."""


def undecided_row(row: LeadRow | None, event: LeadEvent, off: int, at: datetime) -> LeadRow:
    """Return the row after an event that could not be decided. An action gets an answer.

    The lead is unchanged. Only a deadline that failed is removed.
    """
    former = row or LeadRow(off=off, seq=0, lead=None, at=at, cause=event.cause)
    decisions: tuple[Decision, ...] = ()
    if isinstance(event, ActionRequested):
        may_know = org_may_know(event.org, former.lead)
        decisions = (
            Answered(
                action_id=event.cause,
                action=event.action,
                rep_id=event.rep_id,
                result=Result.REFUSED,
                reason=Reason.FATAL_ERROR,
                version=former.seq if may_know else 0,
                decided_at=at,
                owner=former.lead.owner if former.lead and may_know else None,
                why=REASON,
                org=event.org,
            ),
        )
        if spare := return_unused_place(event, ()) or merging.return_unused_merge(event, former.lead, ()):
            decisions = (*decisions, spare)
    lead = former.lead
    if lead is not None and isinstance(event, DeadlinePassed):
        # A retry would fail again for ever, so the deadline goes to the dead letters with the event.
        lead = replace(
            lead, deadlines=tuple(deadline for deadline in lead.deadlines if deadline.epoch != event.epoch)
        )
    return replace(former, off=off, at=at, cause=event.cause, lead=lead, decisions=decisions)
