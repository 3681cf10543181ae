"""The org machine: from an org's rows and the next event of its log to the rows that change and what was decided.

`step_org` is the whole of it: the same log gives the same steps on any worker, at any time, however often (design.md).
It asks nobody, and every event has its answer, also one that changes nothing.
"""

from datetime import datetime
from typing import Final

import msgspec

from models.events import DirectoryPublished
from models.offers import Outcome
from models.org import (
    ContactListed,
    LeadClosed,
    LeadReleased,
    LeadTaken,
    OfferSettled,
    OrgEvent,
    OrgLead,
    OrgWoken,
    PersonArrived,
    RepChange,
    RepChanged,
    RepRequested,
    Stage,
    WakeKind,
)
from models.org_decisions import OrgEventIgnored, RepStatusChanged, Step
from rules.org import arrivals
from rules.org.allocate import refill, request, wake_group
from rules.org.capacity import give_back, keep, let_go, own
from rules.org.directory import OrgDirectory
from rules.org.rep_departure import drop, has_left, leave, part
from rules.org.state import OrgState
from rules.org.transition import OrgTransition

SLICE: Final = 100
"""How many leads one event may let go of, or offer that waited: the rest are a later event's (X2)."""

_ENDS: Final = {
    Outcome.TIMEOUT: "nobody answered in time",
    Outcome.DECLINED: "declined",
    Outcome.VOIDED: "voided",
}


def step_org(
    state: OrgState, event: OrgEvent, at: datetime, directory: OrgDirectory, *, slice_size: int = SLICE
) -> Step:
    """Apply one event and return the rows it changes, each once, with what was decided.

    `state` is read only; whoever has written the rows puts them in (`OrgState.put`). `at`: the broker's time of the
    event, aware. `directory`: as it is after the event, if that is a `DirectoryPublished`.
    """
    draft = OrgTransition(state, directory, at, slice_size)
    match event:
        case PersonArrived():
            arrivals.arrive(draft, event)
        case ContactListed():
            arrivals.listed(draft, event)
        case RepRequested():
            _requested(draft, event)
        case OfferSettled():
            _settled(draft, event)
        case LeadTaken():
            _taken(draft, event.lead_id, event.epoch, event.rep_id)
        case LeadReleased():
            _ended(draft, event.lead_id, event.epoch, "the lead was released")
        case LeadClosed():
            _ended(draft, event.lead_id, event.epoch, "the lead was closed")
        case RepChanged():
            _rep_changed(draft, event)
        case OrgWoken():
            _woken(draft, event)
        case DirectoryPublished():
            _published(draft, event)
    for rep_id in sorted(draft.freed):
        refill(draft, rep_id)
    return draft.step()


def _requested(draft: OrgTransition, event: RepRequested) -> None:
    row = draft.lead(event.lead_id)
    if row is not None:
        if event.epoch <= row.epoch:
            _ignore(draft, event.lead_id, f"epoch {event.epoch} has been asked for; it is {row.epoch} now")
            return
        let_go(draft, row, "the lead asks anew")
    request(
        draft,
        OrgLead(
            lead_id=event.lead_id,
            epoch=event.epoch,
            stage=Stage.WAITING,
            since=draft.at,
            group_id=event.group_id,
            lead=event.lead,
            tried=event.tried,
        ),
    )


def _settled(draft: OrgTransition, event: OfferSettled) -> None:
    """End an offer as the lead says. A claim always counts: it is the lead that knows its owner."""
    row = draft.lead(event.lead_id)
    if row is not None and event.epoch < row.epoch:
        _late(draft, row, event.epoch)
    elif event.outcome is Outcome.CLAIMED:
        if event.rep_id is None:
            _ignore(draft, event.lead_id, "a claim says who claimed")
        else:
            _taken(draft, event.lead_id, event.epoch, event.rep_id)
    elif row is None or row.stage is Stage.HELD:
        _ignore(draft, event.lead_id, "no offer of this lead is open")
    elif event.rep_id is None or row.stage is Stage.WAITING:
        let_go(draft, row, _ENDS[event.outcome], voided=event.outcome is Outcome.VOIDED)
    elif all(hold.rep_id != event.rep_id for hold in row.holds):
        _ignore(draft, event.lead_id, f"it is not offered to {event.rep_id}")
    else:
        drop(draft, row, event.rep_id, _ENDS[event.outcome], voided=event.outcome is Outcome.VOIDED)


def _taken(draft: OrgTransition, lead_id: str, epoch: int, rep_id: str) -> None:
    """Count a lead for its owner, and return what it took of anybody else."""
    row = draft.lead(lead_id)
    if row is not None and epoch < row.epoch:
        _late(draft, row, epoch)
        return
    mine = next((hold for hold in row.holds if hold.rep_id == rep_id), None) if row else None
    if row is not None and mine is not None and row.stage is Stage.HELD:
        if epoch == row.epoch:
            _ignore(draft, lead_id, f"{rep_id} has it already")
        else:
            draft.put_lead(msgspec.structs.replace(row, epoch=epoch))
        return
    if row is not None and mine is not None:
        for hold in row.holds:
            if hold is not mine:
                give_back(draft, row, hold, f"{rep_id} has the lead", voided=False)
        keep(draft, row, mine, epoch)
    else:
        if row is not None:
            let_go(draft, row, f"{rep_id} has the lead")
        own(draft, lead_id, rep_id, epoch)
    held = draft.lead(lead_id)
    if held is not None and has_left(draft, rep_id):
        part(draft, held, rep_id, "its owner has left")


def _ended(draft: OrgTransition, lead_id: str, epoch: int, why: str) -> None:
    row = draft.lead(lead_id)
    if row is None:
        _ignore(draft, lead_id, "the org has nothing to do with this lead")
    elif epoch < row.epoch:
        _late(draft, row, epoch)
    else:
        let_go(draft, row, why)


def _rep_changed(draft: OrgTransition, event: RepChanged) -> None:
    rep_id = event.rep_id
    if event.change is RepChange.LEFT:
        leave(draft, rep_id, f"{rep_id} has left")
        return
    if event.change is RepChange.ABSENT:
        draft.change_rep(rep_id, away=True, away_until=event.until)
        # It may be back sooner than was said before: leads that wait for it are to be looked at then.
    else:
        draft.change_rep(rep_id, left=False, away=False, away_until=None, wake=None)
    draft.freed.add(rep_id)
    draft.emit(RepStatusChanged(rep_id=rep_id, change=event.change, until=event.until))


def _published(draft: OrgTransition, event: DirectoryPublished) -> None:
    """Let go of what a rep who is off may not keep; otherwise see whether leads that wait find somebody now."""
    directory = draft.directory
    if event.kind == "rep":
        rep_id = event.object_id
        plan = directory.reps.get(rep_id)
        if plan is None or not plan.active:
            leave(draft, rep_id, f"{rep_id} is no longer active")
            return
        if draft.rep(rep_id).left:
            draft.change_rep(rep_id, left=False, wake=None)
            draft.emit(RepStatusChanged(rep_id=rep_id, change=RepChange.RETURNED))
        draft.freed.add(rep_id)
    elif event.kind == "group" and draft.state.waiting(event.object_id):
        group = directory.groups.get(event.object_id)
        for rep_id in list(draft.line(group)) if group else ():
            refill(draft, rep_id, (event.object_id,))


def _woken(draft: OrgTransition, event: OrgWoken) -> None:
    if event.kind is WakeKind.LEAD:
        lead = draft.lead(event.object_id)
        if lead is None or lead.wake != event.due or draft.at < event.due:
            _ignore(draft, event.object_id, "it does not wait for this instant")
        else:
            wake_group(draft, lead.group_id or "")
        return
    row = draft.rep(event.object_id)
    if row.wake != event.due or draft.at < event.due:
        _ignore(draft, event.object_id, "it does not wait for this instant")
    elif row.left:
        leave(draft, row.rep_id, f"{row.rep_id} has left")
    else:
        draft.change_rep(row.rep_id, wake=None)
        draft.freed.add(row.rep_id)


def _ignore(draft: OrgTransition, object_id: str, why: str) -> None:
    draft.emit(OrgEventIgnored(object_id=object_id, why=why))


def _late(draft: OrgTransition, row: OrgLead, epoch: int) -> None:
    _ignore(draft, row.lead_id, f"epoch {epoch} is over; it is {row.epoch} now")
