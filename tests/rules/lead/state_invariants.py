"""Checks what holds of the state of a lead after each step: its claim, lock, places, deadlines, search and contacts."""

from models.contact_decisions import (
    CallbackDue,
    CallbackSet,
    ConsentRecorded,
    ContactForbidden,
    SuppressionRecorded,
)
from models.decisions import (
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
from models.events import (
    ActionRequested,
    LeadArrived,
)
from models.lead import (
    HELD_BACK,
    LOCKED_PHASES,
    DeadlineKind,
    Lead,
    LeadRow,
    Phase,
    RepSearch,
)
from rules.lead.machine import LeadEvent
from rules.outbound.notifications import MOVED
from rules.queues.columns import shown
from rules.queues.rule_book import OrgRules
from rules.queues.sort_key import sort_key
from tests.rules.lead import reference_queues


def _brings_call(said: MergedInto, was: Lead | None) -> bool:
    """Say whether a merged lead takes its promised call to the other lead (K5)."""
    return said.brought is not None and was is not None and said.brought.callback_at == was.callback_at


def check_claims(was: Lead | None, now: Lead, decisions: tuple[Decision, ...], rules: OrgRules) -> None:
    if was and was.claimed_through is not None and now.claimed_through is not None:
        assert now.claimed_through == was.claimed_through, "once in its history (Q10)"
        left = was.owner is not None and (
            rules.has_left(was.owner) or (now.failed is not None and now.failed.reason == "orphaned")
        )
        moved = any(isinstance(said, OwnerChanged) and said.how in MOVED for said in decisions)
        assert now.owner == was.owner or was.owner is None or left or moved, (
            "who claimed it keeps it, unless a manager moves it or the rep leaves (Q8, M1, X2)"
        )


def check_lock(was: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
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


def check_places(was: Lead | None, after: LeadRow, rules: OrgRules) -> None:
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


def check_deadlines(was: Lead | None, after: LeadRow, rules: OrgRules) -> None:
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


def check_search(now: Lead) -> None:
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


def check_contact(was: Lead | None, event: LeadEvent, after: LeadRow, rules: OrgRules) -> None:
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


def check_trouble(was: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
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
