"""Asks the org for a place before an action gives a lead to a rep whose open leads are capped (M6).

Only the org knows how many open leads a rep has, because they lie in many logs. So the first time, the action is not
answered: the org reserves a place or refuses, and sends the action back with its answer. The action is decided then, on
the lead as it is at that time. The place becomes that of the owned lead, or it is returned.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from models.decisions import OwnerChanged
from models.events import ActionRequested
from models.lead import OPEN_OFFERS, LeadRow
from models.reserved_place import USABLE, PlaceAnswer
from models.reserved_place_decisions import PlaceReturned, PlaceSought
from models.results import Reason, Result
from rules.lead.overrides import overridable
from rules.lead.transition import ActionResult, Transition, refused_result

OVERRIDE: Final = "cap"
"""The name of an overridden cap in `OwnerChanged.overrides`."""
OVERRIDABLE: Final = frozenset({"assign", "reassign"})
"""The actions with which a manager may override a cap."""


def check_cap(transition: Transition, request: ActionRequested, rep_id: str) -> ActionResult | None:
    """Return why a rep may not have the lead now, or that the org must be asked; None if the rep has a place.

    An offer to the rep has taken a place already. `Transition.overrides_cap` is set if a manager overrides the cap.
    """
    rep = transition.rules.reps.get(rep_id)
    if not transition.rules.settings.enforce_caps or rep is None or rep.max_open is None:
        return None
    distribution = transition.lead.open_distribution
    if distribution is not None and distribution.stage in OPEN_OFFERS and rep_id in distribution.reps:
        return None
    overrides = request.override_cap and request.action in OVERRIDABLE
    if overrides and request.why is None:
        return refused_result(Reason.INVALID, "why: override_cap needs a reason")
    answer = request.place
    if answer is None or answer.rep_id != rep_id or transition.at - answer.decided_at > USABLE:
        return ActionResult(Result.REFUSED, requested_place_of=rep_id)
    if answer.granted:
        transition.place = request.cause
        return None
    if answer.error is not None:
        return refused_result(Reason.FATAL_ERROR, f"the org could not count the open leads of {rep_id}")
    if overrides:
        transition.overrides_cap = True
        return None
    return refused_result(Reason.AT_CAP, _at_cap(request, answer))


def _at_cap(request: ActionRequested, answer: PlaceAnswer) -> str:
    if request.rep_id == answer.rep_id:
        return f"you have {answer.open} of at most {answer.most} open leads"
    has = f"{answer.rep_id} has {answer.open} of at most {answer.most} open leads"
    return overridable(has, "override_cap")


def record_place_request(
    row: LeadRow, request: ActionRequested, rep_id: str, off: int, at: datetime
) -> LeadRow:
    """Return the record of an action that is not answered yet, because the org is asked for a place.

    What the answer does not depend on is left out of the action, to keep rows small.
    """
    action = replace(request, note=None, facts=None, hashes=(), attributes={}, place=None)
    sought = PlaceSought(rep_id=rep_id, action=action, why=f"the open leads of {rep_id} are capped")
    spare = return_unused_place(request, ())
    decisions = (sought,) if spare is None else (spare, sought)
    return replace(row, off=off, at=at, cause=request.cause, decisions=decisions)


def return_unused_place(request: ActionRequested, decisions: tuple[object, ...]) -> PlaceReturned | None:
    """Return that the action's place is not needed, unless the org refused one or the decisions use it."""
    answer = request.place
    if answer is None or not answer.granted:
        return None
    if any(isinstance(decision, OwnerChanged) and decision.place == request.cause for decision in decisions):
        return None
    why = "the action did not need the place"
    return PlaceReturned(rep_id=answer.rep_id, action_id=request.cause, why=why)
