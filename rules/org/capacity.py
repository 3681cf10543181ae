"""Counts reps' capacity. The capacity of an offer is returned in full or becomes that of an owned lead."""

from msgspec.structs import replace

from models.org_decisions import CapacityReturned, CapacityTaken
from models.org_rows import CapacityHold, OrgLead, OrgLeadStatus
from models.roster import LAST_LEAD
from rules.org.transition import OrgTransition


def take_capacity(
    transition: OrgTransition, rep_id: str, lead_id: str, *, rings: bool, turn: bool
) -> CapacityHold:
    """Take one open lead and one count of the rep's day for an offer or a ring.

    `rings`: it also takes the rep's one ring (S4).
    """
    plan = transition.directory.rep(rep_id)
    row = transition.rep(rep_id)
    day, _ = transition.calendar_cache.day(plan.time_zone if plan else "UTC", transition.at)
    # The day never goes back, even if the rep moves to a zone further west.
    day = day if row.day is None else max(day, row.day)
    transition.change_rep(
        rep_id,
        offered=row.offered + 1,
        day=day,
        today=row.today + 1 if row.day == day else 1,
        ring=lead_id if rings else row.ring,
    )
    return CapacityHold(rep_id, day, turn)


def return_capacity(
    transition: OrgTransition, lead: OrgLead, hold: CapacityHold, why: str, *, voided: bool
) -> None:
    """Return the capacity of an offer.

    `voided`: it ended outside the rep's control, so the rep is owed the turn (R7).
    """
    row = transition.rep(hold.rep_id)
    transition.change_rep(
        hold.rep_id,
        offered=row.offered - 1,
        today=row.today - 1 if row.day == hold.day else row.today,
        ring=None if row.ring == lead.lead_id else row.ring,
    )
    owed = voided and hold.turn and not row.left and lead.group_id is not None
    if owed and lead.group_id is not None:
        turn = transition.turn(lead.group_id, hold.rep_id)
        transition.change_turn(lead.group_id, hold.rep_id, replace(turn, owed=turn.owed + 1))
    transition.freed.add(hold.rep_id)
    turn_status = None if not hold.turn else "owed" if owed else "used up"
    transition.emit(CapacityReturned(lead_id=lead.lead_id, rep_id=hold.rep_id, why=why, turn=turn_status))


def keep_capacity(transition: OrgTransition, lead: OrgLead, hold: CapacityHold, epoch: int) -> None:
    """Turn the capacity of an offer into that of an owned lead."""
    row = transition.rep(hold.rep_id)
    ring = None if row.ring == lead.lead_id else row.ring
    if ring is not row.ring:
        transition.freed.add(hold.rep_id)
    row = transition.change_rep(
        hold.rep_id,
        offered=row.offered - 1,
        held=row.held + 1,
        ring=ring,
        had_last=row.had_last or _is_last(transition, hold.rep_id),
    )
    _put_owned(transition, lead.lead_id, hold.rep_id, epoch, row.held)


def count_owned(transition: OrgTransition, lead_id: str, rep_id: str, epoch: int) -> None:
    """Count a lead that got its owner without an offer. No cap applies."""
    row = transition.rep(rep_id)
    had_last = row.had_last or _is_last(transition, rep_id)
    row = transition.put_rep(replace(row, held=row.held + 1, had_last=had_last))
    _put_owned(transition, lead_id, rep_id, epoch, row.held)


def release_lead(transition: OrgTransition, lead: OrgLead, why: str, *, voided: bool = True) -> None:
    """Return all capacity that a lead has taken, and remove the lead's row."""
    for hold in lead.holds:
        if lead.stage is OrgLeadStatus.HELD:
            row = transition.rep(hold.rep_id)
            transition.change_rep(hold.rep_id, held=row.held - 1)
            transition.freed.add(hold.rep_id)
            transition.emit(CapacityReturned(lead_id=lead.lead_id, rep_id=hold.rep_id, why=why))
        else:
            return_capacity(transition, lead, hold, why, voided=voided)
    transition.forget_lead(lead)


def _is_last(transition: OrgTransition, rep_id: str) -> bool:
    """Say whether a lead that a rep has now is the last one before its pause (R9)."""
    plan = transition.directory.rep(rep_id)
    return plan is not None and plan.availability == LAST_LEAD


def _put_owned(transition: OrgTransition, lead_id: str, rep_id: str, epoch: int, count: int) -> None:
    transition.put_lead(
        OrgLead(
            lead_id=lead_id,
            epoch=epoch,
            stage=OrgLeadStatus.HELD,
            since=transition.at,
            holds=(CapacityHold(rep_id),),
        )
    )
    transition.emit(CapacityTaken(lead_id=lead_id, rep_id=rep_id, held=count))
