"""One function checks what holds for every step of the lead machine, whatever the lead, the event and the rules."""

from typing import Any

from msgspec.structs import replace

from models.activities import SHORT_TYPES
from models.codec import decode_row, encode_row
from models.contact_decisions import (
    CallbackDue,
    CallbackSet,
    ConsentRecorded,
    ContactForbidden,
    SuppressionRecorded,
)
from models.corrections import NOTHING_CORRECTED, FactsCorrected
from models.decisions import (
    Answered,
    AnswerIgnored,
    ArrivalRepeated,
    DeadlineIgnored,
    Decision,
    ExceptionRaised,
    ExceptionResolved,
    LockReleased,
    LockTaken,
    MergedInto,
    OutcomeRecorded,
    OwnerChanged,
    QueueEntered,
    QueueLeft,
    QueueMoved,
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
    HELD_BACK,
    LOCKED_PHASES,
    OWNED_PHASES,
    DeadlineKind,
    Lead,
    LeadRow,
    Phase,
    RepSearch,
)
from models.merging_decisions import MergeReturned, MergeSought
from models.offers import LeadOrphaned, NoRepAvailable, OfferMade, OfferVoided, RingStarted
from models.persons import handles_of
from models.place_decisions import PlaceReturned, PlaceSought
from models.results import Reason, Result
from rules.lead.lifecycle import LIFECYCLE, Trigger
from rules.lead.machine import LeadEvent
from rules.outbound.notifications import MOVED
from rules.queues.columns import shown
from rules.queues.rule_book import OrgRules
from rules.queues.sort_key import sort_key
from tests.rules.lead import reference_queues

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
    was, now = before.lead if before else None, after.lead
    _check_row(before, event, after)
    _note_reached(was, event, after)
    if isinstance(event, ActionRequested) and not _check_answer(before, event, after):
        assert now == was, "a repeated, lost or refused action changes nothing (X4)"
        return
    if isinstance(event, ErasureOrdered | ErasureFound) and now == was:
        return
    if now is None or (now == was and _ignored(after)):
        assert now == was
        return
    if was is not None and was.erased_at is not None:
        assert (now.facts, now.phase, now.owner) == (was.facts, was.phase, was.owner), (
            "nothing brings facts back"
        )
        return
    if now.erased_at is not None:
        assert was is not None
        assert now.facts == Facts(vendor=was.facts.vendor, org=was.facts.org, created_at=was.facts.created_at)
        assert (now.hashes, now.suppressed, now.deadlines) == ((), {}, ())
    _check_phase(was, event, after)
    _check_owner(was, now, after.decisions)
    _check_facts(was, event, now, after.decisions)
    _check_claims(was, now, after.decisions, rules)
    _check_lock(was, now, after.decisions)
    _check_places(was, after, rules)
    _check_deadlines(was, after, rules)
    _check_trouble(was, now, after.decisions)
    _check_search(now)
    _check_contact(was, event, after, rules)
    for decision in after.decisions:
        _check_why(decision)


def _note_reached(was: Lead | None, event: LeadEvent, after: LeadRow) -> None:
    """Note the cell of LIFECYCLE by which an action was decided, whatever its answer. An erased lead refuses all."""
    if (
        was is None
        or was.erased_at is not None
        or was.merged is not None
        or not isinstance(event, ActionRequested)
        or event.invalid is not None
    ):
        return
    answer = after.decisions[0]
    expired = was.search is not None and was.search.until is not None and was.search.until <= after.at
    if expired or (was.lock and was.lock.until <= after.at) or not isinstance(answer, Answered):
        return  # the machine finds the lead in another phase
    known = answer.reason not in (Reason.UNKNOWN_REP, Reason.UNKNOWN_ACTION, Reason.REPEATED)
    if known and not (answer.why or "").startswith("it was answered before") and event.org == was.facts.org:
        REACHED.add((was.phase, trigger_of(event)))


def _brings_call(said: MergedInto, was: Lead | None) -> bool:
    """Say whether a merged lead takes its promised call to the other lead (K5)."""
    return said.brought is not None and was is not None and said.brought.callback_at == was.callback_at


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
    was = before.lead if before else None
    seq = before.seq if before else 0
    assert after.cause == event.cause
    assert before is None or (after.off > before.off and after.at >= before.at), "offsets and time only grow"
    # A second event at the same instant may change nothing and still makes a new version.
    happened = any(not isinstance(decision, _SAYS_NOTHING) for decision in after.decisions)
    assert after.seq == seq + (after.lead != was or happened), (
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
    if given := [one for one in answers if one.action_id == event.cause]:
        assert decisions == (given[0],), "a repeat is answered word for word (X4)"
        assert after.answers == answers
        return False
    if _erases(before, after):
        answers = tuple(replace(one, why=one.why and "erased") for one in answers)
    assert after.answers == (*answers, answer)[-ANSWERS_KEPT:]
    theirs = after.lead is not None and after.lead.facts.org == event.org
    owner = after.lead.owner if after.lead and theirs else None
    assert (answer.action_id, answer.action, answer.rep_id) == (event.cause, event.action, event.rep_id)
    assert (answer.version, answer.decided_at, answer.owner) == (after.seq, after.at, owner)
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
    (asked,) = sought
    assert asked.action.cause == event.cause
    assert asked.rep_id in (event.rep_id, event.to_rep_id)
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
    used = [one for one in after.decisions if isinstance(one, OwnerChanged) and one.place is not None]
    granted = event.place is not None and event.place.granted
    assert len(returned) + len(used) == int(granted), "a place is used or returned, once"
    assert all((one.rep_id, one.place) == (event.place and event.place.rep_id, event.cause) for one in used)
    return tuple(
        decision for decision in after.decisions if not isinstance(decision, PlaceReturned | MergeReturned)
    )


def _erases(before: LeadRow | None, after: LeadRow) -> bool:
    was = before.lead.erased_at if before and before.lead else None
    return was is None and after.lead is not None and after.lead.erased_at is not None


def _ignored(after: LeadRow) -> bool:
    return any(
        isinstance(decision, DeadlineIgnored | AnswerIgnored | ArrivalDropped | InquiryErased)
        for decision in after.decisions
    )


def _check_phase(was: Lead | None, event: LeadEvent, after: LeadRow) -> None:
    assert after.lead is not None
    source = was.phase if was else None
    asked = isinstance(event, ActionRequested) or trigger_of(event) is Trigger.INQUIRED
    if was and was.lock and asked and was.lock.until <= after.at:
        # The lock had expired, and only its timer was late (D2).
        source = Phase.OWNED if was.owner else Phase.QUEUED
    allowed = LIFECYCLE[source].get(trigger_of(event), frozenset())
    if not isinstance(event, ActionRequested):
        REACHED.add((source, trigger_of(event)))
    assert after.lead.phase in allowed, f"{source} --{trigger_of(event)}--> {after.lead.phase} is not in LIFE"


def _check_owner(was: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
    owner = was.owner if was else None
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


def _check_facts(was: Lead | None, event: LeadEvent, now: Lead, decisions: tuple[Decision, ...]) -> None:
    """Check that only a correction changes what was corrected, and that it is told with its author (M2)."""
    if was is None:
        assert now.corrections is None
        return
    if now.erased_at is not None:
        assert now.corrections is None, "former values of corrected facts are facts, too"
        return
    told = [decision for decision in decisions if isinstance(decision, FactsCorrected)]
    before, after = was.corrections or NOTHING_CORRECTED, now.corrections or NOTHING_CORRECTED
    if not told:
        assert (before.fields, before.versions, before.removed_handles) == (
            after.fields,
            after.versions,
            after.removed_handles,
        )
        for name in before.fields:
            contact = name in ("silenced", "consent") and (
                trigger_of(event) is Trigger.INQUIRED or isinstance(event, ActionRequested)
            )
            assert getattr(was.facts, name) == getattr(now.facts, name) or contact, "M2"
        return
    (decision,) = told
    assert isinstance(event, ActionRequested)
    assert event.facts is not None
    for change in decision.changes:
        assert (change.old, change.new) == (
            getattr(was.facts, change.field),
            getattr(now.facts, change.field),
        )
    for name, value in event.facts.items():
        assert getattr(now.facts, name) == value or (name == "time_zone" and value is None)
    changed = {change.field for change in decision.changes}
    for name in now.facts.__struct_fields__:
        assert name in changed or getattr(now.facts, name) == getattr(was.facts, name), "nothing else changes"
    newest = after.versions[-1]
    assert (newest.rep_id, newest.at, newest.changes) == (event.rep_id, now.updated_at, decision.changes)
    assert not set(after.removed_handles) & set(handles_of(now.facts))
    assert set(handles_of(was.facts)) <= {*after.removed_handles, *handles_of(now.facts)}
    assert not set(now.suppressed) & set(after.removed_handles), "a wrong number's listing is not the lead's"


def _check_claims(was: Lead | None, now: Lead, decisions: tuple[Decision, ...], rules: OrgRules) -> None:
    if was and was.claimed_through is not None and now.claimed_through is not None:
        assert now.claimed_through == was.claimed_through, "once in its history (Q10)"
        left = was.owner is not None and (
            rules.has_left(was.owner) or (now.failed is not None and now.failed.reason == "orphaned")
        )
        moved = any(isinstance(said, OwnerChanged) and said.how in MOVED for said in decisions)
        assert now.owner == was.owner or was.owner is None or left or moved, (
            "who claimed it keeps it, unless a manager moves it or the rep leaves (Q8, M1, X2)"
        )


def _check_lock(was: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
    holder = was.lock.rep_id if was and was.lock else None
    for decision in decisions:
        if isinstance(decision, LockTaken):
            assert holder in (None, decision.rep_id), "two reps have it open"
            holder = decision.rep_id
        elif isinstance(decision, LockReleased):
            assert holder == decision.rep_id
            holder = None
    assert holder == (now.lock.rep_id if now.lock else None), "locks are told"
    assert (now.lock is not None) == (now.phase in LOCKED_PHASES)
    if now.lock:
        assert not now.places, "what is open stands in no queue (D1)"
        assert now.owner in (None, now.lock.rep_id), "nobody opens another's lead (D1)"


def _check_places(was: Lead | None, after: LeadRow, rules: OrgRules) -> None:
    now = after.lead
    assert now is not None
    assert set(now.places) == reference_queues.places(now, rules, after.at), (
        "the places are those the rules say (Q2)"
    )
    assert now.evaluated == rules.version
    told: dict[str, QueueEntered | QueueMoved | QueueLeft] = {}
    standing, left = set(was.places) if was else set(), set()
    for decision in after.decisions:
        if isinstance(decision, QueueEntered):
            assert decision.queue_id not in standing
            standing.add(decision.queue_id)
        elif isinstance(decision, QueueMoved):
            assert decision.queue_id in standing
        elif isinstance(decision, QueueLeft):
            standing.remove(decision.queue_id)
            left.add(decision.queue_id)
        else:
            continue
        told[decision.queue_id] = decision
    assert standing == set(now.places), "what is told of the queues adds up"
    for queue_id, place in now.places.items():
        compiled, change = rules.queues[queue_id], told.get(queue_id)
        queue = compiled.queue
        assert now.claimed_through is None or not queue.claimable, "claimed once, never claimable again (Q10)"
        assert place.rules_version == compiled.version
        stayed = was is not None and queue_id in was.places and queue_id not in left
        assert place.since == (was.places[queue_id].since if was and stayed else after.at)
        if now.call_is_due and not queue.claimable:
            assert place.sort_key.startswith("0"), "a due call stands at the top of its work queue (M7)"
        else:
            assert place.sort_key == sort_key(queue.sort)(now)
        if change is None:
            assert was is not None
            assert shown(was, queue) == shown(now, queue), "what a list shows is told when it changes"
        else:
            assert not isinstance(change, QueueLeft)
            assert (change.sort_key, change.rules_version) == (place.sort_key, place.rules_version)
            assert change.columns == shown(now, queue)


def _check_deadlines(was: Lead | None, after: LeadRow, rules: OrgRules) -> None:
    now = after.lead
    assert now is not None
    kinds = [deadline.kind for deadline in now.deadlines]
    epochs = [deadline.epoch for deadline in now.deadlines]
    assert len(set(kinds)) == len(kinds), "one deadline of a kind at most"
    assert len(set(epochs)) == len(epochs)
    assert max(epochs, default=0) <= now.epoch
    known = was.deadlines if was else ()
    for deadline in now.deadlines:
        assert deadline in known or deadline.epoch > (was.epoch if was else 0), (
            "a new deadline has a new epoch (X3)"
        )
    lock = now.deadline(DeadlineKind.LOCK)
    assert (lock and (lock.due, lock.epoch)) == (now.lock and (now.lock.until, now.lock.epoch)), "D2"
    turns = now.deadline(DeadlineKind.RULES)
    assert (turns.due if turns else None) == reference_queues.valid_until(now, rules, after.at), "Q2"
    call = now.deadline(DeadlineKind.CALLBACK)
    anew = any(isinstance(decision, CallbackSet) for decision in after.decisions)
    due = any(isinstance(decision, CallbackDue) for decision in after.decisions)
    spent = bool(was and was.callback_at and was.deadline(DeadlineKind.CALLBACK) is None) and not anew
    assert (call.due if call else None) == (None if due or spent else now.callback_at), "D4"
    if due:
        assert now.callback_at is not None
        assert now.callback_at <= after.at


def _check_search(now: Lead) -> None:
    """Check a lead's distribution against its phase: an owner ends it (R3, S1)."""
    search, due = now.search, now.deadline(DeadlineKind.OFFER)
    held_back = search is not None and search.stage in HELD_BACK
    assert held_back == (now.phase is Phase.OFFERED)
    if search is None or now.owner or now.lock:
        assert search is None, "who has it open or owns it ends its search"
        assert due is None
        return
    assert search.epoch <= now.epoch
    open_to = search.stage in (RepSearch.OFFERED, RepSearch.RINGING)
    assert bool(search.reps) == open_to
    assert (due.due if due else None) == (search.until if open_to else None)
    assert not set(search.reps) & set(search.tried), "each rep once in a round (R8)"


def _check_contact(was: Lead | None, event: LeadEvent, after: LeadRow, rules: OrgRules) -> None:
    """Check that an outcome of the list silences, and that only consent or the list lifts it (M8)."""
    now = after.lead
    assert now is not None
    lifted = any(
        isinstance(said, ConsentRecorded) or (isinstance(said, SuppressionRecorded) and said.reason is None)
        for said in after.decisions
    )
    if now.erased_at is not None:
        return  # an erased lead is closed for good, and nobody is contacted about it
    assert not (was and was.silenced) or now.silenced or lifted, "only consent or the list lifts it (M8)"
    assert not (was and was.facts.silenced) or now.facts.silenced or not isinstance(event, LeadArrived)
    kept = was is None or was.callback_at is None or now.callback_at == was.callback_at
    acted = any(
        isinstance(said, CallbackSet | OutcomeRecorded)
        or (isinstance(said, MergedInto) and _brings_call(said, was))
        for said in after.decisions
    )
    assert kept or acted, "a promised call is kept through everything (M7)"
    told = now.due_notice
    assert told is None or (told.rep_id == now.owner and now.call_is_due), "only its owner is told (M7)"
    outcomes = rules.settings.do_not_contact_outcomes
    if isinstance(event, ActionRequested) and event.action == "outcome" and event.outcome in outcomes:
        assert now.silenced
        assert any(isinstance(said, ContactForbidden) for said in after.decisions)


def _check_trouble(was: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
    assert (now.open_exception is not None) == (now.phase in (Phase.EXCEPTION, Phase.IGNORED))
    assert (now.phase is Phase.QUEUED) <= bool(now.places), (
        "queued means in a queue, else it is an exception (X7)"
    )
    raised = [decision for decision in decisions if isinstance(decision, ExceptionRaised)]
    resolved = [decision for decision in decisions if isinstance(decision, ExceptionResolved)]
    before = was.open_exception if was else None
    assert bool(resolved) == (before is not None and now.open_exception is None)
    assert len(raised) <= 1
    if before is None:
        assert bool(raised) == (now.open_exception is not None)
    for decision in resolved:
        assert before is not None
        assert (decision.reason, decision.explanation, decision.raised_at) == (
            before.reason,
            () if now.erased_at else before.explanation,
            before.raised_at,
        )


def _check_why(decision: Decision) -> None:
    said: Any = decision
    if isinstance(decision, Answered):
        assert (decision.reason is None) == (decision.result in (Result.DONE, Result.WON))
        assert decision.why or decision.result is Result.DONE, (
            f"{decision.action} {decision.result} without a why"
        )
        if decision.reason is Reason.ALREADY_CLAIMED:
            assert decision.owner
    elif hasattr(decision, "why"):
        assert said.why, f"{type(decision).__name__} without a why (X1)"
    elif isinstance(decision, ExceptionRaised):
        assert decision.explanation, "an exception says why nobody took it (E1)"
