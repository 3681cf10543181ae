"""Applies an arrival to a lead: it is new, a repeat, or another inquiry of a known person (R6).

The org has decided which of these it is (`rules.org.arrivals`); this module applies the decision to the lead. An event
whose offset does not exceed the highest offset that the lead received from its org is a repeat, and changes nothing.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from models.contact_decisions import SuppressionRecorded
from models.decisions import (
    AnswerIgnored,
    ArrivalRepeated,
    InquiryAdded,
    LeadAccepted,
    MergedInto,
    PreassignmentNotFollowed,
    SharedHandleFound,
)
from models.erasure import MAX_HASHES, joined_hashes
from models.events import ArrivalMerged, CorrectionChecked, HandleShared, LeadArrived, SuppressionChanged
from models.facts import ITS_ARRIVAL, Attributes, Facts, bounded_facts, completed_facts
from models.lead import Lead, Phase
from models.merging_decisions import LeadSplit
from models.persons import Inquiry, names_differ
from rules.lead import corrections, merging
from rules.lead.contact import BY_OUTCOME
from rules.lead.distribution import ask_group, note_campaign, orphan
from rules.lead.licences import lacks_licence
from rules.lead.transition import Transition
from rules.queues.rep_names import RepMatch
from rules.queues.rule_book import OrgRules

ANOTHER_NAME: Final = "its last name differs, so it fills no facts"
"""Why an arrival completes nothing (K3)."""
_AT_REST = frozenset({Phase.QUEUED, Phase.EXCEPTION, Phase.IGNORED, Phase.CLOSED})
"""The phases in which a lead without an owner is distributed again. In other phases a rep or the org is handling it."""


def create_lead(event: LeadArrived, at: datetime, rules: OrgRules) -> Transition:
    """Create a lead from an arrival, and start its distribution."""
    facts, left_over = bounded_facts(event.facts)
    lead = Lead(
        lead_id=event.lead_id,
        facts=facts,
        phase=Phase.QUEUED,
        arrived_at=at,
        updated_at=at,
        org_log_offset=event.org_log_offset,
        hashes=event.hashes[:MAX_HASHES],
    )
    transition = Transition(lead=lead, at=at, rules=rules, before_event=None)
    transition.emit(
        LeadAccepted(apart=left_over, maybe=event.maybe, id_reused=event.id_reused, doubt=event.doubt)
    )
    _record_suppression(transition, event.forbidden)
    if event.split is not None:
        split, owner = event.split, None
        transition.update(split_from=merging.former_leads(lead, split))
        transition.emit(
            LeadSplit(from_lead_id=split.lead_id, rep_id=split.rep_id, owner=owner, why=split.why)
        )
    _distribute(transition, event.facts, "it arrived", "it arrived assigned (R5)")
    return transition


def repeat_or_add_inquiry(transition: Transition, event: LeadArrived) -> AnswerIgnored | None:
    """Apply a repeat, which only fills empty fields, or add an inquiry; return the reason if it was applied before."""
    if stale := _repeated(transition, event.org_log_offset, "lead_arrived"):
        return stale
    inquiry = event.inquiry
    if (hashes := joined_hashes(transition.lead.hashes, event.hashes)) is not transition.lead.hashes:
        transition.update(hashes=hashes)
    if inquiry is not None and not inquiry.again:
        _add_inquiry(transition, event, inquiry)
        return None
    stranger = _another_name(transition, event)
    before = transition.lead.facts
    filled, left_over = (
        ((), {})
        if stranger
        else _fill_in(transition, event.facts, ITS_ARRIVAL if inquiry is not None else frozenset())
    )
    merging.keep_inquiry(transition, event, before, filled)
    _record_suppression(transition, event.forbidden)
    if transition.lead is not transition.before_event:
        transition.update(org_log_offset=event.org_log_offset)
    vendor = event.facts.vendor if event.facts.vendor != before.vendor else None
    doubt = ANOTHER_NAME if stranger else None
    transition.emit(ArrivalRepeated(filled=filled, apart=left_over, doubt=doubt, vendor=vendor))
    return None


def leave_merge(transition: Transition, event: LeadArrived) -> AnswerIgnored | None:
    """K5: make a lead one of its own again after a manager took it out of another one."""
    if stale := _repeated(transition, event.org_log_offset, "lead_split"):
        return stale
    return merging.leave(transition, event)


def record_merge(lead: Lead | None, event: ArrivalMerged) -> MergedInto | AnswerIgnored:
    """Record which lead an arrival was added to. If a lead with this id already exists, it stays a lead."""
    if lead is not None:
        return AnswerIgnored(answer="arrival_merged", epoch=0, why="it is a lead of its own")
    return MergedInto(into=event.into, why=event.why)


def change_suppression(transition: Transition, event: SuppressionChanged) -> AnswerIgnored | None:
    """X6: record that a handle of the lead was put on the do-not-contact list or taken off it."""
    if stale := _repeated(transition, event.org_log_offset, "suppression_changed"):
        return stale
    suppressed = transition.lead.suppressed
    if event.reason is None and event.handle in suppressed:
        remaining = {handle: reason for handle, reason in suppressed.items() if handle != event.handle}
        if event.why is not None and suppressed[event.handle].startswith(BY_OUTCOME):
            transition.update(
                facts=replace(transition.lead.facts, silenced=True)
            )  # it spoke of the person (M8)
        transition.update(suppressed=remaining)
        why = event.why or "it was taken off the do-not-contact list"
        transition.emit(SuppressionRecorded(handle=event.handle, reason=None, why=why))
    elif event.reason is not None:
        _record_suppression(transition, {event.handle: event.reason})
    if transition.lead is transition.before_event:
        return AnswerIgnored(answer="suppression_changed", epoch=0, why="the lead has it so already")
    transition.update(org_log_offset=event.org_log_offset)
    return None


def note_shared_handle(transition: Transition, event: HandleShared) -> AnswerIgnored | None:
    """K1: record that a handle of the lead came with three last names, and which leads have it."""
    if stale := _repeated(transition, event.org_log_offset, "handle_shared"):
        return stale
    kind, _, value = event.handle.partition("/")
    others = [lead_id for lead_id in event.leads if lead_id != transition.lead.lead_id]
    why = f"{kind} {value} came with three last names, so it joins nobody any more"
    why += f"; these leads have it too: {', '.join(others)}" if others else ""
    is_first_lead = transition.lead.lead_id == min(event.leads, default="")
    managers = transition.rules.managers() if is_first_lead else ()
    transition.update(org_log_offset=event.org_log_offset)
    transition.emit(SharedHandleFound(handle=event.handle, leads=event.leads, why=why, managers=managers))
    return None


def check_correction(transition: Transition, event: CorrectionChecked) -> AnswerIgnored | None:
    """X6: record what the org's do-not-contact list says of a corrected phone or mail address (M2)."""
    if stale := _repeated(transition, event.org_log_offset, "correction_checked"):
        return stale
    if stale := corrections.check_correction(transition, event):
        return stale
    transition.update(org_log_offset=event.org_log_offset)
    return None


def _repeated(transition: Transition, offset: int, answer: str) -> AnswerIgnored | None:
    if not 0 <= offset <= transition.lead.org_log_offset:
        return None
    why = f"the lead has org-log offset {offset} already; it is at {transition.lead.org_log_offset}"
    return AnswerIgnored(answer=answer, epoch=0, why=why)


def _add_inquiry(transition: Transition, event: LeadArrived, inquiry: Inquiry) -> None:
    """Add an inquiry.

    An active owner keeps the lead and is notified; without one the lead is distributed again (R6).
    """
    transition.expire_lock()
    facts, owner = event.facts, transition.lead.owner
    active = owner is not None and not transition.rules.has_left(owner)
    merged = inquiry.merged
    distributes = merged is None or merged.open
    reopened = transition.lead.phase is Phase.CLOSED and distributes
    stranger = _another_name(transition, event)
    before = transition.lead.facts
    filled, left_over = ((), {}) if stranger else _fill_in(transition, facts, ITS_ARRIVAL)
    same = not stranger or merged is not None or facts.phone == transition.lead.facts.phone
    silences = facts.silenced and same
    if silences and not transition.lead.facts.silenced:
        transition.update(
            facts=replace(transition.lead.facts, silenced=True)
        )  # a prospect who asked for silence is not called
        filled = (*filled, "silenced")
    count = merged.inquiries if merged is not None else 1
    transition.update(inquiries=transition.lead.inquiries + count, org_log_offset=event.org_log_offset)
    merging.keep_inquiry(transition, event, before, filled)
    transition.emit(
        InquiryAdded(
            inquiry_id=inquiry.inquiry_id,
            vendor=facts.vendor,
            campaign=facts.campaign,
            external_id=facts.external_id,
            rep_id=owner if active else None,
            why="; ".join(
                (
                    inquiry.why,
                    _inquiry_outcome(transition, owner if active else None),
                    *((ANOTHER_NAME,) if stranger else ()),
                )
            ),
            reopened=reopened,
            filled=filled,
            apart=left_over,
            facts=_without(facts, left_over),
        )
    )
    _record_suppression(transition, event.forbidden)
    if merged is not None and merged.callback_at is not None and transition.lead.callback_at is None:
        transition.set_callback(merged.callback_at)  # the promised call is kept (M7)
    if not distributes:
        return
    if merged is not None:
        facts = replace(facts, assigned_to=None)
    if not active:
        _distribute_again(transition, facts, owner)
    elif reopened:
        epoch = transition.next_epoch()
        transition.update(phase=Phase.OWNED, owned_epoch=epoch, queue_since=transition.at)


def _without(facts: Facts, left_over: Attributes) -> Facts:
    """Return an inquiry's facts without the attributes that its decision has apart."""
    return replace(
        facts, attributes={key: value for key, value in facts.attributes.items() if key not in left_over}
    )


def _another_name(transition: Transition, event: LeadArrived) -> bool:
    """Say whether an arrival has another last name than the lead, so that it fills no fact (K3).

    The lead's own arrival may have the name that a person corrected since.
    """
    corrected = transition.lead.corrections
    if event.inquiry is None and corrected is not None and "last_name" in corrected.fields:
        return False
    return names_differ(transition.lead.facts, event.facts)


def _inquiry_outcome(transition: Transition, active: str | None) -> str:
    lead = transition.lead
    if active is not None:
        return f"{active} keeps it" if lead.phase is not Phase.CLOSED else f"it is {active}'s again"
    if lead.owner is not None:
        return f"{lead.owner} has left, so it is distributed again"
    if lead.phase in _AT_REST:
        return "nobody owns it, so it is distributed again"
    if lead.lock is not None:
        return f"{lead.lock.rep_id} has it open"
    return "it is being distributed already"


def _distribute_again(transition: Transition, facts: Facts, owner: str | None) -> None:
    """Distribute a lead by its new inquiry, unless somebody works on it. The round of tried reps starts over (R8)."""
    if owner is not None:
        orphan(transition, owner, f"{owner} has left")
    elif transition.lead.phase not in _AT_REST:
        return
    if transition.lead.phase is Phase.CLOSED:
        transition.update(queue_since=transition.at)
    if transition.lead.phase in (Phase.IGNORED, Phase.CLOSED):
        transition.update(phase=Phase.QUEUED)
    _distribute(transition, facts, "it inquired once more", "its new inquiry arrived assigned (R5, R6)")


def _distribute(transition: Transition, facts: Facts, why: str, assigned: str) -> None:
    """Give a lead to the rep that its arrival names; without one, request a rep from its campaign's group."""
    if facts.assigned_to:
        match = _licensed(transition, transition.rules.find_rep(facts.assigned_to))
        if match.rep_id is not None:
            note_campaign(transition, facts)
            transition.assign_owner(match.rep_id, "pre_assigned", f"vendor/{facts.vendor}", assigned)
            return
        transition.emit(
            PreassignmentNotFollowed(assigned_to=facts.assigned_to, reason=match.reason, why=match.why)
        )
    ask_group(transition, facts, why)


def _licensed(transition: Transition, match: RepMatch) -> RepMatch:
    """Return a match, or why it is not followed because the rep lacks the licence for the lead's state (M6)."""
    state = transition.lead.facts.state
    if match.rep_id is None or not lacks_licence(transition.rules, match.rep_id, state):
        return match
    return RepMatch(None, "not_licensed", f"{match.rep_id} is not licensed in {state}")


def _fill_in(
    transition: Transition, sent: Facts, without: frozenset[str]
) -> tuple[tuple[str, ...], Attributes]:
    """Fill the lead's empty fields, except those that a person corrected (M2).

    Return their names, and the attributes for which the lead has no room.
    """
    former = transition.lead.facts
    facts, left_over = completed_facts(
        former, sent, without=without | corrections.protected_fields(transition.lead)
    )
    facts = corrections.filled_facts(transition.lead, facts, sent)
    filled = tuple(name for name in facts.__struct_fields__ if getattr(facts, name) != getattr(former, name))
    if filled:
        transition.update(facts=facts)
    return filled, left_over


def _record_suppression(transition: Transition, forbidden: dict[str, str]) -> None:
    """X6: record which handles of the lead are on the do-not-contact list."""
    forbidden = corrections.without_removed(transition.lead, forbidden)
    changed = {
        handle: why for handle, why in forbidden.items() if transition.lead.suppressed.get(handle) != why
    }
    if not changed:
        return
    transition.update(suppressed={**transition.lead.suppressed, **changed})
    for handle, reason in changed.items():
        why = f"it is on the do-not-contact list: {reason}"
        transition.emit(SuppressionRecorded(handle=handle, reason=reason, why=why))
