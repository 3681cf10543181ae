"""Says whether a rep may have a lead by the rep's licences (M6).

Distribution checks licences itself (R9). This is for what people do: claims, opening, assignments. Anyone may have a
lead whose state is not known, because a rep finds it out by calling.
"""

from models.events import ActionRequested
from models.facts import Facts
from models.results import Reason
from rules.lead.overrides import overridable
from rules.lead.transition import ActionResult, Transition, refused_result
from rules.queues.rule_book import OrgRules

OVERRIDE: str = "licence"
"""The name of an overridden licence in `OwnerChanged.overrides`."""


def lacks_licence(rules: OrgRules, rep_id: str, state: str | None) -> bool:
    """Say whether a rep lacks the licence for a state, in an org that enforces licences."""
    rep = rules.reps.get(rep_id)
    if not rules.settings.enforce_licence or rep is None or rep.licensed_states is None or state is None:
        return False
    return state not in rep.licensed_states


def state_text(facts: Facts, *, shows_state: bool) -> str:
    """Return the state in a sentence. A rep to whom the queue does not show the state is not told it (Q3)."""
    return f"{facts.state}" if shows_state else "its state"


def refuse_unlicensed(transition: Transition, rep_id: str, queue_ids: list[str]) -> ActionResult | None:
    """Return the refusal of a rep who wants a lead without a licence for its state; None if the rep has one.

    `queue_ids`: the queues in which the rep sees the lead. The state is named if one of them shows it.
    """
    facts, rules = transition.lead.facts, transition.rules
    if not lacks_licence(rules, rep_id, facts.state):
        return None
    shows_state = any("state" in rules.queues[queue_id].queue.columns for queue_id in queue_ids)
    return refused_result(
        Reason.NOT_LICENSED, f"you are not licensed in {state_text(facts, shows_state=shows_state)}"
    )


def check_assignee(
    transition: Transition, request: ActionRequested, rep_id: str
) -> tuple[ActionResult | None, tuple[str, ...]]:
    """Return the refusal of an assignment to a rep without the licence, and what the request overrides.

    An override needs a reason, which is recorded with the new owner.
    """
    state = transition.lead.facts.state
    if not lacks_licence(transition.rules, rep_id, state):
        return None, ()
    if not request.override_licence:
        why = overridable(f"{rep_id} is not licensed in {state}", "override_licence")
        return refused_result(Reason.NOT_LICENSED, why), ()
    if request.why is None:
        return refused_result(Reason.INVALID, "why: override_licence needs a reason"), ()
    return None, (OVERRIDE,)
