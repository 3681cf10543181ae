"""Moves a lead that somebody has, or had: to another rep, back to its queues or group, or out of the closed leads (M1).

A move is one decision in the lead's log, like a claim. So two owners can never result, however many people move a lead
at once: each move finds the owner that the one before it left.
"""

from models.decisions import LeadReopened
from models.events import ActionRequested
from models.lead import Lead, Phase
from models.results import Reason, Result
from rules.lead.cap_check import check_cap
from rules.lead.distribution import ask_group, orphan
from rules.lead.licences import check_assignee
from rules.lead.permissions import MANAGERS, not_manager
from rules.lead.transition import DONE, ActionResult, Transition, refused_result


def reassign(transition: Transition, request: ActionRequested) -> ActionResult:
    """Give an owned lead to another rep. A promised call goes with it; the former owner's lock ends.

    Managers may do so; the owner too, if the org's settings allow it (`owners_may_reassign`).
    """
    lead, rules, actor = transition.lead, transition.rules, request.rep_id
    manager = rules.role(actor) in MANAGERS
    if not manager and not (rules.settings.owners_may_reassign and lead.owner == actor):
        allowed = (
            "managers, admins and the owner" if rules.settings.owners_may_reassign else "managers and admins"
        )
        return refused_result(Reason.NOT_ALLOWED, f"reassigning is for {allowed}")
    if request.to_rep_id is None:
        return refused_result(Reason.INVALID, "to_rep_id: is missing")
    if result := _without_reason(request) or _owned_by_another(lead, request):
        return result
    if rules.role(request.to_rep_id) is None:
        return refused_result(Reason.UNKNOWN_REP, f"the org has no active rep {request.to_rep_id}")
    if lead.owner == request.to_rep_id:
        return ActionResult(Result.DONE, why=f"{lead.owner} has it already: nothing changes")
    refusal, overrides = check_assignee(transition, request, request.to_rep_id)
    if refusal is not None or (overrides and not manager):
        return refusal or refused_result(
            Reason.NOT_ALLOWED, "overriding a licence is for managers and admins"
        )
    if request.override_cap and not manager:
        return refused_result(Reason.NOT_ALLOWED, "overriding a cap is for managers and admins")
    if refusal := check_cap(transition, request, request.to_rep_id):
        return refusal
    via = f"manager/{actor}" if manager else f"rep/{actor}"
    why = f"reassigned by {actor}: {request.why}"
    transition.assign_owner(request.to_rep_id, "reassigned", via, why, overrides=overrides)
    return DONE


def unassign(transition: Transition, request: ActionRequested) -> ActionResult:
    """Take a lead from its owner. Its group is asked for another rep; without a group it returns to its queues."""
    lead = transition.lead
    result = not_manager(transition, request) or _without_reason(request) or _owned_by_another(lead, request)
    if result:
        return result
    former, why = lead.owner or "", f"unassigned by {request.rep_id}: {request.why}"
    transition.remove_owner("unassigned", why)
    ask_group(transition, lead.facts, why, tried=(former,))
    return DONE


def redistribute(transition: Transition, request: ActionRequested) -> ActionResult:
    """Ask the lead's group again. The round starts over: reps who were tried before are tried again (R8).

    An owner loses the lead, and may get it again by its turn. An open offer is withdrawn.
    """
    lead = transition.lead
    if result := not_manager(transition, request) or _owned_by_another(lead, request):
        return result
    if lead.lock is not None and lead.owner is None and lead.lock.rep_id != request.rep_id:
        return refused_result(
            Reason.LOCKED_BY_OTHER, f"{lead.lock.rep_id} has it open until {lead.lock.until}"
        )
    _, group = transition.rules.route(lead.facts)
    if group is None or not group.takes:
        return refused_result(Reason.NO_GROUP, "its campaign has no group that distributes leads")
    why = f"redistributed by {request.rep_id}" + (f": {request.why}" if request.why else "")
    if lead.owner is not None:
        transition.remove_owner("redistributed", why)
    transition.unlock(why)
    transition.update(phase=Phase.QUEUED)
    ask_group(transition, lead.facts, why)
    return DONE


def reopen(transition: Transition, request: ActionRequested) -> ActionResult:
    """Reopen a closed lead. It is its active owner's again; otherwise it is distributed again."""
    if result := not_manager(transition, request) or _without_reason(request):
        return result
    lead, why = transition.lead, f"reopened by {request.rep_id}: {request.why}"
    keeps = lead.owner is not None and not transition.rules.has_left(lead.owner)
    transition.emit(LeadReopened(rep_id=request.rep_id, owner=lead.owner if keeps else None, why=why))
    transition.update(phase=Phase.QUEUED, queue_since=transition.at)
    if keeps:
        transition.update(owned_epoch=transition.next_epoch())
        return DONE
    if lead.owner is not None:
        orphan(transition, lead.owner, f"{lead.owner} has left")
    ask_group(transition, lead.facts, why)
    return DONE


def _without_reason(request: ActionRequested) -> ActionResult | None:
    if request.why is not None:
        return None
    return refused_result(Reason.INVALID, f"why: {request.action} needs a reason")


def _owned_by_another(lead: Lead, request: ActionRequested) -> ActionResult | None:
    """Return the refusal of a move from a rep who does not have the lead any more; None if the request names none."""
    if request.from_rep_id is None or request.from_rep_id == lead.owner:
        return None
    now = f"{lead.owner} has it since {lead.assigned_at}" if lead.owner else "nobody owns it"
    return refused_result(Reason.NOT_OWNED, f"{request.from_rep_id} does not have it: {now}")
