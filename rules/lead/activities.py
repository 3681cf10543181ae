"""Records what a rep did with a lead: called, mailed, texted, took a note, planned (M3)."""

from models.activities import SHORT_TYPES, ActivityKind
from models.decisions import ActivityRecorded
from models.events import ActionRequested
from models.results import Reason
from rules.lead.permissions import MANAGERS, not_working
from rules.lead.transition import DONE, ActionResult, Transition, refused_result


def activity(transition: Transition, request: ActionRequested) -> ActionResult:
    """Record an activity. A kind that is contact sets when the lead was last contacted. A lock stays, as with a note.

    The rep who has the lead open, its owner and managers may; whoever has an offer of it claims it thereby (R3).
    """
    kind = request.kind or (request.action if request.action in SHORT_TYPES else None)
    if kind is None:
        return refused_result(Reason.INVALID, f"kind: is missing; the kinds are {', '.join(ActivityKind)}")
    manager = transition.rules.role(request.rep_id) in MANAGERS
    if not manager and (result := not_working(transition, request)):
        return result
    transition.update(activities=transition.lead.activities + 1)
    contact = kind in transition.rules.settings.contact_kinds
    if contact:
        transition.record_contact(request.rep_id)
    if kind == ActivityKind.NOTE:
        transition.update(notes=transition.lead.notes + 1)
    transition.emit(ActivityRecorded(rep_id=request.rep_id, kind=kind, contact=contact, note=request.note))
    return DONE
