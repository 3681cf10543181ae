"""Carries out the actions on a lead. One function for each action turns a request into a result."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from models.contact_decisions import CallbackSet
from models.decisions import (
    ClaimReopened,
    ExceptionIgnored,
    LeadClosed,
    LockFreed,
    NoteRecorded,
    OutcomeRecorded,
)
from models.events import ActionRequested
from models.lead import OWNED_PHASES, Phase
from models.results import Reason, Result
from rules.lead import activities, contact, corrections, merging, moves
from rules.lead.cap_check import check_cap
from rules.lead.contact import warn_of_promise
from rules.lead.discretion import closed_with, opened_by, owned_by
from rules.lead.licences import check_assignee, refuse_unlicensed
from rules.lead.lifecycle import OFFER_TRIGGERS, Trigger
from rules.lead.permissions import MANAGERS, not_holding, not_working, too_many_open
from rules.lead.settlement import update_queues
from rules.lead.transition import DONE, ActionResult, Transition, has_it_since, refused_result

_LOST: Final = Result.LOST
_ALREADY_CLAIMED: Final = Reason.ALREADY_CLAIMED
"""Constants, because Python looks a member of an enumeration up each time, which costs as much as a call."""


def claim(transition: Transition, request: ActionRequested) -> ActionResult:
    """Q8: the first claim in the lead's log wins; Q10: only once in its history; Q11: an aged lead's owner loses it."""
    lead, rules = transition.lead, transition.rules
    if lead.claimed_through is not None and lead.owner is not None:
        if lead.owner == request.rep_id:
            return ActionResult(Result.WON, why="it is yours already")
        return ActionResult(_LOST, _ALREADY_CLAIMED, has_it_since(lead.owner, lead.assigned_at))
    if lead.phase is Phase.CLOSED:
        return refused_result(Reason.LEAD_CLOSED, closed_with(transition, request.rep_id))
    if lead.lock is not None and lead.lock.rep_id == request.rep_id:
        return refused_result(
            Reason.NOT_QUALIFIED, "you have it open, so it is in no queue; claim it now to own it"
        )
    if lead.lock is not None and lead.owner is not None:  # a late claim is told who has the lead (E3)
        return refused_result(
            Reason.LOCKED_BY_OTHER, f"{lead.lock.rep_id} has it open until {lead.lock.until}"
        )
    if lead.lock is not None:
        return refused_result(Reason.LOCKED_BY_OTHER, opened_by(transition, request.rep_id))
    if request.queue_id is not None and not rules.may_see(request.rep_id, request.queue_id):
        # A rep does not learn whether a queue of other teams exists.
        return refused_result(
            Reason.UNKNOWN_QUEUE, f"the org has no queue {request.queue_id} that you have access to"
        )
    update_queues(transition)
    claimable_queues = [
        queue_id
        for queue_id in sorted(transition.lead.placements)
        if rules.queues[queue_id].queue.claimable and rules.may_see(request.rep_id, queue_id)
    ]
    queue_id = request.queue_id if request.queue_id in claimable_queues else None
    if request.queue_id is None and claimable_queues:
        queue_id = claimable_queues[0]
    if queue_id is None:
        return _not_claimable(transition, request)
    refusal = refuse_unlicensed(transition, request.rep_id, [queue_id])
    if refusal := refusal or check_cap(transition, request, request.rep_id):
        return refusal
    why = f"first claim; in {queue_id} by rules {rules.queues[queue_id].version}"
    transition.assign_owner(request.rep_id, "claim", f"queue/{queue_id}", why)
    transition.update(claimed_through=queue_id)
    return ActionResult(Result.WON, why=why)


def _not_claimable(transition: Transition, request: ActionRequested) -> ActionResult:
    lead, rules = transition.lead, transition.rules
    if lead.owner is not None and lead.owner != request.rep_id:
        return ActionResult(_LOST, _ALREADY_CLAIMED, has_it_since(lead.owner, lead.assigned_at))
    if request.queue_id is None:
        return refused_result(Reason.NOT_QUALIFIED, "it is in no claimable queue that you have access to")
    if not rules.queues[request.queue_id].queue.claimable:
        work = rules.called(request.queue_id)
        return refused_result(Reason.NOT_QUALIFIED, f"{work} is a work queue: open the lead instead")
    return refused_result(Reason.NOT_QUALIFIED, rules.explain(lead, request.queue_id, transition.at))


def view(transition: Transition, request: ActionRequested) -> ActionResult:
    """D1: opening locks; D5: view-only does not lock; Q12: a claimable lead cannot be opened before it is claimed."""
    lead, rules = transition.lead, transition.rules
    manager = rules.role(request.rep_id) in MANAGERS
    if request.view_only and manager:
        return ActionResult(Result.DONE, why="view only: nothing changes")
    if request.view_only:
        return refused_result(Reason.NOT_ALLOWED, "view-only is for managers and admins")
    if lead.phase in (Phase.CLOSED, Phase.IGNORED):
        return refuse_in_phase(transition, Trigger.VIEW, request.rep_id)
    if lead.lock is not None and lead.lock.rep_id != request.rep_id:
        return refused_result(Reason.LOCKED_BY_OTHER, opened_by(transition, request.rep_id))
    if lead.owner is not None and lead.owner != request.rep_id:
        return refused_result(Reason.NOT_ALLOWED, owned_by(transition, request.rep_id))
    if lead.lock is None and lead.owner is None:
        update_queues(transition)
        claimable = sorted(q for q in transition.lead.placements if rules.queues[q].queue.claimable)
        if claimable:
            visible = [rules.called(q) for q in claimable if rules.may_see(request.rep_id, q)]
            queue_names = ", ".join(visible) or "a queue of other teams"
            return refused_result(Reason.NOT_ALLOWED, f"claim it first, from {queue_names}")
        if not manager and not any(rules.may_see(request.rep_id, q) for q in transition.lead.placements):
            return refused_result(Reason.NOT_QUALIFIED, "it is in no work queue that you have access to")
        visible_ids = [
            queue_id
            for queue_id in sorted(transition.lead.placements)
            if rules.may_see(request.rep_id, queue_id)
        ]
        if result := refuse_unlicensed(transition, request.rep_id, visible_ids):
            return result
        limit = rules.settings.max_locks
        if len(transition.others_open) >= limit:
            return refused_result(Reason.TOO_MANY_OPEN, too_many_open(transition.others_open, limit))
    transition.lock(request.rep_id, transition.at + timedelta(minutes=rules.settings.lock_minutes))
    return DONE


def release(transition: Transition, request: ActionRequested) -> ActionResult:
    """Release a lock without an outcome. The lead returns to its queues at once.

    A manager may free a lead that somebody else has open, with a reason, of which that rep is told (M6).
    """
    lock = transition.lead.lock
    if (
        lock is not None
        and lock.rep_id != request.rep_id
        and transition.rules.role(request.rep_id) in MANAGERS
    ):
        if request.why is None:
            return refused_result(
                Reason.INVALID, "why: freeing a lead that somebody else has open needs a reason"
            )
        transition.unlock(f"freed by {request.rep_id}: {request.why}")
        transition.emit(LockFreed(rep_id=lock.rep_id, freed_by=request.rep_id, why=request.why))
        return DONE
    if result := not_holding(transition, request):
        return result
    transition.unlock(f"released by {request.rep_id}")
    return DONE


def outcome(transition: Transition, request: ActionRequested) -> ActionResult:
    """D2: an action releases the lock. One of the org's closing outcomes closes the lead.

    M8: an outcome of `do_not_contact_outcomes` puts the person on the do-not-contact list.
    """
    if request.outcome is None:
        return refused_result(Reason.INVALID, "outcome: is missing")
    if result := not_working(transition, request):
        return result
    transition.emit(OutcomeRecorded(rep_id=request.rep_id, outcome=request.outcome, note=request.note))
    transition.unlock(f"{request.rep_id} recorded {request.outcome}")
    transition.set_callback(None)
    transition.record_contact(request.rep_id)
    transition.update(last_outcome=request.outcome, deferred_at=None)
    if request.outcome in transition.rules.settings.do_not_contact_outcomes:
        contact.forbid_contact(transition, request.rep_id, request.outcome)
    if request.outcome in transition.rules.settings.closing_outcomes:
        transition.end_distribution("closed")
        transition.update(phase=Phase.CLOSED)
        transition.emit(LeadClosed(outcome=request.outcome))
    return DONE


def callback(transition: Transition, request: ActionRequested) -> ActionResult:
    """D4: with a time, the lead is claimed (a setting) and moves to the top when due.

    Without a time, it goes to the end of its queues, unclaimed. M7: a time at which the lead must not be called is
    taken, and the answer warns of it.
    """
    if result := not_working(transition, request):
        return result
    if (
        request.at is not None
        and transition.rules.settings.auto_claim_on_timed_callback
        and transition.lead.owner is None
    ):
        if result := check_cap(transition, request, request.rep_id):
            return result
        transition.assign_owner(
            request.rep_id, "callback", None, f"{request.rep_id} promised to call at {request.at}"
        )
    transition.unlock(f"{request.rep_id} will call back")
    transition.set_callback(request.at)
    transition.record_contact(request.rep_id)
    warning = None if request.at is None else warn_of_promise(transition, request.at)
    quiet_until = None if warning is None else warning.call_from
    transition.emit(CallbackSet(rep_id=request.rep_id, at=request.at, quiet_until=quiet_until))
    return warning or DONE


def claim_now(transition: Transition, request: ActionRequested) -> ActionResult:
    """D3: give a lead to the rep who has it open."""
    if transition.lead.owner == request.rep_id:
        transition.unlock(f"{request.rep_id} claimed it")
        return ActionResult(Result.WON, why="it is yours already")
    if result := not_working(transition, request):
        return result
    refusal = refuse_unlicensed(transition, request.rep_id, [])
    if refusal := refusal or check_cap(transition, request, request.rep_id):
        return refusal
    why = f"{request.rep_id} had it open"
    transition.assign_owner(request.rep_id, "claim_now", None, why)
    return ActionResult(Result.WON, why=why)


def note(transition: Transition, request: ActionRequested) -> ActionResult:
    """Record a note. The lock stays, because a note is not an outcome."""
    if request.note is None:
        return refused_result(Reason.INVALID, "note: is missing")
    if transition.rules.role(request.rep_id) not in MANAGERS and (result := not_working(transition, request)):
        return result
    transition.update(notes=transition.lead.notes + 1)
    transition.emit(NoteRecorded(rep_id=request.rep_id, note=request.note))
    return DONE


def assign(transition: Transition, request: ActionRequested) -> ActionResult:
    """D6, E3: a manager gives an unowned lead to a rep. A second manager is told who has it."""
    if transition.rules.role(request.rep_id) not in MANAGERS:
        return refused_result(Reason.NOT_ALLOWED, "assigning is for managers and admins")
    if (lock := transition.lead.lock) and lock.rep_id != request.rep_id:
        return refused_result(Reason.LOCKED_BY_OTHER, f"{lock.rep_id} has it open until {lock.until}")
    if request.to_rep_id is None:
        return refused_result(Reason.INVALID, "to_rep_id: is missing")
    if transition.rules.role(request.to_rep_id) is None:
        return refused_result(Reason.UNKNOWN_REP, f"the org has no active rep {request.to_rep_id}")
    result, overrides = check_assignee(transition, request, request.to_rep_id)
    if result := result or check_cap(transition, request, request.to_rep_id):
        return result
    why = f"assigned by {request.rep_id}" + (f": {request.why}" if request.why else "")
    via = f"manager/{request.rep_id}"
    transition.assign_owner(request.to_rep_id, "manual", via, why, overrides=overrides)
    return DONE


def ignore(transition: Transition, request: ActionRequested) -> ActionResult:
    """E4: hide an exception. The lead can still be assigned."""
    if transition.rules.role(request.rep_id) not in MANAGERS:
        return refused_result(Reason.NOT_ALLOWED, "ignoring is for managers and admins")
    transition.end_distribution(f"ignored by {request.rep_id}")
    transition.update(phase=Phase.IGNORED)
    transition.emit(ExceptionIgnored(rep_id=request.rep_id))
    return DONE


def unignore(transition: Transition, request: ActionRequested) -> ActionResult:
    """Show a hidden exception again. If no queue takes the lead now, it is an open exception."""
    if transition.rules.role(request.rep_id) not in MANAGERS:
        return refused_result(Reason.NOT_ALLOWED, "un-ignoring is for managers and admins")
    transition.update(phase=Phase.QUEUED)
    return DONE


def reopen_claimable(transition: Transition, request: ActionRequested) -> ActionResult:
    """Q10: make a claimed lead claimable again by an admin's override, which is recorded."""
    if transition.rules.role(request.rep_id) != "admin":
        return refused_result(Reason.NOT_ALLOWED, "reopening is for admins")
    if transition.lead.claimed_through is None:
        return ActionResult(Result.DONE, why="it was not claimed through a queue: nothing changes")
    transition.emit(ClaimReopened(rep_id=request.rep_id, claimed_through=transition.lead.claimed_through))
    transition.update(claimed_through=None)
    return DONE


ACTIONS: Final[dict[Trigger, Callable[[Transition, ActionRequested], ActionResult]]] = {
    Trigger.CLAIM: claim,
    Trigger.CLAIM_NOW: claim_now,
    Trigger.VIEW: view,
    Trigger.RELEASE: release,
    Trigger.OUTCOME: outcome,
    Trigger.CALLBACK: callback,
    Trigger.NOTE: note,
    Trigger.ASSIGN: assign,
    Trigger.IGNORE: ignore,
    Trigger.UNIGNORE: unignore,
    Trigger.REOPEN_CLAIMABLE: reopen_claimable,
    Trigger.ACTIVITY: activities.activity,
    Trigger.REASSIGN: moves.reassign,
    Trigger.UNASSIGN: moves.unassign,
    Trigger.REDISTRIBUTE: moves.redistribute,
    Trigger.REOPEN: moves.reopen,
    Trigger.UPDATE: corrections.update,
    Trigger.CONSENT: contact.consent,
    Trigger.DIAL: contact.dial,
    Trigger.MERGE: merging.merge,
    Trigger.SPLIT: merging.split,
}


_DESK: Final = frozenset(
    {Trigger.ASSIGN, Trigger.REASSIGN, Trigger.UNASSIGN, Trigger.REDISTRIBUTE, Trigger.REOPEN}
)
"""Actions whose refusal says who has a lead, or that nobody has. Only managers learn that."""


def refuse_in_phase(transition: Transition, trigger: Trigger, rep_id: str) -> ActionResult:
    """Return the refusal of an action that the lead's phase does not list (rules/lead/lifecycle.py)."""
    lead = transition.lead
    if trigger in OFFER_TRIGGERS:
        return refused_result(Reason.OFFER_OVER, "no offer of this lead is open")
    if lead.phase is Phase.CLOSED:
        return refused_result(Reason.LEAD_CLOSED, closed_with(transition, rep_id))
    if trigger in (Trigger.IGNORE, Trigger.UNIGNORE):
        why = f"it is {lead.phase}, not an exception"
        if lead.phase is Phase.EXCEPTION:
            why = "its exception is open, not ignored"
        return refused_result(Reason.NOT_AN_EXCEPTION, why)
    if trigger in _DESK and transition.rules.role(rep_id) not in MANAGERS:
        return refused_result(Reason.NOT_ALLOWED, f"{trigger} is for managers and admins")
    if trigger is Trigger.ASSIGN and lead.phase in OWNED_PHASES:
        why = f"{has_it_since(lead.owner or '', lead.assigned_at)}: reassign moves it to another rep"
        return ActionResult(Result.LOST, Reason.ALREADY_CLAIMED, why)
    if trigger in (Trigger.REASSIGN, Trigger.UNASSIGN):
        return refused_result(Reason.NOT_OWNED, f"it is {lead.phase}: nobody owns it, so it can be assigned")
    if trigger is Trigger.REOPEN:
        return refused_result(Reason.NOT_QUALIFIED, f"it is {lead.phase}, not closed")
    if trigger is Trigger.RELEASE and lead.lapsed == rep_id:
        return refused_result(Reason.LOCK_EXPIRED, "your lock has run out")
    return refused_result(Reason.NOT_LOCKED, f"it is {lead.phase}: nobody has it open")
