"""One function checks what holds for every step of the lead machine, whatever the lead, the event and the rules."""

from typing import Any

from msgspec.structs import replace

from models.activities import SHORT_TYPES
from models.codec import decode_row, encode_row
from models.corrections import NOTHING_CORRECTED, FactsCorrected
from models.decisions import (
    Answered,
    AnswerIgnored,
    ArrivalRepeated,
    DeadlineIgnored,
    Decision,
    ExceptionRaised,
    MergedInto,
    OwnerChanged,
)
from models.erasure_decisions import ArrivalDropped, InquiryErased
from models.events import (
    ActionRequested,
    CorrectionChecked,
    DeadlinePassed,
    ErasureFound,
    ErasureOrdered,
    FormerInquiryErased,
    HandleShared,
    LeadArrived,
    OrgAnswered,
    SuppressionChanged,
)
from models.facts import Facts
from models.lead import (
    ANSWERS_KEPT,
    OWNED_PHASES,
    DeadlineKind,
    Lead,
    LeadRow,
    Phase,
)
from models.merging_decisions import MergeReturned, MergeSought
from models.offers import LeadOrphaned, NoRepAvailable, OfferMade, OfferVoided, RingStarted
from models.persons import handles_of
from models.reserved_place_decisions import PlaceReturned, PlaceSought
from models.results import Reason, Result
from rules.lead.lifecycle import LIFECYCLE, Trigger
from rules.lead.machine import LeadEvent
from rules.queues.rule_book import OrgRules
from tests.rules.lead.state_invariants import (
    check_claims,
    check_contact,
    check_deadlines,
    check_distribution,
    check_exception,
    check_lock,
    check_placements,
)

_BY_KIND = {
    DeadlineKind.LOCK: Trigger.LOCK_EXPIRED,
    DeadlineKind.CALLBACK: Trigger.CALLBACK_DUE,
    DeadlineKind.RULES: Trigger.RULES_CHANGED,
    DeadlineKind.OFFER: Trigger.OFFER_EXPIRED,
    DeadlineKind.RETENTION: Trigger.RETENTION_OVER,
}
_BY_ANSWER = {
    OfferMade: Trigger.OFFER_MADE,
    RingStarted: Trigger.OFFER_MADE,
    NoRepAvailable: Trigger.NOBODY_AVAILABLE,
    OfferVoided: Trigger.OFFER_VOIDED,
    LeadOrphaned: Trigger.ORPHANED,
}
REACHED: set[tuple[Phase | None, Trigger]] = set()
"""The cells of LIFECYCLE that checked steps have used so far: phase and trigger."""
_SAYS_NOTHING = (
    Answered,
    AnswerIgnored,
    ArrivalDropped,
    InquiryErased,
    DeadlineIgnored,
    ArrivalRepeated,
    MergedInto,
    PlaceSought,
    PlaceReturned,
    MergeSought,
    MergeReturned,
)
"""Decisions that may come without a change of the lead, or beside one."""


def check_step(before: LeadRow | None, event: LeadEvent, after: LeadRow, rules: OrgRules) -> None:
    """Raise AssertionError with the problem, if there is one."""
    former, now = before.lead if before else None, after.lead
    _check_row(before, event, after)
    _note_reached(former, event, after)
    if isinstance(event, ActionRequested) and not _check_answer(before, event, after):
        assert now == former, "a repeated, lost or refused action changes nothing (X4)"
        return
    if isinstance(event, ErasureOrdered | ErasureFound) and now == former:
        return
    if now is None or (now == former and _ignored(after)):
        assert now == former
        return
    if former is not None and former.erased_at is not None:
        assert (now.facts, now.phase, now.owner) == (former.facts, former.phase, former.owner), (
            "nothing brings facts back"
        )
        return
    if now.erased_at is not None:
        assert former is not None
        assert now.facts == Facts(
            vendor=former.facts.vendor, org=former.facts.org, created_at=former.facts.created_at
        )
        assert (now.hashes, now.suppressed, now.deadlines) == ((), {}, ())
    _check_phase(former, event, after)
    _check_owner(former, now, after.decisions)
    _check_facts(former, event, now, after.decisions)
    check_claims(former, now, after.decisions, rules)
    check_lock(former, now, after.decisions)
    check_placements(former, after, rules)
    check_deadlines(former, after, rules)
    check_exception(former, now, after.decisions)
    check_distribution(now)
    check_contact(former, event, after, rules)
    for decision in after.decisions:
        _check_why(decision)


def _note_reached(former: Lead | None, event: LeadEvent, after: LeadRow) -> None:
    """Note the cell of LIFECYCLE by which an action was decided, whatever its answer. An erased lead refuses all."""
    if (
        former is None
        or former.erased_at is not None
        or former.merged is not None
        or not isinstance(event, ActionRequested)
        or event.invalid is not None
    ):
        return
    answer = after.decisions[0]
    expired = (
        former.open_distribution is not None
        and former.open_distribution.until is not None
        and former.open_distribution.until <= after.at
    )
    if expired or (former.lock and former.lock.until <= after.at) or not isinstance(answer, Answered):
        return  # the machine finds the lead in another phase
    is_decided = answer.reason not in (Reason.UNKNOWN_REP, Reason.UNKNOWN_ACTION, Reason.REPEATED)
    if (
        is_decided
        and not (answer.why or "").startswith("it was answered before")
        and event.org == former.facts.org
    ):
        REACHED.add((former.phase, trigger_of(event)))


def trigger_of(event: LeadEvent) -> Trigger:
    """Return the lifecycle trigger of an event."""
    if isinstance(event, LeadArrived) and event.split is not None:
        return Trigger.TAKEN_OUT
    if isinstance(event, LeadArrived):
        return Trigger.INQUIRED if event.inquiry and not event.inquiry.again else Trigger.ARRIVED
    if isinstance(event, SuppressionChanged | CorrectionChecked | HandleShared | FormerInquiryErased):
        return Trigger.SUPPRESSION
    if isinstance(event, ActionRequested):
        return Trigger.ACTIVITY if event.action in SHORT_TYPES else Trigger(event.action)
    if isinstance(event, ErasureOrdered):
        return Trigger.ERASE
    if isinstance(event, OrgAnswered):
        return _BY_ANSWER[type(event.answer)]
    if isinstance(event, DeadlinePassed):
        return _BY_KIND[DeadlineKind(event.kind)]
    return Trigger.RULES_CHANGED


def _check_row(before: LeadRow | None, event: LeadEvent, after: LeadRow) -> None:
    former = before.lead if before else None
    seq = before.seq if before else 0
    assert after.cause == event.cause
    assert before is None or (after.off > before.off and after.at >= before.at), "offsets and time only grow"
    # A second event at the same instant may change nothing and still makes a new version.
    happened = any(not isinstance(decision, _SAYS_NOTHING) for decision in after.decisions)
    assert after.seq == seq + (after.lead != former or happened), (
        "the version grows by one, and only with the lead"
    )
    if after.lead is not None and after.seq > seq:
        assert after.lead.updated_at == after.at
    read = decode_row(encode_row(after))
    assert isinstance(read, LeadRow)
    assert encode_row(read) == encode_row(after), "a row read back is written the same"
    assert (read.lead, read.answers, read.off, read.seq, read.at) == (
        after.lead,
        after.answers,
        after.off,
        after.seq,
        after.at,
    )


def _check_answer(before: LeadRow | None, event: ActionRequested, after: LeadRow) -> bool:
    """Return whether the action changed something. Check that it has an answer with an explanation (X1, X4)."""
    answers = before.answers if before else ()
    if _asks_for_place(event, after) or _asks_to_merge(event, after):
        assert after.answers == answers
        return False
    decisions = _without_returned_place(event, after)
    answer = decisions[0]
    assert isinstance(answer, Answered)
    assert not any(isinstance(decision, Answered) for decision in decisions[1:]), "one answer each"
    assert len(after.answers) <= ANSWERS_KEPT
    _check_why(answer)
    if earlier_answers := [
        earlier for earlier in answers if (earlier.action_id, earlier.org) == (event.cause, event.org)
    ]:
        assert decisions == (earlier_answers[0],), "a repeat is answered word for word (X4)"
        assert after.answers == answers
        return False
    if _erases(before, after):
        answers = tuple(replace(earlier, why=earlier.why and "erased") for earlier in answers)
    assert after.answers == (*answers, answer)[-ANSWERS_KEPT:]
    is_of_same_org = after.lead is not None and after.lead.facts.org == event.org
    owner = after.lead.owner if after.lead and is_of_same_org else None
    assert (answer.action_id, answer.action, answer.rep_id) == (event.cause, event.action, event.rep_id)
    version = after.seq if is_of_same_org else 0
    assert (answer.version, answer.decided_at, answer.owner) == (version, after.at, owner)
    if (answer.why or "").startswith("it was answered before"):
        return False
    if answer.result in (Result.DONE, Result.WON):
        return True
    assert decisions == (answer,)
    return False


def _asks_for_place(event: ActionRequested, after: LeadRow) -> bool:
    """Return whether the org is asked for a place before the action is answered (M6)."""
    sought = [decision for decision in after.decisions if isinstance(decision, PlaceSought)]
    if not sought:
        return False
    (request,) = sought
    assert request.action.cause == event.cause
    assert request.rep_id in (event.rep_id, event.to_rep_id)
    assert all(isinstance(decision, PlaceSought | PlaceReturned) for decision in after.decisions)
    return True


def _asks_to_merge(event: ActionRequested, after: LeadRow) -> bool:
    """Return whether the org is asked before a merge is answered (K5)."""
    sought = [decision for decision in after.decisions if isinstance(decision, MergeSought)]
    if not sought:
        return False
    assert after.decisions == (sought[0],)
    assert (sought[0].action.cause, sought[0].into) == (event.cause, event.into_lead_id)
    return True


def _without_returned_place(event: ActionRequested, after: LeadRow) -> tuple[Decision, ...]:
    """Check that a granted place is either used or returned, and leave out that it was returned (M6)."""
    returned = [decision for decision in after.decisions if isinstance(decision, PlaceReturned)]
    used = [
        decision
        for decision in after.decisions
        if isinstance(decision, OwnerChanged) and decision.place is not None
    ]
    granted = event.place is not None and event.place.granted
    assert len(returned) + len(used) == int(granted), "a place is used or returned, once"
    assert all(
        (change.rep_id, change.place) == (event.place and event.place.rep_id, event.cause) for change in used
    )
    return tuple(
        decision for decision in after.decisions if not isinstance(decision, PlaceReturned | MergeReturned)
    )


def _erases(before: LeadRow | None, after: LeadRow) -> bool:
    erased_before = before.lead.erased_at if before and before.lead else None
    return erased_before is None and after.lead is not None and after.lead.erased_at is not None


def _ignored(after: LeadRow) -> bool:
    return any(
        isinstance(decision, DeadlineIgnored | AnswerIgnored | ArrivalDropped | InquiryErased)
        for decision in after.decisions
    )


def _check_phase(former: Lead | None, event: LeadEvent, after: LeadRow) -> None:
    assert after.lead is not None
    source = former.phase if former else None
    is_asked = isinstance(event, ActionRequested) or trigger_of(event) is Trigger.INQUIRED
    if former and former.lock and is_asked and former.lock.until <= after.at:
        # The lock had expired, and only its timer was late (D2).
        source = Phase.OWNED if former.owner else Phase.QUEUED
    allowed = LIFECYCLE[source].get(trigger_of(event), frozenset())
    if not isinstance(event, ActionRequested):
        REACHED.add((source, trigger_of(event)))
    assert after.lead.phase in allowed, f"{source} --{trigger_of(event)}--> {after.lead.phase} is not in LIFE"


def _check_owner(former: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
    owner = former.owner if former else None
    last: OwnerChanged | None = None
    for decision in decisions:
        if isinstance(decision, OwnerChanged):
            assert decision.previous_rep_id == owner, "an owner is followed by the next, none is skipped"
            owner, last = decision.rep_id, decision
    if last is not None:  # one event may take the lead from an owner who has left and give it to another rep
        assert (now.how, now.via) == (last.how, last.via)
    assert now.owner == owner, "only an OwnerChanged changes the owner"
    if now.phase is not Phase.CLOSED:
        assert (now.owner is not None) == (now.phase in OWNED_PHASES)


def _check_facts(former: Lead | None, event: LeadEvent, now: Lead, decisions: tuple[Decision, ...]) -> None:
    """Check that only a correction changes what was corrected, and that it is told with its author (M2)."""
    if former is None:
        assert now.corrections is None
        return
    if now.erased_at is not None:
        assert now.corrections is None, "former values of corrected facts are facts, too"
        return
    corrected = [decision for decision in decisions if isinstance(decision, FactsCorrected)]
    before, after = former.corrections or NOTHING_CORRECTED, now.corrections or NOTHING_CORRECTED
    if not corrected:
        assert (before.fields, before.versions, before.removed_handles) == (
            after.fields,
            after.versions,
            after.removed_handles,
        )
        for name in before.fields:
            contact = name in ("silenced", "consent") and (
                trigger_of(event) is Trigger.INQUIRED or isinstance(event, ActionRequested)
            )
            assert getattr(former.facts, name) == getattr(now.facts, name) or contact, "M2"
        return
    (decision,) = corrected
    assert isinstance(event, ActionRequested)
    assert event.facts is not None
    for change in decision.changes:
        assert (change.old, change.new) == (
            getattr(former.facts, change.field),
            getattr(now.facts, change.field),
        )
    for name, value in event.facts.items():
        assert getattr(now.facts, name) == value or (name == "time_zone" and value is None)
    changed = {change.field for change in decision.changes}
    for name in now.facts.__struct_fields__:
        assert name in changed or getattr(now.facts, name) == getattr(former.facts, name), (
            "nothing else changes"
        )
    newest = after.versions[-1]
    assert (newest.rep_id, newest.at, newest.changes) == (event.rep_id, now.updated_at, decision.changes)
    assert not set(after.removed_handles) & set(handles_of(now.facts))
    assert set(handles_of(former.facts)) <= {*after.removed_handles, *handles_of(now.facts)}
    assert not set(now.suppressed) & set(after.removed_handles), "a wrong number's listing is not the lead's"


def _check_why(decision: Decision) -> None:
    untyped: Any = decision
    if isinstance(decision, Answered):
        assert (decision.reason is None) == (decision.result in (Result.DONE, Result.WON))
        assert decision.why or decision.result is Result.DONE, (
            f"{decision.action} {decision.result} without a why"
        )
        if decision.reason is Reason.ALREADY_CLAIMED:
            assert decision.owner
    elif hasattr(decision, "why"):
        assert untyped.why, f"{type(decision).__name__} without a why (X1)"
    elif isinstance(decision, ExceptionRaised):
        assert decision.explanation, "an exception says why nobody took it (E1)"
