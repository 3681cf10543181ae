"""Decides who may act on a lead: the rep who has it open, its owner, a manager (D1, D2)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from models.events import ActionRequested
from models.results import Reason
from rules.lead.discretion import opened_by, owned_by
from rules.lead.transition import ActionResult, Transition, refused_result

MANAGERS: Final = frozenset({"manager", "admin"})
MAX_NAMED: Final = 5
"""How many of a rep's open leads a refusal names."""
LATE_HOURS: Final = 24
"""How long after its lock expired a rep may still act on the lead (D2)."""


def too_many_open(leads: Sequence[str], limit: int) -> str:
    """Return the refusal of a rep who has as many leads open as the org allows, in words. It names some of them."""
    lead_ids = ", ".join(leads[:MAX_NAMED])
    others = f" and {len(leads) - MAX_NAMED:,} more" if len(leads) > MAX_NAMED else ""
    return f"you have {len(leads)} leads open ({lead_ids}{others}); at most {limit} are allowed: finish or release one"


def not_manager(transition: Transition, request: ActionRequested) -> ActionResult | None:
    """Return the refusal of somebody who is neither manager nor admin; None for a manager or admin."""
    if transition.rules.role(request.rep_id) in MANAGERS:
        return None
    return refused_result(
        Reason.NOT_ALLOWED, f"{request.action.replace('_', ' ')} is for managers and admins"
    )


def not_holding(transition: Transition, request: ActionRequested) -> ActionResult | None:
    """Return why the rep does not hold the lock, or None if the rep holds it (D1, D2)."""
    lead = transition.lead
    if lead.lock is not None and lead.lock.rep_id == request.rep_id:
        return None
    if lead.lock is not None:
        reason = Reason.LOCK_EXPIRED if lead.lapsed == request.rep_id else Reason.LOCKED_BY_OTHER
        return refused_result(reason, opened_by(transition, request.rep_id))
    return refused_result(Reason.NOT_LOCKED, "you do not have it open")


def not_working(transition: Transition, request: ActionRequested) -> ActionResult | None:
    """Return why the rep may not act on the lead, or None if the rep may.

    A rep may act with the lock, and as the owner while nobody else has the lead open. A rep whose lock has expired may
    also act, for `LATE_HOURS` and as long as nobody else has taken the lead since (D2).
    """
    lead, rep_id = transition.lead, request.rep_id
    if lead.owner == rep_id and (lead.lock is None or lead.lock.rep_id == rep_id):
        return None
    if lead.owner is not None and lead.owner != rep_id:
        reason = Reason.LOCK_EXPIRED if lead.lapsed == rep_id else Reason.NOT_ALLOWED
        return refused_result(reason, owned_by(transition, rep_id))
    if lead.lock is None and lead.lapsed == rep_id:
        ends = lead.lapsed_at + timedelta(hours=LATE_HOURS) if lead.lapsed_at else None
        if ends is not None and transition.at < ends:
            return None
        late = f"more than {LATE_HOURS} hours ago"
        return refused_result(Reason.LOCK_EXPIRED, f"your lock has run out {late}: open the lead again")
    return not_holding(transition, request)
