"""A rep who leaves lets go of everything, in slices: no event takes long, and none of its leads is forgotten (X2)."""

import msgspec

from models.offers import LeadOrphaned, OfferVoided
from models.org import OrgLead, RepChange, Stage, Turn
from models.org_decisions import CapacityReturned, RepStatusChanged
from rules.org.capacity import give_back
from rules.org.eligibility import gone
from rules.org.transition import OrgTransition


def leave(draft: OrgTransition, rep_id: str, why: str) -> None:
    """Void a rep's offers and orphan its leads, so many at a time; woken at once, it goes on."""
    turns = {group_id: Turn(turn.served) for group_id, turn in draft.rep(rep_id).turns.items()}
    draft.change_rep(rep_id, left=True, away=False, away_until=None, turns=turns)
    lead_ids = draft.leads_of(rep_id)
    for lead_id in lead_ids[: draft.slice]:
        row = draft.lead(lead_id)
        if row is not None:
            part(draft, row, rep_id, why)
    remaining = len(lead_ids[draft.slice :])
    draft.change_rep(rep_id, wake=draft.at if remaining else None)
    draft.freed.discard(rep_id)
    draft.emit(RepStatusChanged(rep_id=rep_id, change=RepChange.LEFT, remaining=remaining))


def part(draft: OrgTransition, row: OrgLead, rep_id: str, why: str) -> None:
    """Take one lead from one rep: orphaned if it owned it, or else no longer offered to it."""
    if row.stage is Stage.HELD:
        draft.change_rep(rep_id, held=draft.rep(rep_id).held - 1)
        draft.forget_lead(row)
        draft.emit(CapacityReturned(lead_id=row.lead_id, rep_id=rep_id, why=why))
        draft.emit(LeadOrphaned(lead_id=row.lead_id, epoch=row.epoch, rep_id=rep_id, why=why))
        return
    remaining = drop(draft, row, rep_id, why, voided=True)
    draft.emit(OfferVoided(lead_id=row.lead_id, epoch=row.epoch, rep_id=rep_id, why=why, remaining=remaining))


def drop(draft: OrgTransition, row: OrgLead, rep_id: str, why: str, *, voided: bool) -> tuple[str, ...]:
    """End an offer or a ring for one rep, and return for whom the lead still rings."""
    others = tuple(hold for hold in row.holds if hold.rep_id != rep_id)
    for hold in row.holds:
        if hold.rep_id == rep_id:
            give_back(draft, row, hold, why, voided=voided)
    if others:
        draft.put_lead(msgspec.structs.replace(row, holds=others))
    else:
        draft.forget_lead(row)
    return tuple(hold.rep_id for hold in others)


def has_left(draft: OrgTransition, rep_id: str) -> bool:
    """Say whether a rep is known to be no more there; one the directory has not heard of is not."""
    plan = draft.directory.rep(rep_id)
    row = draft.rep(rep_id)
    return row.left or (plan is not None and gone(plan, row) is not None)
