"""Derives the messages between leads and their org: each journal's records give the events of the other's log.

The same record always gives the same events, so a relay may send them again. An org recognises a repeat by the record's
number (`OrgStep.source_number`). A lead recognises one by the epoch that the answer names, or by the `org_log_offset`
of events about arrivals and the do-not-contact list.
"""

from typing import Final

from msgspec.structs import replace

from models.corrections import NOTHING_CORRECTED, FactsCorrected
from models.decisions import Answered, InquiryAdded, LeadClosed, LeadReopened, MergedInto, OwnerChanged
from models.erasure_decisions import InquiryErased, LeadErased
from models.events import (
    ActionRequested,
    ArrivalMerged,
    ArrivalRefused,
    CorrectionChecked,
    ErasureFound,
    ErasureOrdered,
    Event,
    FormerInquiryErased,
    HandleShared,
    LeadArrived,
    OrgAnswered,
    SuppressionChanged,
)
from models.lead import Lead, LeadRow
from models.merging import MergeAnswer, MergedLead
from models.merging_decisions import InquirySplit, LeadSplit, MergeReturned, MergeSought
from models.offer_decisions import OfferDeclined, OfferEnded, RepSought
from models.offers import LeadOrphaned, NoRepAvailable, OfferMade, OfferVoided, Outcome, RingStarted
from models.org_decisions import MergeDecided, OrgStep, PlaceDecided
from models.org_events import (
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
    PlaceRequested,
    PlaceUnused,
    RepRequested,
)
from models.persons import (
    ArrivalPlaced,
    ArrivalTurnedAway,
    DoNotContactChanged,
    ErasureOrder,
    HandleRetired,
    HandlesCorrected,
    PersonForgotten,
    corrected_handles,
    handles_of,
)
from models.reserved_place import PlaceAnswer
from models.reserved_place_decisions import PlaceReturned, PlaceSought

_BY_LEAD: Final = (Answered, InquiryAdded)
_OWNS_AGAIN: Final = (LeadReopened, LeadSplit)
_SENT_ONE_BY_ONE: Final = frozenset(
    {RepSought, OfferEnded, OfferDeclined, PlaceSought, PlaceReturned}
    | {MergeSought, MergeReturned, MergedInto, InquirySplit, InquiryErased}
)
_SENT_TO_ORG: Final = _SENT_ONE_BY_ONE.union(
    _OWNS_AGAIN, (OwnerChanged, InquiryAdded, LeadClosed, LeadErased, FactsCorrected)
)
"""The decisions of which an org is told. Most records have none: a claim that lost only has its answer."""

LeadNews = (
    OrgAnswered
    | LeadArrived
    | ArrivalMerged
    | ArrivalRefused
    | ErasureOrdered
    | ErasureFound
    | SuppressionChanged
    | HandleShared
    | FormerInquiryErased
    | CorrectionChecked
    | ActionRequested
)
"""The events that an org sends to leads. An action among them has the org's answer in `place` (M6)."""


def to_org(row: LeadRow) -> list[OrgEvent]:
    """Return the events a lead's row causes in its org's log, in order: requests, ends of offers, owners."""
    lead = row.lead
    if lead is None:
        return []
    kinds = set(map(type, row.decisions))
    if kinds.isdisjoint(_SENT_TO_ORG):
        return []
    messages: list[OrgEvent] = []
    owned = OwnerChanged in kinds
    inquiry = corrected = None
    if InquiryAdded in kinds:
        inquiry = next(decision for decision in row.decisions if isinstance(decision, InquiryAdded))
    common = {"cause": row.cause, "org": lead.facts.org, "lead_id": lead.lead_id}
    for decision in () if kinds.isdisjoint(_SENT_ONE_BY_ONE) else row.decisions:
        match decision:
            case RepSought():
                messages.append(
                    RepRequested(
                        **common,
                        epoch=decision.epoch,
                        group_id=decision.group_id,
                        lead=_asking(lead),
                        tried=decision.tried,
                    )
                )
            case OfferEnded() if not owned:  # the owner's event settles every offer
                messages.append(OfferSettled(**common, epoch=decision.epoch, outcome=decision.outcome))
            case OfferDeclined() if not decision.decided_by_org:
                messages.append(
                    OfferSettled(
                        **common, epoch=decision.epoch, outcome=Outcome.DECLINED, rep_id=decision.rep_id
                    )
                )
            case PlaceSought():
                messages.append(PlaceRequested(**common, rep_id=decision.rep_id, action=decision.action))
            case PlaceReturned():
                messages.append(
                    PlaceUnused(
                        **common, rep_id=decision.rep_id, action_id=decision.action_id, why=decision.why
                    )
                )
            case MergeSought():
                messages.append(MergeRequested(**common, action=decision.action))
            case MergeReturned():
                messages.append(MergeUnused(**common, action_id=decision.action_id, why=decision.why))
            case MergedInto(brought=MergedLead() as brought):
                messages.append(
                    LeadMerged(
                        **common,
                        into=decision.into,
                        why=decision.why,
                        facts=lead.facts,
                        brought=brought,
                        hashes=lead.hashes,
                    )
                )
            case InquirySplit():
                messages.append(_taken_out(common, decision))
            case InquiryErased(inquiry_id=inquiry_id):
                messages.append(InquiryForgotten(**common, inquiry_id=inquiry_id))
            case _:
                pass
    reopened = (inquiry is not None and inquiry.reopened) or (
        not kinds.isdisjoint(_OWNS_AGAIN) and any(map(_is_owned_again, row.decisions))
    )
    if (owned or reopened) and lead.owner is not None:
        action_id = next(
            (
                decision.place
                for decision in row.decisions
                if isinstance(decision, OwnerChanged) and decision.place
            ),
            None,
        )
        messages.append(LeadTaken(**common, epoch=lead.owned_epoch, rep_id=lead.owner, place=action_id))
    if lead.owner is not None and LeadClosed in kinds:
        messages.append(OrgLeadClosed(**common, epoch=lead.epoch))
    if owned and lead.owner is None and lead.open_distribution is None and _by_lead(row):
        messages.append(LeadReleased(**common, epoch=lead.epoch))
    if LeadErased in kinds:
        messages += [
            LeadForgotten(**common, rep_id=decision.rep_id, hashes=decision.hashes, former=lead.split_from)
            for decision in row.decisions
            if isinstance(decision, LeadErased)
        ]
    if FactsCorrected in kinds:
        corrected = next(decision for decision in row.decisions if isinstance(decision, FactsCorrected))
    if corrected is not None and (message := _correction(row, lead, corrected)) is not None:
        messages.append(message)
    return messages


def _is_owned_again(decision: object) -> bool:
    return isinstance(decision, LeadReopened) or (
        isinstance(decision, LeadSplit) and decision.owner is not None
    )


def _taken_out(common: dict[str, str], decision: InquirySplit) -> InquiryTakenOut:
    return InquiryTakenOut(
        **common,
        inquiry_id=decision.inquiry_id,
        rep_id=decision.rep_id,
        why=decision.why,
        facts=decision.facts,
        handles=decision.handles,
        names=decision.names,
        suppressed=decision.suppressed,
        hashes=decision.hashes,
        merged=decision.merged,
    )


def _correction(row: LeadRow, lead: Lead, decision: FactsCorrected) -> LeadCorrected | None:
    """Return what an org is told of a correction; None if nothing there depends on it."""
    corrections = lead.corrections or NOTHING_CORRECTED
    changed = corrected_handles(decision.changes)
    seeks_rep = any(isinstance(other, RepSought) for other in row.decisions)  # the request has the new facts
    if not changed and (lead.open_distribution is None or seeks_rep):
        return None
    return LeadCorrected(
        cause=row.cause,
        org=lead.facts.org,
        lead_id=lead.lead_id,
        epoch=lead.open_distribution.epoch if lead.open_distribution is not None else lead.epoch,
        lead=_asking(lead),
        handles=tuple(
            handle for handle in handles_of(lead.facts) if handle.partition("/")[0] in corrections.fields
        ),
        removed=corrections.removed_handles,
        changed=changed,
    )


def to_leads(step: OrgStep) -> list[LeadNews]:
    """Return the events that an org's step causes in leads' logs, in order."""
    messages: list[LeadNews] = []
    for n, decision in enumerate(step.decisions):
        cause = f"org/{step.org}/{step.off}/{n}"
        match decision:
            case OfferMade() | RingStarted() | NoRepAvailable() | OfferVoided() | LeadOrphaned():
                messages.append(OrgAnswered(lead_id=decision.lead_id, cause=cause, answer=decision))
            case PlaceDecided():
                messages.append(_placed(decision, cause, step))
            case MergeDecided():
                answer = MergeAnswer(
                    message=cause, into=decision.into, granted=decision.granted, why=decision.why
                )
                messages.append(replace(decision.action, merge=answer))
            case ArrivalPlaced(lead_id=lead_id, inquiry=inquiry):
                messages.append(
                    LeadArrived(
                        lead_id=lead_id,
                        cause=step.cause,
                        facts=decision.facts,
                        inquiry=inquiry,
                        forbidden=decision.forbidden,
                        org_log_offset=step.off,
                        maybe=decision.maybe,
                        id_reused=decision.id_reused,
                        doubt=decision.why if decision.maybe or decision.id_reused else None,
                        hashes=decision.hashes,
                        split=decision.split,
                    )
                )
                if inquiry is not None and not inquiry.again and inquiry.merged is None:
                    merged = ArrivalMerged(
                        lead_id=inquiry.inquiry_id, cause=cause, into=lead_id, why=inquiry.why, org=step.org
                    )
                    messages.append(merged)
            case ArrivalTurnedAway():
                messages.append(ArrivalRefused(lead_id=decision.arrival_id, cause=cause, why=decision.why))
            case ErasureOrder():
                messages += _erasures(step.org, decision)
            case PersonForgotten(lead_id=lead_id):
                messages += [
                    FormerInquiryErased(lead_id=former, cause=f"{cause}/{former}", inquiry_id=lead_id)
                    for former in decision.former
                ]
            case HandlesCorrected(lead_id=lead_id):
                messages.append(
                    CorrectionChecked(
                        lead_id=lead_id,
                        cause=cause,
                        handles=decision.handles,
                        forbidden=decision.forbidden,
                        org_log_offset=step.off,
                    )
                )
            case HandleRetired(lead_id=lead_id):
                messages.append(
                    HandleShared(
                        lead_id=lead_id,
                        cause=cause,
                        handle=decision.handle,
                        leads=decision.leads,
                        org_log_offset=step.off,
                    )
                )
            case DoNotContactChanged(lead_id=lead_id):
                messages.append(
                    SuppressionChanged(
                        lead_id=lead_id,
                        cause=cause,
                        handle=decision.handle,
                        reason=decision.reason,
                        why=decision.why,
                        org_log_offset=step.off,
                    )
                )
            case _:
                pass
    return messages


def _placed(decision: PlaceDecided, message: str, step: OrgStep) -> ActionRequested:
    """Return an action with the org's answer. It keeps its own id, under which it is answered (X4)."""
    answer = PlaceAnswer(
        message=message,
        rep_id=decision.rep_id,
        granted=decision.granted,
        decided_at=step.at,
        open=decision.open,
        most=decision.most,
        error=decision.error,
    )
    return replace(decision.action, place=answer)


def org_event_identity(event: Event) -> str | None:
    """Return the identity of an event that came from an org; None for any other event.

    The identity is unique even if the event's cause is a repeated one.
    """
    match event:
        case LeadArrived(org_log_offset=offset) if offset >= 0:
            return f"org/{event.facts.org}/{offset}/arrival"
        case (
            ActionRequested(place=PlaceAnswer(message=message))
            | ActionRequested(merge=MergeAnswer(message=message))
        ):
            return message
        case (
            OrgAnswered()
            | ArrivalMerged()
            | ArrivalRefused()
            | SuppressionChanged()
            | HandleShared()
            | FormerInquiryErased()
            | CorrectionChecked()
        ):
            return event.cause
        case ErasureOrdered() | ErasureFound():
            return f"{event.cause}/{event.lead_id}"
        case _:
            return None


def _erasures(org: str, order: ErasureOrder) -> list[LeadNews]:
    """Return the answer to a request to erase a person, and an event for each lead unless it is a preview."""
    messages: list[LeadNews] = []
    if order.answer_to is not None:
        messages.append(
            ErasureFound(
                lead_id=order.answer_to,
                cause=order.cause,
                org=org,
                rep_id=order.rep_id,
                leads=order.leads,
                why=order.why,
            )
        )
    if order.preview:
        return messages
    messages += [
        ErasureOrdered(
            lead_id=lead_id,
            cause=f"{order.cause}/{lead_id}",
            org=org,
            rep_id=order.rep_id,
            why=order.why,
            hashes=order.hashes,
            retention=order.retention,
        )
        for lead_id in order.leads
    ]
    return messages


def _by_lead(row: LeadRow) -> bool:
    """Say whether an action or an inquiry took the lead from its owner. Otherwise the org did, and knows it (X2)."""
    return any(isinstance(decision, _BY_LEAD) for decision in row.decisions)


def _asking(lead: Lead) -> Lead:
    """Return a lead with only the fields that filters and licences need."""
    return replace(
        lead,
        placements={},
        deadlines=(),
        open_distribution=None,
        failed=None,
        open_exception=None,
        corrections=None,
        joined={},
    )
