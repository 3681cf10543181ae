"""Puts a lead's person on the do-not-contact list by an outcome, and takes the person off it by consent (M8).

It also warns of a call that is promised for a time at which the lead must not be called (M7), and decides whether a
rep is connected with a lead (N7). List and consent are decided in the lead's log and apply to the lead at once. The
relay writes the org's list in the topic `do-not-contact`, from where it reaches every lead with the same phone or mail
address.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from models.contact_decisions import ConsentRecorded, ContactForbidden
from models.events import ActionRequested
from models.offer_decisions import ConnectRequested
from models.persons import handles_of
from models.results import Reason, Result
from rules.calendar.schedule import zone_of
from rules.lead.call_refusal import call_refusal, local_time, quiet_hours_refusal, suppression
from rules.lead.permissions import MANAGERS, not_working
from rules.lead.transition import DONE, ActionResult, Transition, refused_result

_CLOCK: Final = "%H:%M on %A, %d %B %Y"
BY_OUTCOME: Final = "outcome "
"""How the reason of a do-not-contact entry begins if an outcome put it there."""


def forbid_contact(transition: Transition, rep_id: str, outcome: str) -> None:
    """Put the lead's phone and mail address on the do-not-contact list. A lead that has neither is silenced itself."""
    lead = transition.lead
    handles, reason = handles_of(lead.facts), f"{BY_OUTCOME}{outcome}"
    if handles:
        transition.update(suppressed={**lead.suppressed, **dict.fromkeys(handles, reason)})
    else:
        transition.update(facts=replace(lead.facts, silenced=True))
    transition.emit(ContactForbidden(rep_id=rep_id, outcome=outcome, reason=reason, handles=handles))


def consent(transition: Transition, request: ActionRequested) -> ActionResult:
    """Record that the person agrees to be contacted. It lifts the lead's silence and its entries in the list.

    Its owner, managers and admins may, with a reason. A vendor's resend and another inquiry never lift anything.
    """
    lead = transition.lead
    if transition.rules.role(request.rep_id) not in MANAGERS and lead.owner != request.rep_id:
        return refused_result(
            Reason.NOT_ALLOWED, "recording consent is for the lead's owner, for managers and admins"
        )
    if request.why is None:
        return refused_result(Reason.INVALID, "why: consent needs a reason: who agreed, when and how")
    handles, silenced = tuple(sorted(lead.suppressed)), lead.facts.silenced
    if not lead.silenced and lead.facts.consent is True:
        return ActionResult(Result.DONE, why="it may be called already: nothing changes")
    transition.update(facts=replace(lead.facts, silenced=False, consent=True), suppressed={})
    transition.emit(
        ConsentRecorded(rep_id=request.rep_id, why=request.why, handles=handles, unsilenced=silenced)
    )
    return DONE


def dial(transition: Transition, request: ActionRequested) -> ActionResult:
    """N7: call a rep who works the lead, and then the lead, unless it must not be called, or not now (X6)."""
    if result := not_working(transition, request):
        return result
    if refusal := call_refusal(transition.lead, transition.rules.settings, transition.at):
        return refused_result(refusal.reason, refusal.why)
    transition.record_contact(request.rep_id)
    transition.emit(ConnectRequested(rep_id=request.rep_id))
    return DONE


def warn_of_promise(transition: Transition, at: datetime) -> ActionResult | None:
    """Return an answer that warns of a call promised for `at`; None if the lead may be called then.

    In quiet hours it says the next time at which the lead may be called, in words and as `call_from`, both in the
    lead's own time.
    """
    lead = transition.lead
    if refusal := suppression(lead):
        return ActionResult(Result.DONE, why=f"the promise is kept, but {refusal.why}")
    refusal = quiet_hours_refusal(lead, transition.rules.settings, at)
    if refusal is None or refusal.zone is None:
        return None
    zone, call_from = refusal.zone, local_time(refusal)
    promised = f"{at.astimezone(zone_of(zone)):{_CLOCK}}"
    allowed = f"the next allowed time is {call_from:{_CLOCK}}" if call_from else "no time is allowed"
    why = f"the promised time, {promised} in {zone}, is within the lead's quiet hours: {allowed} there"
    return ActionResult(Result.DONE, why=why, call_from=call_from)
