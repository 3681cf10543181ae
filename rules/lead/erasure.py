"""Erases a lead: its facts go, and with them everything in its row that repeats them. The lead stays, closed and empty.

A lead is erased because an admin requests it, because its org found that it belongs to a person who is being erased, or
because its org's retention period for closed leads ended. It is one event of the lead's log and one journal record, so
a lead is erased as a whole or not at all. An erased lead accepts nothing but reading: no arrival, no inquiry, and no
action brings facts back.
"""

from typing import Final

from msgspec.structs import replace

from models.decisions import (
    Answered,
    AnswerIgnored,
    Decision,
    ExceptionResolved,
    LeadClosed,
)
from models.erasure import ERASED, joined_hashes
from models.erasure_decisions import ArrivalDropped, InquiryErased, LeadErased
from models.events import (
    ActionRequested,
    ArrivalRefused,
    CorrectionChecked,
    ErasureFound,
    ErasureOrdered,
    FormerInquiryErased,
    HandleShared,
    LeadArrived,
    SuppressionChanged,
)
from models.facts import Facts
from models.lead import DeadlineKind, Lead, Phase
from models.results import Reason, Result
from rules.lead.transition import DONE, ActionResult, Transition, refused_result
from rules.queues.rule_book import OrgRules

ERASE: Final = "erase"
"""The action's type (docs/contracts, `lead-actions`)."""
_FOR_ADMINS: Final = refused_result(Reason.NOT_ALLOWED, "erasing is for admins")
_BY_RETENTION: Final = "closed for {days} days, the org's retention period"


def erase(transition: Transition, request: ActionRequested) -> ActionResult:
    """Erase a lead at an admin's request. A second request finds the lead erased."""
    if transition.lead.merged is not None and not request.rep_id:
        forget(transition, None, request.note or "", keep=False)
        return DONE
    if transition.rules.role(request.rep_id) != "admin":
        return _FOR_ADMINS
    forget(transition, request.rep_id, request.note or f"erased by {request.rep_id}", request.hashes)
    return DONE


def as_action(event: ActionRequested | ErasureOrdered | ErasureFound) -> ActionRequested:
    """Return the action by which an event is decided and answered."""
    if isinstance(event, ErasureOrdered):
        return ActionRequested(
            lead_id=event.lead_id,
            cause=event.cause,
            action=ERASE,
            rep_id=event.rep_id,
            org=event.org,
            note=event.why,
            hashes=event.hashes,
        )
    if isinstance(event, ErasureFound):
        return ActionRequested(
            lead_id=event.lead_id,
            cause=event.cause,
            action=ERASE,
            rep_id=event.rep_id,
            org=event.org,
        )
    return event


def answer_erasure(event: ErasureFound, rules: OrgRules) -> ActionResult:
    """Return the answer to a request to erase a person: which leads are to be erased. Only an admin learns that."""
    if rules.role(event.rep_id) != "admin":
        return _FOR_ADMINS
    ids = ", ".join(event.leads)
    return ActionResult(Result.DONE, why=f"{event.why}: {ids}" if ids else event.why)


def refuse_erased(lead: Lead, request: ActionRequested) -> ActionResult | None:
    """Return the answer to any action on an erased lead; None for a lead that is not erased."""
    if lead.erased_at is None:
        return None
    why = f"it was erased at {lead.erased_at.isoformat()}"
    if request.action == ERASE:
        return ActionResult(Result.DONE, why=why)
    return refused_result(Reason.LEAD_CLOSED, why)


def without_effect(transition: Transition, event: object) -> tuple[Decision, ...] | None:
    """Return the decisions of an event of an org on an erased lead; None if the lead is not erased.

    An inquiry that its org added before it knew of the erasure is counted, and its facts are dropped.
    """
    lead = transition.lead
    if lead.erased_at is None:
        return None
    if isinstance(event, LeadArrived):
        inquiry = event.inquiry
        if inquiry is not None and not inquiry.again and event.org_log_offset > lead.org_log_offset:
            transition.update(
                inquiries=lead.inquiries + 1,
                org_log_offset=event.org_log_offset,
                updated_at=transition.at,
            )
        return (ArrivalDropped(why=f"the lead was erased at {lead.erased_at.isoformat()}"),)
    if isinstance(event, SuppressionChanged):
        return (AnswerIgnored(answer="suppression_changed", epoch=0, why="the lead was erased"),)
    if isinstance(event, HandleShared):
        return (AnswerIgnored(answer="handle_shared", epoch=0, why="the lead was erased"),)
    if isinstance(event, FormerInquiryErased):
        return (former_inquiry(event),)
    if isinstance(event, CorrectionChecked):
        return (AnswerIgnored(answer="correction_checked", epoch=0, why="the lead was erased"),)
    return None


def former_inquiry(event: FormerInquiryErased) -> InquiryErased:
    """Return the decision of a lead about the erasure of a lead that was taken out of it.

    Its record replaces the newest one, which may be the split with the facts of the erased lead.
    """
    return InquiryErased(inquiry_id=event.inquiry_id)


def turn_away(event: ArrivalRefused) -> tuple[Decision, ...]:
    """Return the decisions of an arrival of an erased person that its org did not take."""
    return (ArrivalDropped(why=event.why),)


def forget(
    transition: Transition, rep_id: str | None, why: str, hashes: tuple[str, ...] = (), *, keep: bool = True
) -> None:
    """Remove every fact of the prospect from the lead, and close it. The owner and the times stay.

    `keep`: record the keyed hashes, so that the person is recognised later. Decisions of the record must not repeat a
    fact either, so an open exception ends without its explanation.
    """
    lead = transition.lead
    transition.end_distribution(ERASED)
    transition.unlock(ERASED)
    transition.withdraw_due_notification(ERASED)
    for kind in DeadlineKind:
        transition.set_deadline(kind, None)
    if lead.open_exception is not None:
        transition.emit(
            ExceptionResolved(
                reason=lead.open_exception.reason, why=ERASED, raised_at=lead.open_exception.raised_at
            )
        )
    transition.emit(
        LeadErased(rep_id=rep_id, why=why, hashes=joined_hashes(lead.hashes, hashes) if keep else ())
    )
    if lead.phase is not Phase.CLOSED:
        transition.emit(LeadClosed(outcome=ERASED))
    facts = Facts(vendor=lead.facts.vendor, org=lead.facts.org, created_at=lead.facts.created_at)
    transition.update(
        facts=facts,
        phase=Phase.CLOSED,
        last_outcome=ERASED,
        callback_at=None,
        deferred_at=None,
        failed=None,
        round=None,
        open_exception=None,
        suppressed={},
        corrections=None,
        hashes=(),
        joined={},
        erased_at=transition.at,
    )
    if transition.before_event is not None:  # so that `settle` does not explain the exception's end once more
        transition.before_event = replace(transition.before_event, open_exception=None)


def answers_without_reasons(answers: tuple[Answered, ...]) -> tuple[Answered, ...]:
    """Return kept answers without their reasons in words, which may name facts of the prospect."""
    return tuple(replace(answer, why=answer.why and ERASED) for answer in answers)


def is_new(before: Lead | None, after: Lead | None) -> bool:
    """Say whether a lead has been erased between the two."""
    return after is not None and after.erased_at is not None and (before is None or before.erased_at is None)


# -- retention ---------------------------------------------------------------------------------------------------------


def erase_after_retention(transition: Transition) -> None:
    """Erase a closed lead whose retention period has ended. No hash is kept: the person may come back."""
    days = transition.rules.settings.retention_days
    forget(transition, None, _BY_RETENTION.format(days=days), keep=False)
