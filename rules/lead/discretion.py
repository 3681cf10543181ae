"""Says what a refusal may tell its rep. It names no queue, outcome or person that the rep may not know of (Q4, Q12)."""

from msgspec.structs import replace

from models.lead import Phase
from rules.lead.transition import Transition
from rules.queues.rule_book import OVERSEERS


def may_know(transition: Transition, rep_id: str) -> bool:
    """Say whether a rep may know who has the lead and what became of it.

    These may: managers and admins; the lead's owner, the rep who has it open or had it open last, and the reps to whom
    it is or was offered; and a rep who sees a queue that the lead was claimed from, is in, or would be in if it were
    neither open, offered nor closed.
    """
    lead, rules = transition.lead, transition.rules
    if rules.role(rep_id) in OVERSEERS or rep_id in (lead.owner, lead.lapsed):
        return True
    if lead.lock is not None and lead.lock.rep_id == rep_id:
        return True
    distribution = lead.open_distribution
    if distribution is not None and (rep_id in distribution.reps or rep_id in distribution.tried):
        return True
    if lead.claimed_through is not None and rules.may_see(rep_id, lead.claimed_through):
        return True
    if not lead.placements:
        phase = Phase.QUEUED if lead.owner is None else Phase.OWNED
        at_rest = replace(lead, lock=None, open_distribution=None, phase=phase)
        return any(
            rules.may_see(rep_id, queue_id) for queue_id in rules.evaluate(at_rest, transition.at).sort_keys
        )
    return any(rules.may_see(rep_id, queue_id) for queue_id in lead.placements)


def opened_by(transition: Transition, rep_id: str) -> str:
    """Return who has the lead open and until when, for a refusal. The lead must have a lock."""
    lock = transition.lead.lock
    if lock is None or not may_know(transition, rep_id):
        return "somebody else has it open"
    return f"{lock.rep_id} has it open until {lock.until}"


def owned_by(transition: Transition, rep_id: str) -> str:
    """Return who owns the lead, for a refusal."""
    return (
        f"it belongs to {transition.lead.owner}"
        if may_know(transition, rep_id)
        else "it belongs to somebody else"
    )


def closed_with(transition: Transition, rep_id: str) -> str:
    """Return with which outcome the lead was closed, for a refusal."""
    return (
        f"it was closed with {transition.lead.last_outcome}"
        if may_know(transition, rep_id)
        else "it is closed"
    )
