"""Prepares an event that is sent again from the dead letters, so that it counts although it failed before."""

from datetime import datetime

from msgspec.structs import replace

from models.events import ActionRequested, DeadlinePassed
from models.lead import Deadline, DeadlineKind, Lead, LeadRow, Phase
from rules.lead.machine import LeadEvent


def without_org_answer(event: LeadEvent) -> LeadEvent:
    """Return an action without the place that its org had reserved, or the merge that it had granted.

    Both were returned when it failed (M6, K5).
    """
    if isinstance(event, ActionRequested) and (event.place or event.merge):
        return replace(event, place=None, merge=None)
    return event


def resumed_row(row: LeadRow | None, event: LeadEvent, at: datetime) -> LeadRow | None:
    """Return the row on which an event from the dead letters is decided when it is sent again.

    A deadline that could not be processed was removed from its row, to avoid endless retries. When it is sent again, it
    counts once more if its reason (lock, offer or callback) still exists.
    """
    lead = row.lead if row else None
    if row is None or lead is None or not isinstance(event, DeadlinePassed):
        return row
    if any(deadline.kind == event.kind for deadline in lead.deadlines) or not _still_open(lead, event, at):
        return row
    deadline = Deadline(DeadlineKind(event.kind), at, event.epoch)
    return replace(row, lead=replace(lead, deadlines=(*lead.deadlines, deadline)))


def _still_open(lead: Lead, event: DeadlinePassed, at: datetime) -> bool:
    match event.kind:
        case DeadlineKind.LOCK:
            return lead.lock is not None and lead.lock.until <= at
        case DeadlineKind.OFFER:
            distribution = lead.open_distribution
            return (
                lead.phase is Phase.OFFERED
                and distribution is not None
                and distribution.until is not None
                and distribution.until <= at
            )
        case DeadlineKind.CALLBACK:
            return lead.callback_at is not None and lead.callback_at <= at
        case DeadlineKind.RETENTION:
            return lead.phase is Phase.CLOSED and lead.erased_at is None
        case _:
            return True
