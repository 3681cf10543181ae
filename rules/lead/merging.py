"""Merges a lead into another one, and takes an inquiry out of a lead again (K5).

The two leads may lie in different logs, so the org is asked first (`rules.org.merging`); until then the action is not
answered. A merged lead closes. Its facts go to the other lead as an inquiry, and every later action on it is answered
with the lead that counts. Its owner has it no more; the other lead keeps its own. A split is decided by the lead that
has the inquiry; the org and the inquiry's own log follow.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from models.contact_decisions import SuppressionRecorded
from models.decisions import AnswerIgnored, ExceptionRaised, LeadClosed, MergedInto
from models.erasure import kind_of
from models.events import ActionRequested, LeadArrived
from models.facts import ITS_ARRIVAL, Facts, completed_facts
from models.lead import DeadlineKind, Lead, LeadRow, Phase
from models.location import location_of
from models.merging import (
    MAX_FORMER,
    MAX_KEPT,
    MAX_KEPT_BYTES,
    MERGED,
    KeptInquiry,
    Merge,
    MergedLead,
    SplitFrom,
)
from models.merging_decisions import InquirySplit, LeadSplit, MergeReturned, MergeSought
from models.open_exception import OpenException
from models.persons import handles_of, name_digest, names_differ, person_handles
from models.results import Reason, Result
from rules.lead.corrections import protected_fields
from rules.lead.distribution import ask_group, orphan
from rules.lead.permissions import not_manager
from rules.lead.transition import DONE, ActionResult, Transition, refused_result

_HANDLE_FIELDS: Final = {"phone": "phone", "email": "email", "name": "last_name"}
"""The kind of a keyed hash -> the fact that it is of."""


def merge(transition: Transition, request: ActionRequested) -> ActionResult:
    """Merge the lead into another one. The first time the org is asked; the lead that counts is in its answer."""
    lead, rep_id, into_id = transition.lead, request.rep_id, request.into_lead_id
    if result := not_manager(transition, request):
        return result
    if into_id is None:
        return refused_result(Reason.INVALID, "into_lead_id: is missing")
    if into_id == lead.lead_id:
        return refused_result(Reason.INVALID, "into_lead_id: a lead cannot be merged into itself")
    answer = request.merge
    if answer is None:
        return ActionResult(Result.REFUSED, asks_merge_into=into_id)
    if not answer.granted:
        return refused_result(Reason.NOT_QUALIFIED, answer.why)
    why = f"merged into lead {answer.into} by {rep_id}" + (f": {request.why}" if request.why else "")
    brought = MergedLead(
        rep_id=rep_id,
        inquiries=lead.inquiries,
        handles=tuple(dict.fromkeys((*_handles(lead), *lead.suppressed))),
        open=lead.phase not in (Phase.CLOSED, Phase.IGNORED),
        callback_at=lead.callback_at,
    )
    transition.end_distribution(why)
    transition.unlock(why)
    transition.withdraw_due_notification(why)
    for kind in DeadlineKind:
        transition.set_deadline(kind, None)
    transition.emit(MergedInto(into=answer.into, why=why, rep_id=rep_id, brought=brought))
    if lead.phase is not Phase.CLOSED:
        transition.emit(LeadClosed(outcome=MERGED))
    transition.update(
        merged=Merge(
            into=answer.into,
            rep_id=rep_id,
            cause=request.cause,
            phase=lead.phase,
            last_outcome=lead.last_outcome,
            exception=lead.open_exception if lead.phase is Phase.IGNORED else None,
        ),
        phase=Phase.CLOSED,
        last_outcome=MERGED,
        callback_at=None,
        deferred_at=None,
        failed=None,
        round=None,
    )
    return DONE


def record_merge_request(
    row: LeadRow, request: ActionRequested, into: str, off: int, at: datetime
) -> LeadRow:
    """Return the record of a merge that is not answered yet, because the org is asked."""
    action = replace(request, note=None, facts=None, hashes=(), attributes={}, place=None, merge=None)
    sought = MergeSought(into=into, action=action, why="the org decides which leads may be merged")
    return replace(row, off=off, at=at, cause=request.cause, decisions=(sought,))


def return_unused_merge(
    request: ActionRequested, lead: Lead | None, decisions: tuple[object, ...]
) -> MergeReturned | None:
    """Return that a granted merge is not followed, unless the lead follows it or did so before."""
    if request.merge is None or not request.merge.granted:
        return None
    if lead is not None and lead.merged is not None and lead.merged.cause == request.cause:
        return None
    if any(isinstance(decision, MergedInto) for decision in decisions):
        return None
    return MergeReturned(action_id=request.cause, why="the lead did not follow the merge")


def refuse_merged(lead: Lead) -> ActionResult | None:
    """Return the answer to any action on a merged lead; None for any other lead."""
    if lead.merged is None:
        return None
    why = f"it was merged into lead {lead.merged.into} by {lead.merged.rep_id}: ask for that one"
    return refused_result(Reason.UNKNOWN_LEAD, why)


# -- inquiries ---------------------------------------------------------------------------------------------------------


def keep_inquiry(
    transition: Transition,
    event: LeadArrived,
    before: Facts,
    filled: tuple[str, ...],
) -> None:
    """Remember an inquiry, or what its resend filled, so that it can be taken out again. `before`: the former facts."""
    inquiry = event.inquiry
    if inquiry is None:
        return
    joined = transition.lead.joined
    former = joined.get(inquiry.inquiry_id)
    if inquiry.again and (former is None or not filled):
        return
    now = transition.lead.facts.attributes
    attributes = tuple(key for key in now if key not in before.attributes)
    if former is not None:
        inquiry_kept = replace(
            former,
            filled=tuple(dict.fromkeys((*former.filled, *filled))),
            attributes=tuple(dict.fromkeys((*former.attributes, *attributes))),
        )
    else:
        inquiry_kept = KeptInquiry(
            facts=event.facts,
            filled=filled,
            attributes=attributes,
            hashes=event.hashes,
            merged=inquiry.merged,
        )
    transition.update(joined=_bounded({**joined, inquiry.inquiry_id: inquiry_kept}))


def _bounded(joined: dict[str, KeptInquiry]) -> dict[str, KeptInquiry]:
    """Return the kept inquiries without the oldest ones for which there is no room. A merged lead is always kept.

    Merged leads keep their own facts, so beyond the room they are kept here without attributes.
    """
    room, bounded = MAX_KEPT_BYTES, dict[str, KeptInquiry]()
    for n, (inquiry_id, inquiry) in enumerate(reversed(joined.items())):
        size = len(msgspec.json.encode(inquiry))
        if size > room and inquiry.merged is not None:
            without_attributes = replace(inquiry, facts=replace(inquiry.facts, attributes={}))
            bounded[inquiry_id] = without_attributes
        elif (size <= room and n < MAX_KEPT) or inquiry.merged is not None:
            bounded[inquiry_id] = inquiry
            room -= size
    return dict(reversed(bounded.items()))


def split(transition: Transition, request: ActionRequested) -> ActionResult:
    """Take an inquiry out of the lead. What only it had filled goes with it; what a person corrected stays (M2)."""
    lead, rep_id, inquiry_id = transition.lead, request.rep_id, request.inquiry_id
    if result := not_manager(transition, request):
        return result
    if inquiry_id is None:
        return refused_result(Reason.INVALID, "inquiry_id: is missing")
    inquiry = lead.joined.get(inquiry_id)
    if inquiry is None:
        why = f"inquiry_id: {inquiry_id} is none of the inquiries that the lead remembers, at most {MAX_KEPT}"
        return refused_result(Reason.NOT_QUALIFIED, why)
    other_inquiries = {other_id: other for other_id, other in lead.joined.items() if other_id != inquiry_id}
    facts, other_inquiries = _without(lead, inquiry, other_inquiries)
    why = f"taken out of lead {lead.lead_id} by {rep_id}" + (f": {request.why}" if request.why else "")
    emptied = tuple(
        name for name in facts.__struct_fields__ if getattr(facts, name) != getattr(lead.facts, name)
    )
    transition.update(
        facts=facts,
        joined=other_inquiries,
        inquiries=max(1, lead.inquiries - (inquiry.merged.inquiries if inquiry.merged else 1)),
        hashes=_hashes(lead, inquiry, facts, other_inquiries),
    )
    others = [facts, *(other.facts for other in other_inquiries.values())]
    names = tuple(
        dict.fromkeys(name for facts_of_one in others if (name := name_digest(facts_of_one)) is not None)
    )
    transition.emit(
        InquirySplit(
            inquiry_id=inquiry_id,
            rep_id=rep_id,
            why=why,
            facts=inquiry.facts,
            emptied=emptied,
            handles=tuple(
                dict.fromkeys(handle for facts_of_one in others for handle in person_handles(facts_of_one))
            ),
            names=names,
            suppressed=tuple(sorted(lead.suppressed)),
            hashes=inquiry.hashes,
            merged=inquiry.merged is not None,
        )
    )
    return DONE


def _without(
    lead: Lead, inquiry: KeptInquiry, other_inquiries: dict[str, KeptInquiry]
) -> tuple[Facts, dict[str, KeptInquiry]]:
    """Return a lead's facts without what only an inquiry filled, and its other inquiries with what they fill instead.

    A wish for silence stays: it is lifted by consent only.
    """
    protected = protected_fields(lead)
    emptied: dict[str, Any] = {
        name: None
        for name in inquiry.filled
        if name not in ("attributes", "silenced")
        and name not in protected
        and getattr(lead.facts, name) == getattr(inquiry.facts, name)
    }
    emptied_keys = {
        key
        for key in inquiry.attributes
        if lead.facts.attributes.get(key) == inquiry.facts.attributes.get(key)
    }
    if emptied_keys:
        attributes = {key: value for key, value in lead.facts.attributes.items() if key not in emptied_keys}
        emptied["attributes"] = attributes
    facts: Facts = replace(lead.facts, **emptied)
    refilled: dict[str, KeptInquiry] = {}
    for inquiry_id, other in other_inquiries.items():
        now = facts
        if not names_differ(facts, other.facts):
            now, _ = completed_facts(facts, other.facts, without=ITS_ARRIVAL | protected)
        filled = [name for name in now.__struct_fields__ if getattr(now, name) != getattr(facts, name)]
        filled_keys = [key for key in now.attributes if key not in facts.attributes]
        refilled[inquiry_id] = (
            replace(
                other,
                filled=tuple(dict.fromkeys((*other.filled, *filled))),
                attributes=tuple(dict.fromkeys((*other.attributes, *filled_keys))),
            )
            if filled
            else other
        )
        facts = now
    if facts.time_zone is None and "time_zone" in emptied:
        facts = replace(facts, time_zone=location_of(facts.zip, facts.state, facts.phone).time_zone)
    return facts, refilled


def _hashes(
    lead: Lead, inquiry: KeptInquiry, facts: Facts, other_inquiries: dict[str, KeptInquiry]
) -> tuple[str, ...]:
    """Return a lead's keyed hashes without those that are of the inquiry alone."""
    others = [facts, *(other.facts for other in other_inquiries.values())]
    other_hashes = {hashed for other in other_inquiries.values() for hashed in other.hashes}
    return tuple(
        hashed
        for hashed in lead.hashes
        if hashed not in inquiry.hashes
        or hashed in other_hashes
        or (field := _HANDLE_FIELDS.get(kind_of(hashed))) is None
        or any(getattr(inquiry.facts, field) == getattr(other, field) for other in others)
    )


def _handles(lead: Lead) -> tuple[str, ...]:
    """Return the handles of a lead and of the inquiries that it remembers."""
    handles = [*handles_of(lead.facts)]
    for inquiry in lead.joined.values():
        handles += [*handles_of(inquiry.facts), *(inquiry.merged.handles if inquiry.merged else ())]
    return tuple(dict.fromkeys(handles))


# -- a lead that is taken out ------------------------------------------------------------------------------------------


def former_leads(lead: Lead, split_from: SplitFrom) -> tuple[str, ...]:
    """Return the leads that a lead was taken out of, each once, with the one that it is taken out of now."""
    return tuple(dict.fromkeys((*lead.split_from, split_from.lead_id)))[-MAX_FORMER:]


def leave(transition: Transition, event: LeadArrived) -> AnswerIgnored | None:
    """Make a merged lead what it was before: closed or ignored, its active owner's, or distributed again."""
    lead, split_from = transition.lead, event.split
    merged = lead.merged
    if split_from is None or merged is None:
        return AnswerIgnored(answer="lead_split", epoch=0, why="it is a lead of its own")
    phase = Phase(merged.phase)
    ended = phase in (Phase.CLOSED, Phase.IGNORED)
    for handle, reason in (*dict.fromkeys(lead.suppressed).items(), *event.forbidden.items()):
        if reason != lead.suppressed.get(handle) and (reason is not None or handle not in event.forbidden):
            why = f"the do-not-contact list says so since it was merged into lead {merged.into}"
            transition.emit(SuppressionRecorded(handle=handle, reason=reason, why=why))
    keeps = lead.owner is not None and not transition.rules.has_left(lead.owner)
    transition.update(
        merged=None,
        split_from=former_leads(lead, split_from),
        last_outcome=merged.last_outcome,
        suppressed=event.forbidden,
        org_log_offset=event.org_log_offset,
        phase=phase if ended else Phase.QUEUED,
    )
    transition.emit(
        LeadSplit(
            from_lead_id=split_from.lead_id,
            rep_id=split_from.rep_id,
            owner=lead.owner if keeps and not ended else None,
            why=split_from.why,
        )
    )
    if phase is Phase.IGNORED:
        _ignore_again(transition, merged)
    if ended:
        return None
    transition.update(queue_since=transition.at)
    if keeps:
        transition.update(owned_epoch=transition.next_epoch())
        return None
    if lead.owner is not None:
        orphan(transition, lead.owner, f"{lead.owner} has left")
    ask_group(transition, transition.lead.facts, split_from.why)
    return None


def _ignore_again(transition: Transition, merged: Merge) -> None:
    """Restore the exception of a lead that was ignored when it was merged (E4, K5).

    A merge of an earlier version did not keep it.
    """
    exception = merged.exception or OpenException(
        reason="no_available_agents",
        explanation=({"why": f"it was ignored before it was merged into lead {merged.into}"},),
        raised_at=transition.at,
    )
    transition.update(open_exception=exception)
    transition.emit(ExceptionRaised(reason=exception.reason, explanation=exception.explanation))
