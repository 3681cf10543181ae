"""Decides which leads may be merged, and follows merges and splits in the index of persons (K5).

The org's log gives all merges one order. So no two merges make a circle, and each lead belongs to exactly one lead. The
index follows when a merge is granted; the lead that is merged follows with its own event, and then its facts go to the
other lead.
"""

from models.merging import MAX_MERGED, OrgMerged, OrgSplit, SplitFrom
from models.org_decisions import MergeDecided, OrgEventIgnored
from models.org_events import InquiryTakenOut, LeadMerged, MergeRequested, MergeUnused
from models.persons import (
    ArrivalPlaced,
    DoNotContactChanged,
    Inquiry,
    do_not_contact_handle,
    handles_of,
    joining_handles,
    name_digest,
    person_handles,
)
from rules.org.arrivals import forbidden_among
from rules.org.persons import Persons
from rules.org.transition import OrgTransition


def seek_merge(transition: OrgTransition, event: MergeRequested) -> None:
    """Grant or refuse a merge. A repeat of the granted action is granted again."""
    persons, lead_id, action = transition.state.persons, event.lead_id, event.action
    named_lead = action.into_lead_id or ""
    merge = persons.merge_of(lead_id)
    if merge is not None and merge.into is not None and merge.cause == action.cause:
        into, refusal = merge.into, None
    else:
        into = persons.lead_of(named_lead) or ""
        refusal = _refusal(persons, lead_id, named_lead, into)
        if refusal is None:
            transition.put_person(OrgMerged(lead_id=lead_id, into=into, cause=action.cause, pending=True))
    why = refusal or f"lead {into} takes it in"
    transition.emit(MergeDecided(lead_id=lead_id, into=into, granted=refusal is None, action=action, why=why))


def _refusal(persons: Persons, lead_id: str, named_lead: str, into: str) -> str | None:
    """Return why a lead may not be merged into `into`, the lead that counts for `named_lead`; None if it may."""
    if not into:
        return f"into_lead_id: the org has no lead {named_lead}"
    if persons.is_erased(into):
        return f"into_lead_id: lead {into} was erased"
    if into == (persons.lead_of(lead_id) or lead_id):
        return f"they are one lead already, {into}"
    if persons.merge_of(lead_id) is not None:
        return "it is being merged already"
    if any(
        (row := persons.merge_of(member)) is not None and row.pending for member in persons.members(lead_id)
    ):
        return "another lead is being merged into it: try again"
    if len(persons.family(lead_id)) + len(persons.family(into)) > MAX_MERGED + 1:
        return f"at most {MAX_MERGED} leads can be merged into one"
    return None


def complete_merge(transition: OrgTransition, event: LeadMerged) -> None:
    """Record that a lead followed its merge, and pass its facts to the lead it was merged into."""
    persons = transition.state.persons
    merge = persons.merge_of(event.lead_id)
    if merge is None or merge.into != event.into or not merge.pending:
        _ignore(transition, event.lead_id, f"it is not being merged into {event.into}")
        return
    transition.put_person(OrgMerged(lead_id=event.lead_id, into=event.into, cause=merge.cause))
    transition.emit(
        ArrivalPlaced(
            lead_id=event.into,
            facts=event.facts,
            why=event.why,
            inquiry=Inquiry(event.lead_id, event.why, merged=event.brought),
            forbidden=forbidden_among(
                persons, (*handles_of(event.facts), *event.brought.handles), event.hashes
            ),
            hashes=event.hashes,
        )
    )


def return_merge(transition: OrgTransition, event: MergeUnused) -> None:
    """Undo a granted merge that the lead did not follow."""
    merge = transition.state.persons.merge_of(event.lead_id)
    if merge is None or not merge.pending or merge.cause != event.action_id:
        _ignore(transition, event.lead_id, f"no merge is granted for {event.action_id}")
        return
    transition.put_person(OrgMerged(lead_id=event.lead_id))


def take_out(transition: OrgTransition, event: InquiryTakenOut) -> None:
    """Make an inquiry a lead of its own. Its former lead loses what it had only by it, also on the list (X6)."""
    persons, inquiry_id, lead_id = transition.state.persons, event.inquiry_id, event.lead_id
    if event.merged:
        lost_handles: tuple[str, ...] = ()
        transition.put_person(OrgMerged(lead_id=inquiry_id))
    else:
        lost_handles = _lost_handles(person_handles(event.facts), event.handles)
        joining = joining_handles(event.facts, transition.directory.shared_handles)
        name = name_digest(event.facts)
        keeps_name = name is None or name in event.names or name == persons.own_name(lead_id)
        transition.put_person(
            OrgSplit(
                inquiry_id=inquiry_id,
                lead_id=lead_id,
                handles=joining,
                apart=tuple(handle for handle in handles_of(event.facts) if handle not in joining),
                name=name,
                lost=lost_handles,
                lost_name=None if keeps_name else name,
            )
        )
    listed = {
        *handles_of(event.facts),
        *(
            handle
            for handle in event.suppressed
            if event.merged and any(persons.has(relative, handle) for relative in persons.family(inquiry_id))
        ),
    }
    transition.emit(
        ArrivalPlaced(
            lead_id=inquiry_id,
            facts=event.facts,
            why=event.why,
            forbidden=forbidden_among(persons, tuple(sorted(listed)), event.hashes),
            hashes=event.hashes,
            split=SplitFrom(lead_id=lead_id, rep_id=event.rep_id, why=event.why),
        )
    )
    for handle in event.suppressed:
        if not persons.keeps(lead_id, handle, without=inquiry_id, lost_handles=lost_handles):
            why = f"lead {inquiry_id}, which has it, was taken out"
            transition.emit(DoNotContactChanged(lead_id=lead_id, handle=handle, reason=None, why=why))


def _lost_handles(handles: tuple[str, ...], remaining: tuple[str, ...]) -> tuple[str, ...]:
    """Return which handles, with their extensions and as the list knows them, are not among those that are left."""
    listed = {*map(do_not_contact_handle, remaining)}
    lost_handles = [handle for handle in handles if handle not in remaining]
    lost_handles += [handle for handle in map(do_not_contact_handle, handles) if handle not in listed]
    return tuple(dict.fromkeys(lost_handles))


def _ignore(transition: OrgTransition, lead_id: str, why: str) -> None:
    transition.emit(OrgEventIgnored(object_id=lead_id, why=why))
