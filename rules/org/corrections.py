"""Follows a correction of a lead's facts: in the index of persons, a waiting request, and open offers (M2)."""

from msgspec.structs import replace

from models.offers import OfferVoided
from models.org_events import LeadCorrected
from models.org_rows import OrgLead, OrgLeadStatus
from models.persons import HandlesCorrected, OrgCorrection
from rules.org.allocate import method_of, retry
from rules.org.eligibility import Eligibility, group_refusal
from rules.org.rep_departure import end_offer_for
from rules.org.transition import OrgTransition


def correct(transition: OrgTransition, event: LeadCorrected) -> None:
    """Follow a correction. An older request of the lead than the event's is over, and nothing is done about it."""
    if event.changed:
        _index(transition, event)
    row = transition.lead(event.lead_id)
    if row is None or row.epoch != event.epoch:
        return
    if row.stage is OrgLeadStatus.WAITING:
        retry(transition, replace(row, lead=event.lead), "its facts were corrected")
    elif row.stage in (OrgLeadStatus.OFFERED, OrgLeadStatus.RINGING):
        _check_offers(transition, row, event)


def _index(transition: OrgTransition, event: LeadCorrected) -> None:
    """Index the lead by its corrected handles. A lead that another one shares a handle with stays a lead of its own."""
    persons = transition.state.persons
    if persons.is_erased(event.lead_id):
        return
    transition.put_person(OrgCorrection(lead_id=event.lead_id, handles=event.handles, removed=event.removed))
    reasons = {
        handle: persons.forbidden_reason(handle) for handle in event.changed if handle in event.handles
    }
    other_leads = {lead_id for handle in event.handles for lead_id in persons.all_with(handle)} - {
        event.lead_id
    }
    transition.emit(
        HandlesCorrected(
            lead_id=event.lead_id,
            handles=event.changed,
            forbidden={handle: reason for handle, reason in reasons.items() if reason is not None},
            also=tuple(sorted(other_leads)),
        )
    )


def _check_offers(transition: OrgTransition, row: OrgLead, event: LeadCorrected) -> None:
    """Void the offers of reps who may not have the lead with its new facts. They are owed their turn (R7)."""
    group = transition.directory.groups.get(row.group_id or "")
    method = method_of(transition, group) if group is not None else None
    if group is None or method is None:
        return
    candidate = replace(row, lead=event.lead, tried=())
    filtered = group_refusal(transition, group, event.lead)
    eligibility = Eligibility(transition, group, candidate, event.lead, rings=method.exclusive)
    for hold in row.holds:
        plan = transition.directory.rep(hold.rep_id)
        refusal = filtered or (eligibility.unsuitable(plan) if plan is not None else None)
        current = transition.lead(row.lead_id)
        if refusal is None or current is None:
            continue
        why = f"its facts were corrected: {refusal.why}"
        remaining = end_offer_for(transition, current, hold.rep_id, why, voided=True)
        transition.emit(
            OfferVoided(
                lead_id=row.lead_id, epoch=row.epoch, rep_id=hold.rep_id, why=why, remaining=remaining
            )
        )
