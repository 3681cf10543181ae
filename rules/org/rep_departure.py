"""Removes all leads and offers from a rep who leaves (X2).

It works in slices, so that no event takes long and no lead is forgotten.
"""

import msgspec

from models.offers import LeadOrphaned, OfferVoided
from models.org_decisions import CapacityReturned, RepStatusChanged
from models.org_events import RepChange
from models.org_rows import OrgLead, OrgLeadStatus, Turn
from rules.org.capacity import return_capacity
from rules.org.eligibility import departure_refusal
from rules.org.transition import OrgTransition


def depart(transition: OrgTransition, rep_id: str, why: str) -> None:
    """Void a rep's offers and orphan its leads, one slice at a time. The rep is woken at once for the next slice."""
    turns = {group_id: Turn(turn.served) for group_id, turn in transition.rep(rep_id).turns.items()}
    transition.change_rep(rep_id, left=True, away=False, away_until=None, turns=turns)
    lead_ids = transition.leads_of(rep_id)
    for lead_id in lead_ids[: transition.slice]:
        row = transition.lead(lead_id)
        if row is not None:
            remove_lead_from_rep(transition, row, rep_id, why)
    remaining = len(lead_ids[transition.slice :])
    transition.change_rep(rep_id, wake=transition.at if remaining else None)
    transition.freed.discard(rep_id)
    transition.emit(RepStatusChanged(rep_id=rep_id, change=RepChange.LEFT, remaining=remaining))


def remove_lead_from_rep(transition: OrgTransition, row: OrgLead, rep_id: str, why: str) -> None:
    """Take one lead from one rep: an owned lead is orphaned, an offer is voided."""
    if row.stage is OrgLeadStatus.HELD:
        transition.change_rep(rep_id, held=transition.rep(rep_id).held - 1)
        transition.forget_lead(row)
        transition.emit(CapacityReturned(lead_id=row.lead_id, rep_id=rep_id, why=why))
        transition.emit(LeadOrphaned(lead_id=row.lead_id, epoch=row.epoch, rep_id=rep_id, why=why))
        return
    remaining = end_offer_for(transition, row, rep_id, why, voided=True)
    transition.emit(
        OfferVoided(lead_id=row.lead_id, epoch=row.epoch, rep_id=rep_id, why=why, remaining=remaining)
    )


def end_offer_for(
    transition: OrgTransition, row: OrgLead, rep_id: str, why: str, *, voided: bool
) -> tuple[str, ...]:
    """End an offer or a ring for one rep, and return the reps with whom the lead still rings."""
    others = tuple(hold for hold in row.holds if hold.rep_id != rep_id)
    for hold in row.holds:
        if hold.rep_id == rep_id:
            return_capacity(transition, row, hold, why, voided=voided)
    if others:
        transition.put_lead(msgspec.structs.replace(row, holds=others))
    else:
        transition.forget_lead(row)
    return tuple(hold.rep_id for hold in others)


def has_left(transition: OrgTransition, rep_id: str) -> bool:
    """Say whether a rep is known to have left. A rep unknown to the directory does not count as left."""
    plan = transition.directory.rep(rep_id)
    row = transition.rep(rep_id)
    return row.left or (plan is not None and departure_refusal(plan, row) is not None)
