"""Computes changed rows and decisions from an org's rows and the next event of its log. It is a pure function.

The function is `step_org`. The same log gives the same steps on any worker, at any time, however often it is read
(design.md). It needs no other source, and every event has a result, even if nothing changes.
"""

from datetime import datetime
from typing import Final

import msgspec

from models.events import DirectoryPublished
from models.offers import Outcome
from models.org_decisions import OrgEventIgnored, RepStatusChanged, StepResult
from models.org_events import (
    DoNotContactPublished,
    ErasureRequested,
    InquiryForgotten,
    InquiryTakenOut,
    LeadCorrected,
    LeadForgotten,
    LeadMerged,
    LeadReleased,
    LeadTaken,
    MergeRequested,
    MergeUnused,
    OfferSettled,
    OrgEvent,
    OrgLeadClosed,
    OrgWoken,
    PersonArrived,
    PlaceRequested,
    PlaceUnused,
    RepChange,
    RepChanged,
    RepRequested,
    WakeKind,
)
from models.org_rows import OrgLead, OrgLeadStatus
from rules.org import arrivals, corrections, erasure, merging
from rules.org.allocate import request
from rules.org.capacity import count_owned, keep_capacity, release_lead, return_capacity
from rules.org.directory import OrgDirectory
from rules.org.place_reservation import reserve_place, return_place, use_place
from rules.org.refill import refill, refill_all, wake_group
from rules.org.rep_departure import depart, end_offer_for, has_left, remove_lead_from_rep
from rules.org.review import choice_of, continue_reviews, group_change, rep_change, start_review
from rules.org.state import OrgState
from rules.org.transition import OrgTransition

SLICE: Final = 100
"""The maximum number of leads that one event may release, or of waiting leads that it may offer. Later events continue
(X2)."""

_ENDS: Final = {
    Outcome.TIMEOUT: "nobody answered in time",
    Outcome.DECLINED: "declined",
    Outcome.VOIDED: "voided",
}


def step_org(
    state: OrgState,
    event: OrgEvent,
    at: datetime,
    directory: OrgDirectory,
    *,
    slice_size: int = SLICE,
    before: OrgDirectory | None = None,
) -> StepResult:
    """Apply one event and return the changed rows, each once, with the decisions.

    `state` is only read; the caller that wrote the rows puts them in (`OrgState.put`). `at`: the broker's time of the
    event, aware. `directory`: the directory after the event, if that is a `DirectoryPublished`. `before`: the directory
    before it.
    """
    transition = OrgTransition(state, directory, at, slice_size, before)
    match event:  # the most frequent ones first, as each is compared in turn
        case LeadTaken():
            use_place(transition, event.rep_id, event.lead_id, event.place)
            _count_for_owner(transition, event.lead_id, event.epoch, event.rep_id)
        case RepRequested():
            _requested(transition, event)
        case OfferSettled():
            _end_offer(transition, event)
        case PersonArrived():
            arrivals.place_arrival(transition, event)
        case ErasureRequested():
            erasure.order_erasure(transition, event)
        case LeadForgotten():
            erasure.forget(transition, event)
        case DoNotContactPublished():
            arrivals.list_contact(transition, event)
        case LeadCorrected():
            corrections.correct(transition, event)
        case PlaceRequested():
            reserve_place(transition, event)
        case PlaceUnused():
            return_place(transition, event)
        case MergeRequested():
            merging.seek_merge(transition, event)
        case LeadMerged():
            merging.complete_merge(transition, event)
        case MergeUnused():
            merging.return_merge(transition, event)
        case InquiryTakenOut():
            merging.take_out(transition, event)
        case InquiryForgotten():
            _ignore(
                transition, event.lead_id, f"lead {event.inquiry_id}, which was taken out of it, was erased"
            )
        case LeadReleased():
            _release(transition, event.lead_id, event.epoch, "the lead was released")
        case OrgLeadClosed():
            _release(transition, event.lead_id, event.epoch, "the lead was closed")
        case RepChanged():
            _rep_changed(transition, event)
        case OrgWoken():
            _on_wake(transition, event)
        case DirectoryPublished():
            _published(transition, event)
    # After most events there is nothing to refill.
    if transition.freed or transition.available or transition.reviewed:
        refill_all(transition)
        continue_reviews(transition)
    return transition.step()


def _requested(transition: OrgTransition, event: RepRequested) -> None:
    """Seek a rep. A lead that waits for the group already keeps its position (M5)."""
    row = transition.lead(event.lead_id)
    number, since = 0, transition.at
    if row is not None:
        if event.epoch <= row.epoch:
            _ignore(
                transition, event.lead_id, f"epoch {event.epoch} has been asked for; it is {row.epoch} now"
            )
            return
        release_lead(transition, row, "the lead asks its group again")
        if row.stage is OrgLeadStatus.WAITING and row.group_id == event.group_id:
            number, since = row.number, row.since
    request(
        transition,
        OrgLead(
            lead_id=event.lead_id,
            epoch=event.epoch,
            stage=OrgLeadStatus.WAITING,
            since=since,
            number=number,
            group_id=event.group_id,
            lead=event.lead,
            tried=event.tried,
        ),
    )


def _end_offer(transition: OrgTransition, event: OfferSettled) -> None:
    """End an offer as reported by the lead.

    A claim counts even without an open offer, because the lead decides its owner. Only an older epoch is ignored.
    """
    row = transition.lead(event.lead_id)
    if row is not None and event.epoch < row.epoch:
        _too_late(transition, row, event.epoch)
    elif event.outcome is Outcome.CLAIMED:
        if event.rep_id is None:
            _ignore(transition, event.lead_id, "a claim says who claimed")
        else:
            _count_for_owner(transition, event.lead_id, event.epoch, event.rep_id)
    elif row is None or row.stage is OrgLeadStatus.HELD:
        _ignore(transition, event.lead_id, "no offer of this lead is open")
    elif event.rep_id is None or row.stage is OrgLeadStatus.WAITING:
        release_lead(transition, row, _ENDS[event.outcome], voided=event.outcome is Outcome.VOIDED)
    elif all(hold.rep_id != event.rep_id for hold in row.holds):
        _ignore(transition, event.lead_id, f"it is not offered to {event.rep_id}")
    else:
        end_offer_for(
            transition, row, event.rep_id, _ENDS[event.outcome], voided=event.outcome is Outcome.VOIDED
        )


def _count_for_owner(transition: OrgTransition, lead_id: str, epoch: int, rep_id: str) -> None:
    """Count a lead for its owner, and return the capacity it took of other reps."""
    row = transition.lead(lead_id)
    if row is not None and epoch < row.epoch:
        _too_late(transition, row, epoch)
        return
    own_hold = next((hold for hold in row.holds if hold.rep_id == rep_id), None) if row else None
    if row is not None and own_hold is not None and row.stage is OrgLeadStatus.HELD:
        if epoch == row.epoch:
            _ignore(transition, lead_id, f"{rep_id} has it already")
        else:
            transition.put_lead(msgspec.structs.replace(row, epoch=epoch))
        return
    if row is not None and own_hold is not None:
        for hold in row.holds:
            if hold is not own_hold:
                return_capacity(transition, row, hold, f"{rep_id} has the lead", voided=False)
        keep_capacity(transition, row, own_hold, epoch)
    else:
        if row is not None:
            release_lead(transition, row, f"{rep_id} has the lead")
        count_owned(transition, lead_id, rep_id, epoch)
    owned_lead = transition.lead(lead_id)
    if owned_lead is not None and has_left(transition, rep_id):
        remove_lead_from_rep(transition, owned_lead, rep_id, "its owner has left")


def _release(transition: OrgTransition, lead_id: str, epoch: int, why: str) -> None:
    row = transition.lead(lead_id)
    if row is None:
        _ignore(transition, lead_id, "the org has nothing to do with this lead")
    elif epoch < row.epoch:
        _too_late(transition, row, epoch)
    else:
        release_lead(transition, row, why)


def _rep_changed(transition: OrgTransition, event: RepChanged) -> None:
    rep_id = event.rep_id
    if event.change is RepChange.LEFT:
        depart(transition, rep_id, f"{rep_id} has left")
        return
    if event.change is RepChange.ABSENT:
        transition.change_rep(rep_id, away=True, away_until=event.until)
        # The rep may return sooner than announced before. Leads that wait for the rep must be checked then.
        transition.available[rep_id] = f"{rep_id} may have leads again"
    else:
        had_left = transition.rep(rep_id).left
        transition.change_rep(rep_id, left=False, away=False, away_until=None, wake=None)
        transition.available[rep_id] = f"{rep_id} is back"
        if had_left:
            _review_rep(transition, rep_id, f"{rep_id} is back", None)
    transition.emit(RepStatusChanged(rep_id=rep_id, change=event.change, until=event.until))


def _published(transition: OrgTransition, event: DirectoryPublished) -> None:
    """Void the offers and orphan the leads of an inactive rep. Try waiting leads that the publication may help (M5)."""
    directory, before = transition.directory, transition.before
    if before is directory:
        return  # an older publication than the known one
    if directory.open and before is not None and not before.open:
        for group_id in sorted(directory.groups):
            start_review(transition, group_id, "the org has no reps any more, so anyone may have leads")
    if event.kind == "rep":
        _rep_published(transition, event.object_id)
    elif event.kind == "group" and (group := directory.groups.get(event.object_id)):
        change = group_change(before.groups.get(event.object_id) if before else None, group)
        if change is not None:
            start_review(transition, event.object_id, change[0], reps=change[1])


def _rep_published(transition: OrgTransition, rep_id: str) -> None:
    before, plan = transition.before, transition.directory.reps.get(rep_id)
    former = before.rep(rep_id) if before is not None else None
    if transition.rep(rep_id).had_last and choice_of(former) != choice_of(plan):
        transition.change_rep(rep_id, had_last=False)
    if plan is None or not plan.active:
        depart(transition, rep_id, f"{rep_id} is no longer active")
        return
    if transition.rep(rep_id).left:
        former = None
        transition.change_rep(rep_id, left=False, wake=None)
        transition.emit(RepStatusChanged(rep_id=rep_id, change=RepChange.RETURNED))
    change = rep_change(former, plan)
    if change is not None:
        _review_rep(transition, rep_id, *change)


def _review_rep(
    transition: OrgTransition, rep_id: str, why: str, states: tuple[str | None, ...] | None
) -> None:
    """Offer the leads that a rep may have now, the longest waiting first, and review what else waits for the rep."""
    refill(transition, rep_id, why, parked=True)
    for group_id in transition.directory.groups_of.get(rep_id, ()):
        start_review(transition, group_id, why, reps=(rep_id,), states=states)


def _on_wake(transition: OrgTransition, event: OrgWoken) -> None:
    match event.kind:
        case WakeKind.LEAD:
            lead = transition.lead(event.object_id)
            if lead is None or not _is_due(transition, event, lead.wake):
                _not_due(transition, event)
            else:
                wake_group(transition, lead.group_id or "")
        case WakeKind.GROUP:
            if _is_due(transition, event, transition.group(event.object_id).wake):
                transition.reviewed.add(event.object_id)
            else:
                _not_due(transition, event)
        case WakeKind.REP:
            row = transition.rep(event.object_id)
            if not _is_due(transition, event, row.wake):
                _not_due(transition, event)
            elif row.left:
                depart(transition, row.rep_id, f"{row.rep_id} has left")
            else:
                transition.change_rep(row.rep_id, wake=None)
                transition.available[row.rep_id] = f"{row.rep_id} may have leads again"


def _is_due(transition: OrgTransition, event: OrgWoken, wake: datetime | None) -> bool:
    return wake == event.due and transition.at >= event.due


def _not_due(transition: OrgTransition, event: OrgWoken) -> None:
    _ignore(transition, event.object_id, "it does not wait for this instant")


def _ignore(transition: OrgTransition, object_id: str, why: str) -> None:
    transition.emit(OrgEventIgnored(object_id=object_id, why=why))


def _too_late(transition: OrgTransition, row: OrgLead, epoch: int) -> None:
    _ignore(transition, row.lead_id, f"epoch {epoch} is over; it is {row.epoch} now")
