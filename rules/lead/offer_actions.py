"""Carries out actions on an offered lead.

The rep with the offer takes the lead by claiming it or working on it (R3), not by opening it (R2). Others wait (S3).
"""

from collections.abc import Callable
from typing import Final

from models.events import ActionRequested
from models.lead import DistributionStatus, Phase
from models.offer_decisions import ConnectRequested, HungUp
from models.results import Reason, Result
from rules.lead.actions import ACTIONS, refuse_in_phase
from rules.lead.call_refusal import call_refusal
from rules.lead.discretion import may_know, owned_by
from rules.lead.distribution import accept_offer, decline_offer, offered_to
from rules.lead.lifecycle import LIFECYCLE, OFFER_TRIGGERS, Trigger
from rules.lead.permissions import MANAGERS
from rules.lead.transition import DONE, ActionResult, Transition, refused_result

CLAIMING: Final = frozenset({Trigger.CLAIM, Trigger.CLAIM_NOW, Trigger.ACCEPT, Trigger.PRESS_ONE})
WORKING: Final = frozenset({Trigger.OUTCOME, Trigger.CALLBACK, Trigger.NOTE, Trigger.ACTIVITY})
"""The actions on the lead itself (R3). Opening the lead is not one of them (R2)."""
REMARKS: Final = frozenset({Trigger.NOTE, Trigger.ACTIVITY})
"""What a manager may add to a lead that is offered to somebody else."""
DECLINING: Final = frozenset({Trigger.DECLINE, Trigger.HANG_UP})
OVERRULING: Final = frozenset(
    {
        Trigger.ASSIGN,
        Trigger.REDISTRIBUTE,
        Trigger.REOPEN_CLAIMABLE,
        Trigger.UPDATE,
        Trigger.CONSENT,
        Trigger.MERGE,
        Trigger.SPLIT,
    }
)
"""The actions that are decided as if the lead were not offered, also for a manager who has the offer."""


def decide_offered_action(transition: Transition, request: ActionRequested, trigger: Trigger) -> ActionResult:
    """Decide an action on a lead in phase `offered`. Only what LIFECYCLE lists may happen, whoever has the offer."""
    lead, rep_id = transition.lead, request.rep_id
    if trigger not in LIFECYCLE[Phase.OFFERED] and trigger not in OFFER_TRIGGERS:
        return refuse_in_phase(transition, trigger, rep_id)
    if trigger in OVERRULING:
        return ACTIONS[trigger](transition, request)
    if not offered_to(lead, rep_id):
        return _by_others(transition, request, trigger)
    if (
        request.epoch is not None
        and lead.open_distribution is not None
        and request.epoch != lead.open_distribution.epoch
    ):
        return refused_result(
            Reason.OFFER_OVER,
            f"this offer is over; a newer offer of the lead is open (epoch {lead.open_distribution.epoch})",
        )
    if trigger is Trigger.VIEW:
        return ActionResult(Result.DONE, why="opening it is no action: the window goes on (R2)")
    if trigger in DECLINING:
        decline_offer(transition, rep_id)
        return DONE
    if trigger in CLAIMING:
        why = f"{rep_id} was the first to {request.action} it"
        accept_offer(transition, rep_id, why)
        return ActionResult(Result.WON, why=why)
    if trigger in WORKING:
        accept_offer(transition, rep_id, f"{request.action} within the window is a claim (R3)")
        return ACTIONS[trigger](transition, request)
    return refused_result(Reason.NOT_ALLOWED, "it is offered to you; accept it first")


def accept(transition: Transition, request: ActionRequested) -> ActionResult:
    """S1, S3: answer an accept after the offer is over with the lead's owner. The owner itself has already won."""
    lead = transition.lead
    if lead.owner == request.rep_id:
        return ActionResult(Result.WON, why="it is yours already")
    return ActionResult(Result.LOST, Reason.ALREADY_CLAIMED, f"{lead.owner} has it since {lead.assigned_at}")


def connect(transition: Transition, request: ActionRequested) -> ActionResult:
    """S2: connect the winner with the lead, unless the lead must not be called, or not now (X6)."""
    lead = transition.lead
    if lead.owner != request.rep_id:
        return refused_result(Reason.OFFER_OVER, owned_by(transition, request.rep_id))
    if lead.hung_up_epoch == lead.owned_epoch:
        return refused_result(Reason.OFFER_OVER, "you hung up, so the call is over: the lead stays yours")
    if refusal := call_refusal(lead, transition.rules.settings, transition.at):
        return refused_result(refusal.reason, refusal.why)
    transition.record_contact(request.rep_id)
    transition.emit(ConnectRequested(rep_id=request.rep_id))
    return DONE


def hang_up(transition: Transition, request: ActionRequested) -> ActionResult:
    """S2: keep the lead for a winner who hangs up between the two presses."""
    if transition.lead.owner != request.rep_id:
        return refused_result(Reason.OFFER_OVER, "no offer of this lead is open")
    if transition.lead.hung_up_epoch != transition.lead.owned_epoch:
        transition.update(hung_up_epoch=transition.lead.owned_epoch)
        transition.emit(HungUp(rep_id=request.rep_id))
    return ActionResult(Result.DONE, why="the lead stays yours")


ACTIONS_AFTER_OFFER: Final[dict[Trigger, Callable[[Transition, ActionRequested], ActionResult]]] = {
    Trigger.ACCEPT: accept,
    Trigger.PRESS_ONE: accept,
    Trigger.CONNECT: connect,
    Trigger.HANG_UP: hang_up,
}
"""The actions on an owned lead after its offer is over."""


def _by_others(transition: Transition, request: ActionRequested, trigger: Trigger) -> ActionResult:
    """Decide an action of a rep without the offer. Managers may look and note; everybody else waits."""
    if trigger in (Trigger.VIEW, *REMARKS) and transition.rules.role(request.rep_id) in MANAGERS:
        if trigger in REMARKS or request.view_only:
            return ACTIONS[trigger](transition, request)
        return refused_result(Reason.NOT_ALLOWED, "it is being distributed: open it view-only, or assign it")
    return _not_yours(transition, request.rep_id, trigger)


def _not_yours(transition: Transition, rep_id: str, trigger: Trigger) -> ActionResult:
    distribution = transition.lead.open_distribution
    if distribution is None and trigger in OFFER_TRIGGERS:
        return refused_result(
            Reason.OFFER_OVER, "nobody answered the ring"
        )  # the timer has not reported it yet (S3)
    if distribution is not None and (rep_id in distribution.tried or trigger in OFFER_TRIGGERS):
        return refused_result(
            Reason.OFFER_OVER,
            "your offer is over" if rep_id in distribution.tried else "it is not offered to you",
        )
    if (
        distribution is not None
        and distribution.stage is DistributionStatus.OFFERED
        and may_know(transition, rep_id)
    ):
        return refused_result(
            Reason.NOT_QUALIFIED, f"it is offered to {distribution.reps[0]} until {distribution.until}"
        )
    return refused_result(Reason.NOT_QUALIFIED, "it is being distributed")
