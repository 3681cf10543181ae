"""What a lead takes of a rep is given back in full, or becomes a lead the rep owns: nothing else changes the counts."""

import msgspec

from models.org import Hold, OrgLead, Stage
from models.org_decisions import CapacityReturned, CapacityTaken
from rules.org.transition import OrgTransition


def take(draft: OrgTransition, rep_id: str, lead_id: str, *, rings: bool, turn: bool) -> Hold:
    """Take a place, and a count on the rep's own day, for an offer or a ring."""
    plan = draft.directory.rep(rep_id)
    row = draft.rep(rep_id)
    day, _ = draft.memo.day(plan.time_zone if plan else "UTC", draft.at)
    # A day that is over does not come back, should the rep move to a zone further west.
    day = day if row.day is None else max(day, row.day)
    draft.change_rep(
        rep_id,
        offered=row.offered + 1,
        day=day,
        today=row.today + 1 if row.day == day else 1,
        ring=lead_id if rings else row.ring,
    )
    return Hold(rep_id, day, turn)


def give_back(draft: OrgTransition, lead: OrgLead, hold: Hold, why: str, *, voided: bool) -> None:
    """Return what an offer took. `voided`: through no doing of the rep's, so the turn is owed to it (R7)."""
    row = draft.rep(hold.rep_id)
    draft.change_rep(
        hold.rep_id,
        offered=row.offered - 1,
        today=row.today - 1 if row.day == hold.day else row.today,
        ring=None if row.ring == lead.lead_id else row.ring,
    )
    owed = voided and hold.turn and not row.left and lead.group_id is not None
    if owed and lead.group_id is not None:
        turn = draft.turn(lead.group_id, hold.rep_id)
        draft.change_turn(lead.group_id, hold.rep_id, msgspec.structs.replace(turn, owed=turn.owed + 1))
    draft.freed.add(hold.rep_id)
    said = None if not hold.turn else "owed" if owed else "used up"
    draft.emit(CapacityReturned(lead_id=lead.lead_id, rep_id=hold.rep_id, why=why, turn=said))


def keep(draft: OrgTransition, lead: OrgLead, hold: Hold, epoch: int) -> None:
    """Make an offer's place that of a lead its rep owns."""
    row = draft.rep(hold.rep_id)
    ring = None if row.ring == lead.lead_id else row.ring
    if ring is not row.ring:
        draft.freed.add(hold.rep_id)
    row = draft.change_rep(hold.rep_id, offered=row.offered - 1, held=row.held + 1, ring=ring)
    _held(draft, lead.lead_id, hold.rep_id, epoch, row.held)


def own(draft: OrgTransition, lead_id: str, rep_id: str, epoch: int) -> None:
    """Count a lead that came to its owner by other ways; no cap keeps it away."""
    row = draft.rep(rep_id)
    row = draft.change_rep(rep_id, held=row.held + 1)
    _held(draft, lead_id, rep_id, epoch, row.held)


def let_go(draft: OrgTransition, lead: OrgLead, why: str, *, voided: bool = True) -> None:
    """Return all that a lead took of anybody, and forget it."""
    for hold in lead.holds:
        if lead.stage is Stage.HELD:
            row = draft.rep(hold.rep_id)
            draft.change_rep(hold.rep_id, held=row.held - 1)
            draft.freed.add(hold.rep_id)
            draft.emit(CapacityReturned(lead_id=lead.lead_id, rep_id=hold.rep_id, why=why))
        else:
            give_back(draft, lead, hold, why, voided=voided)
    draft.forget_lead(lead)


def _held(draft: OrgTransition, lead_id: str, rep_id: str, epoch: int, held: int) -> None:
    draft.put_lead(
        OrgLead(lead_id=lead_id, epoch=epoch, stage=Stage.HELD, since=draft.at, holds=(Hold(rep_id),))
    )
    draft.emit(CapacityTaken(lead_id=lead_id, rep_id=rep_id, held=held))
