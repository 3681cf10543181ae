"""Computes the next row of a lead from its current row and the next event of its log. It is a pure function.

The function is `step`. The same log gives the same rows on any worker, at any time, however often it is read
(docs/design.md).
"""

from datetime import datetime
from typing import Final

from models.activities import SHORT_TYPES
from models.decisions import Answered, DeadlineIgnored, Decision, MergedInto
from models.events import (
    ActionRequested,
    ArrivalMerged,
    ArrivalRefused,
    CorrectionChecked,
    DeadlinePassed,
    ErasureFound,
    ErasureOrdered,
    FormerInquiryErased,
    HandleShared,
    LeadArrived,
    OrgAnswered,
    RulesChanged,
    SuppressionChanged,
)
from models.kept_answers import NO_ANSWERS, all_of, answer_to, encoded_answers, with_answer
from models.lead import ANSWERS_KEPT, DeadlineKind, Lead, LeadRow, Phase
from models.merging_decisions import MergeReturned
from models.reserved_place_decisions import PlaceReturned
from models.results import Reason, Result
from rules.lead import arrivals, erasure, merging
from rules.lead.actions import ACTIONS, refuse_in_phase
from rules.lead.answered import answer_again, recall, remember
from rules.lead.cap_check import record_place_request, return_unused_place
from rules.lead.distribution import apply_answer, expire_offer
from rules.lead.lifecycle import LIFECYCLE, OFFER_TRIGGERS, Trigger
from rules.lead.offer_actions import ACTIONS_AFTER_OFFER, decide_offered_action
from rules.lead.offer_windows import move_window
from rules.lead.settlement import settle
from rules.lead.transition import ActionResult, Transition, refused_result
from rules.lead.waiting import ask_again
from rules.queues.rule_book import OrgRules, RuleBook

SystemEvent = (
    LeadArrived
    | ArrivalMerged
    | ArrivalRefused
    | SuppressionChanged
    | HandleShared
    | FormerInquiryErased
    | CorrectionChecked
    | DeadlinePassed
    | RulesChanged
    | OrgAnswered
)
"""Events that are not actions."""
Request = ActionRequested | ErasureOrdered | ErasureFound
"""Events that are answered."""
LeadEvent = SystemEvent | Request
_REQUESTS: Final = (ActionRequested, ErasureOrdered, ErasureFound)
_EFFECTIVE: Final = frozenset({Result.DONE, Result.WON})
_ERASE: Final = Trigger.ERASE
_OFFERED: Final = Phase.OFFERED
_ACTIONS = {**ACTIONS, **ACTIONS_AFTER_OFFER, Trigger.ERASE: erasure.erase}
_UNKNOWN = refused_result(Reason.UNKNOWN_LEAD, "there is no such lead")
_TRIGGERS: Final[dict[str, Trigger]] = {
    **{trigger.value: trigger for trigger in (*ACTIONS, *OFFER_TRIGGERS, Trigger.ERASE)},
    **{kind.value: Trigger.ACTIVITY for kind in SHORT_TYPES},
}


def is_replay(row: LeadRow | None, off: int) -> bool:
    """Say whether the row already contains the event at this offset. Then there is nothing to write."""
    return row is not None and off <= row.off


def org_may_know(org: str, lead: Lead | None) -> bool:
    """Say whether an answer to this org may name facts of the lead: its owner, its version, what was asked of it."""
    return lead is None or lead.facts.org == org


def step(
    row: LeadRow | None,
    event: LeadEvent,
    *,
    off: int,
    at: datetime,
    rule_book: RuleBook,
    others_open: tuple[str, ...] = (),
) -> LeadRow:
    """Apply one event and return the next row.

    `row`: the known row of this lead id, None at first. `off`: the event's offset in the log; the caller has checked
    `is_replay`. `at`: the broker's time of the event; a lead's time never goes back, even if the clock does. An action
    whose answer the row still has gets the same answer and changes nothing; an older one is recognised for 30 days
    (X4). An action of another org than the lead's is answered as if the lead did not exist (`org_may_know`).
    `others_open`: which other leads the acting rep has open (D1). An action that needs a place with a rep gets no
    answer until the org has sent it back (M6).
    """
    if row is None:
        lead, seq, kept_answers, answer_memory, into, merged_org = None, 0, NO_ANSWERS, b"", None, ""
    else:
        lead, seq, kept_answers, answer_memory = row.lead, row.seq, row.kept, row.answered
        into, merged_org = row.merged_into, row.merged_org
        at = max(at, row.at)
    before = lead
    decisions: tuple[Decision, ...]
    if isinstance(event, _REQUESTS):
        action = event if isinstance(event, ActionRequested) else erasure.as_action(event)
        known_answer = answer_to(kept_answers, event.cause, event.org)
        if known_answer is not None:
            spare = _returned_reservation(action, lead, ())
            return LeadRow(
                off=off,
                seq=seq,
                lead=lead,
                at=at,
                cause=event.cause,
                decisions=(known_answer, spare) if spare else (known_answer,),
                kept=kept_answers,
                answered=answer_memory,
                merged_into=into,
                merged_org=merged_org,
            )
        known_into = into if merged_org in ("", action.org) else None
        may_know = org_may_know(action.org, lead)
        decisions = ()
        earlier = recall(answer_memory, action.cause, at) if answer_memory else None
        if isinstance(event, ErasureFound):
            result = erasure.answer_erasure(event, rule_book.org(event.org))
        elif not may_know:  # the sender must not learn of another org's lead, nor of what others asked of it
            result = _unreadable(action) or _UNKNOWN
        elif earlier is not None:
            result = answer_again(*earlier, lead, action)
        else:
            lead, decisions, result = decide_action(
                lead,
                action,
                at,
                rule_book.org(action.org),
                merged_into=known_into,
                others_open=others_open,
                by_org=isinstance(event, ErasureOrdered),
            )
        if row is not None and result.requested_place_of is not None:
            return record_place_request(row, action, result.requested_place_of, off, at)
        if row is not None and result.asks_merge_into is not None:
            return merging.record_merge_request(row, action, result.asks_merge_into, off, at)
        if lead is not before:
            seq += 1
            if erasure.is_new(before, lead):
                kept_answers = encoded_answers(erasure.answers_without_reasons(all_of(kept_answers)))
        answer = Answered(
            action_id=action.cause,
            action=action.action,
            rep_id=action.rep_id,
            result=result.result,
            version=seq if may_know else 0,
            decided_at=at,
            reason=result.reason,
            owner=lead.owner if lead and may_know else None,
            why=result.why,
            merged_into=known_into
            if lead is None
            else lead.merged.into
            if may_know and lead.merged
            else None,
            org=event.org,
            call_from=result.call_from,
        )
        spare = _returned_reservation(action, lead, decisions)
        decisions = (answer, *decisions, spare) if spare else (answer, *decisions)
        kept_answers, older = with_answer(kept_answers, answer, ANSWERS_KEPT)
        if older:
            answer_memory = remember(answer_memory, older, at)
    else:
        org = event.facts.org if isinstance(event, LeadArrived) else lead.facts.org if lead else "default"
        lead, decisions = decide_event(lead, event, at, rule_book.org(org))
        if lead is not before:
            seq += 1
            if erasure.is_new(before, lead):
                kept_answers = encoded_answers(erasure.answers_without_reasons(all_of(kept_answers)))
        if isinstance(event, ArrivalMerged) and any(
            isinstance(decision, MergedInto) for decision in decisions
        ):
            into, merged_org = event.into, event.org
    return LeadRow(
        off=off,
        seq=seq,
        lead=lead,
        at=at,
        cause=event.cause,
        decisions=decisions,
        kept=kept_answers,
        answered=answer_memory,
        merged_into=into if lead is None else None,
        merged_org=merged_org if lead is None else "",
    )


def decide_action(
    lead: Lead | None,
    event: ActionRequested,
    at: datetime,
    rules: OrgRules,
    *,
    merged_into: str | None = None,
    others_open: tuple[str, ...] = (),
    by_org: bool = False,
) -> tuple[Lead | None, tuple[Decision, ...], ActionResult]:
    """Decide one action; return the lead after it, the decisions and the answer.

    `merged_into`: the lead that the arrival of this id was added to (R6). `others_open`: as in `step`. `by_org`: the
    org ordered it, which reaches merged leads too.
    """
    if lead is None and merged_into is not None:
        why = f"it came as another inquiry of lead {merged_into}: ask for that one"
        return None, (), refused_result(Reason.UNKNOWN_LEAD, why)
    if unreadable := _unreadable(event):
        return lead, (), unreadable
    if lead is None:
        return None, (), _UNKNOWN
    if erased := erasure.refuse_erased(lead, event):
        return lead, (), erased
    if not (by_org and event.action == erasure.ERASE) and (merged := merging.refuse_merged(lead)):
        return lead, (), merged
    if rules.role(event.rep_id) is None and not (by_org and not event.rep_id):
        return lead, (), refused_result(Reason.UNKNOWN_REP, f"the org has no active rep {event.rep_id}")
    trigger = _TRIGGERS.get(event.action)
    if trigger is None:
        return lead, (), refused_result(Reason.UNKNOWN_ACTION, f"type: {event.action} is not an action")
    transition = Transition(lead=lead, at=at, rules=rules, before_event=lead, others_open=others_open)
    transition.expire_lock()
    expire_offer(transition)
    if trigger is _ERASE:
        result = erasure.erase(transition, event)
    elif transition.lead.phase is _OFFERED:
        result = decide_offered_action(transition, event, trigger)
    elif trigger in LIFECYCLE[transition.lead.phase]:
        result = _ACTIONS[trigger](transition, event)
    else:
        result = refuse_in_phase(transition, trigger, event.rep_id)
    if result.result in _EFFECTIVE:
        settle(transition)
        ask_again(transition)
        return transition.lead, tuple(transition.decisions), result
    return lead, (), result


def _returned_reservation(
    action: ActionRequested, lead: Lead | None, decisions: tuple[Decision, ...]
) -> PlaceReturned | MergeReturned | None:
    """Return the decision that gives an unused reservation back; None if the org reserved nothing or it was used."""
    if action.place is None and action.merge is None:
        return None
    return return_unused_place(action, decisions) or merging.return_unused_merge(action, lead, decisions)


def _unreadable(event: ActionRequested) -> ActionResult | None:
    """Return the refusal of an action that could not be read or is over a limit; None for any other action.

    The refusal reveals nothing of any lead.
    """
    if event.invalid is not None:
        return refused_result(Reason.INVALID, event.invalid)
    return None if event.over_limit is None else refused_result(Reason.TOO_MANY_CLAIMS, event.over_limit)


def decide_event(
    lead: Lead | None,
    event: SystemEvent,
    at: datetime,
    rules: OrgRules,
) -> tuple[Lead | None, tuple[Decision, ...]]:
    """Decide an event other than an action: an arrival, an answer of the org, a deadline, new rules."""
    if isinstance(event, ArrivalMerged):
        return lead, (arrivals.record_merge(lead, event),)
    if isinstance(event, ArrivalRefused):
        return lead, erasure.turn_away(event)
    if lead is None and isinstance(event, LeadArrived):
        transition = arrivals.create_lead(event, at, rules)
    elif lead is None:
        return None, (DeadlineIgnored(kind="unknown_lead", epoch=0, why="there is no such lead"),)
    else:
        transition = Transition(lead=lead, at=at, rules=rules, before_event=lead)
        if (dropped := erasure.without_effect(transition, event)) is not None:
            return transition.lead, dropped
        ignored: Decision | None = None
        if isinstance(event, LeadArrived) and event.split is not None:
            ignored = arrivals.leave_merge(transition, event)
        elif isinstance(event, LeadArrived):
            ignored = arrivals.repeat_or_add_inquiry(transition, event)
        elif isinstance(event, SuppressionChanged):
            ignored = arrivals.change_suppression(transition, event)
        elif isinstance(event, HandleShared):
            ignored = arrivals.note_shared_handle(transition, event)
        elif isinstance(event, FormerInquiryErased):
            ignored = erasure.former_inquiry(event)
        elif isinstance(event, CorrectionChecked):
            ignored = arrivals.check_correction(transition, event)
        elif isinstance(event, DeadlinePassed):
            ignored = _apply_deadline(transition, event)
        elif isinstance(event, OrgAnswered):
            ignored = apply_answer(transition, event.answer)
        else:
            _apply_rules(transition)
        if ignored is not None:
            return lead, (ignored,)
    settle(transition)
    ask_again(transition)
    return transition.lead, tuple(transition.decisions)


def _apply_rules(transition: Transition) -> None:
    """End the lock of a rep who has left (X2), and move the window of an open offer (R4). `settle` does the rest."""
    lock = transition.lead.lock
    if lock is not None and transition.rules.has_left(lock.rep_id):
        transition.unlock(f"{lock.rep_id} has left")
    move_window(transition)


def _apply_deadline(transition: Transition, event: DeadlinePassed) -> DeadlineIgnored | None:
    """Apply a deadline if it is current and due; otherwise return the reason (X3)."""
    deadline = next((d for d in transition.lead.deadlines if d.kind == event.kind), None)
    if deadline is None or deadline.epoch != event.epoch:
        current = deadline.epoch if deadline else "none"
        return DeadlineIgnored(kind=event.kind, epoch=event.epoch, why=f"the current epoch is {current}")
    if transition.at < deadline.due:
        return DeadlineIgnored(kind=event.kind, epoch=event.epoch, why=f"not due before {deadline.due}")
    match deadline.kind:
        case DeadlineKind.LOCK:
            transition.expire_lock()
        case DeadlineKind.OFFER:
            expire_offer(transition)
        case DeadlineKind.CALLBACK:
            transition.make_callback_due()
        case DeadlineKind.RETENTION:
            erasure.erase_after_retention(transition)
        case DeadlineKind.RULES:
            pass  # `settle` evaluates the rules at this instant
    return None
