"""Checks the state of a lead after each step: claim, lock, placements, deadlines, distribution and contacts."""

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
    DistributionStatus,
    Lead,
    LeadRow,
    Phase,
)
from rules.lead.machine import LeadEvent
from rules.outbound.notifications import MOVED
from rules.queues.columns import shown_columns
from rules.queues.rule_book import OrgRules
from rules.queues.sort_key import sort_key
from tests.rules.lead import reference_queues


def _brings_call(decision: MergedInto, former: Lead | None) -> bool:
    """Say whether a merged lead takes its promised call to the other lead (K5)."""
    return (
        decision.brought is not None
        and former is not None
        and decision.brought.callback_at == former.callback_at
    )


def check_claims(former: Lead | None, now: Lead, decisions: tuple[Decision, ...], rules: OrgRules) -> None:
    if former and former.claimed_through is not None and now.claimed_through is not None:
        assert now.claimed_through == former.claimed_through, "once in its history (Q10)"
        is_orphaned = former.owner is not None and (
            rules.has_left(former.owner) or (now.failed is not None and now.failed.reason == "orphaned")
        )
        moved = any(isinstance(decision, OwnerChanged) and decision.how in MOVED for decision in decisions)
        assert now.owner == former.owner or former.owner is None or is_orphaned or moved, (
            "who claimed it keeps it, unless a manager moves it or the rep leaves (Q8, M1, X2)"
        )


def check_lock(former: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
    holder = former.lock.rep_id if former and former.lock else None
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
        assert not now.placements, "what is open stands in no queue (D1)"
        assert now.owner in (None, now.lock.rep_id), "nobody opens another's lead (D1)"


def check_placements(former: Lead | None, after: LeadRow, rules: OrgRules) -> None:
    now = after.lead
    assert now is not None
    assert set(now.placements) == reference_queues.placements(now, rules, after.at), (
        "the placements are those the rules say (Q2)"
    )
    assert now.evaluated == rules.version
    change_of: dict[str, QueueEntered | QueueMoved | QueueLeft] = {}
    queues_now, queues_left = set(former.placements) if former else set(), set()
    for decision in after.decisions:
        if isinstance(decision, QueueEntered):
            assert decision.queue_id not in queues_now
            queues_now.add(decision.queue_id)
        elif isinstance(decision, QueueMoved):
            assert decision.queue_id in queues_now
        elif isinstance(decision, QueueLeft):
            queues_now.remove(decision.queue_id)
            queues_left.add(decision.queue_id)
        else:
            continue
        change_of[decision.queue_id] = decision
    assert queues_now == set(now.placements), "the published queue changes add up"
    for queue_id, placement in now.placements.items():
        compiled, change = rules.queues[queue_id], change_of.get(queue_id)
        queue = compiled.queue
        assert now.claimed_through is None or not queue.claimable, "claimed once, never claimable again (Q10)"
        assert placement.rules_version == compiled.version
        stayed = former is not None and queue_id in former.placements and queue_id not in queues_left
        assert placement.since == (former.placements[queue_id].since if former and stayed else after.at)
        if now.call_is_due and not queue.claimable:
            assert placement.sort_key.startswith("0"), "a due call stands at the top of its work queue (M7)"
        else:
            assert placement.sort_key == sort_key(queue.sort)(now)
        if change is None:
            assert former is not None
            assert shown_columns(former, queue) == shown_columns(now, queue), (
                "what a list shows is told when it changes"
            )
        else:
            assert not isinstance(change, QueueLeft)
            assert (change.sort_key, change.rules_version) == (placement.sort_key, placement.rules_version)
            assert change.columns == shown_columns(now, queue)


def check_deadlines(former: Lead | None, after: LeadRow, rules: OrgRules) -> None:
    now = after.lead
    assert now is not None
    kinds = [deadline.kind for deadline in now.deadlines]
    epochs = [deadline.epoch for deadline in now.deadlines]
    assert len(set(kinds)) == len(kinds), "one deadline of a kind at most"
    assert len(set(epochs)) == len(epochs)
    assert max(epochs, default=0) <= now.epoch
    former_deadlines = former.deadlines if former else ()
    for deadline in now.deadlines:
        assert deadline in former_deadlines or deadline.epoch > (former.epoch if former else 0), (
            "a new deadline has a new epoch (X3)"
        )
    lock = now.deadline(DeadlineKind.LOCK)
    assert (lock and (lock.due, lock.epoch)) == (now.lock and (now.lock.until, now.lock.epoch)), "D2"
    turns = now.deadline(DeadlineKind.RULES)
    assert (turns.due if turns else None) == reference_queues.valid_until(now, rules, after.at), "Q2"
    call = now.deadline(DeadlineKind.CALLBACK)
    anew = any(isinstance(decision, CallbackSet) for decision in after.decisions)
    due = any(isinstance(decision, CallbackDue) for decision in after.decisions)
    spent = (
        bool(former and former.callback_at and former.deadline(DeadlineKind.CALLBACK) is None) and not anew
    )
    assert (call.due if call else None) == (None if due or spent else now.callback_at), "D4"
    if due:
        assert now.callback_at is not None
        assert now.callback_at <= after.at


def check_distribution(now: Lead) -> None:
    """Check a lead's distribution against its phase: an owner ends it (R3, S1)."""
    distribution, due = now.open_distribution, now.deadline(DeadlineKind.OFFER)
    held_back = distribution is not None and distribution.stage in HELD_BACK
    assert held_back == (now.phase is Phase.OFFERED)
    if distribution is None or now.owner or now.lock:
        assert distribution is None, "who has it open or owns it ends its distribution"
        assert due is None
        return
    assert distribution.epoch <= now.epoch
    open_to = distribution.stage in (DistributionStatus.OFFERED, DistributionStatus.RINGING)
    assert bool(distribution.reps) == open_to
    assert (due.due if due else None) == (distribution.until if open_to else None)
    assert not set(distribution.reps) & set(distribution.tried), "each rep once in a round (R8)"


def check_contact(former: Lead | None, event: LeadEvent, after: LeadRow, rules: OrgRules) -> None:
    """Check that an outcome of the list silences, and that only consent or the list lifts it (M8)."""
    now = after.lead
    assert now is not None
    lifted = any(
        isinstance(decision, ConsentRecorded)
        or (isinstance(decision, SuppressionRecorded) and decision.reason is None)
        for decision in after.decisions
    )
    if now.erased_at is not None:
        return  # an erased lead is closed for good, and nobody is contacted about it
    assert not (former and former.silenced) or now.silenced or lifted, (
        "only consent or the list lifts it (M8)"
    )
    assert not (former and former.facts.silenced) or now.facts.silenced or not isinstance(event, LeadArrived)
    keeps_call = former is None or former.callback_at is None or now.callback_at == former.callback_at
    acted = any(
        isinstance(decision, CallbackSet | OutcomeRecorded)
        or (isinstance(decision, MergedInto) and _brings_call(decision, former))
        for decision in after.decisions
    )
    assert keeps_call or acted, "a promised call is kept through everything (M7)"
    change_of = now.due_notification
    assert change_of is None or (change_of.rep_id == now.owner and now.call_is_due), (
        "only its owner is told (M7)"
    )
    outcomes = rules.settings.do_not_contact_outcomes
    if isinstance(event, ActionRequested) and event.action == "outcome" and event.outcome in outcomes:
        assert now.silenced
        assert any(isinstance(decision, ContactForbidden) for decision in after.decisions)


def check_exception(former: Lead | None, now: Lead, decisions: tuple[Decision, ...]) -> None:
    assert (now.open_exception is not None) == (now.phase in (Phase.EXCEPTION, Phase.IGNORED))
    assert (now.phase is Phase.QUEUED) <= bool(now.placements), (
        "queued means in a queue, else it is an exception (X7)"
    )
    raised = [decision for decision in decisions if isinstance(decision, ExceptionRaised)]
    resolved = [decision for decision in decisions if isinstance(decision, ExceptionResolved)]
    before = former.open_exception if former else None
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
