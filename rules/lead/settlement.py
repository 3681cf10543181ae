"""Settles a lead after an event: its phase, its queues, and the exception if nobody can have it (Q2, X7)."""

from typing import Final

from models.contact_decisions import CallbackDue
from models.decisions import ExceptionRaised, ExceptionResolved, QueueEntered, QueueLeft, QueueMoved
from models.lead import LOCKED_PHASES, OWNED_PHASES, DeadlineKind, Phase, QueuePlacement
from models.open_exception import OpenException
from models.org_decisions import explain_rejected
from rules.lead.transition import Transition
from rules.queues.columns import shown_columns
from rules.queues.membership import CompiledQueue
from rules.retention import settle_retention

EXPLAINED_QUEUES: Final = 50
"""The maximum number of queues that an exception explains. It keeps a row small in an org with thousands of queues."""


def settle(transition: Transition) -> None:
    """Update phase, placements and the rules' deadline after the event has changed the lead (Q2, X7).

    The rules are evaluated only if the lead or the org's rules changed, if its owner left or returned, or at the
    instant at which time alone changes a result. So a losing claim needs no evaluation.
    """
    transition.note_departure()
    if _placements_hold(transition):
        return
    transition.update_phase()
    reevaluate_queues(transition)
    _update_exception(transition)
    settle_retention(transition)
    if transition.lead is not transition.before_event:
        transition.update(updated_at=transition.at)


def _placements_hold(transition: Transition) -> bool:
    """Say whether the lead's placements still hold: neither the lead nor the rules nor a result changed since."""
    lead = transition.lead
    if lead is not transition.before_event or lead.evaluated != transition.rules.version:
        return False
    due = lead.deadline(DeadlineKind.RULES)
    return due is None or due.due > transition.at


def update_queues(transition: Transition) -> None:
    """Evaluate the lead's queues before an action that depends on them, unless its placements hold."""
    if not _placements_hold(transition):
        reevaluate_queues(transition)


def reevaluate_queues(transition: Transition) -> None:
    """Evaluate the lead's queues under the current rules, and record which it entered, moved in and left."""
    evaluation = transition.rules.evaluate(transition.lead, transition.at)
    old = transition.lead.placements
    placements: dict[str, QueuePlacement] = {}
    for queue_id, sort_key in evaluation.sort_keys.items():
        compiled = transition.rules.queues[queue_id]
        placement = old.get(queue_id)
        if placement is None:
            placements[queue_id] = QueuePlacement(compiled.version, sort_key, transition.at)
            transition.emit(
                QueueEntered(
                    queue_id=queue_id,
                    sort_key=sort_key,
                    rules_version=compiled.version,
                    why=transition.rules.explain(transition.lead, queue_id, transition.at),
                    columns=shown_columns(transition.lead, compiled.queue),
                )
            )
        elif (
            placement.rules_version != compiled.version
            or placement.sort_key != sort_key
            or _shows_other(transition, compiled)
        ):
            placements[queue_id] = QueuePlacement(compiled.version, sort_key, placement.since)
            transition.emit(
                QueueMoved(
                    queue_id=queue_id,
                    sort_key=sort_key,
                    rules_version=compiled.version,
                    why=_why_moved(transition),
                    columns=shown_columns(transition.lead, compiled.queue),
                )
            )
        else:
            placements[queue_id] = placement
    for queue_id in old:
        if queue_id not in placements:
            why = (
                transition.rules.explain(transition.lead, queue_id, transition.at)
                if queue_id in transition.rules.queues
                else "the queue was removed"
            )
            transition.emit(QueueLeft(queue_id=queue_id, why=why))
    transition.set_deadline(DeadlineKind.RULES, evaluation.valid_until)
    if placements != old or transition.lead.evaluated != transition.rules.version:
        transition.update(placements=placements, evaluated=transition.rules.version)


def _shows_other(transition: Transition, compiled: CompiledQueue) -> bool:
    """Say whether the event changed what a queue shows of the lead."""
    lead, before = transition.lead, transition.before_event
    if before is None or before is lead:
        return False
    return shown_columns(before, compiled.queue) != shown_columns(lead, compiled.queue)


def _why_moved(transition: Transition) -> str:
    due = any(isinstance(decision, CallbackDue) for decision in transition.decisions)
    return "its promised call is due" if due else "its order or what the queue shows of it changed"


def _update_exception(transition: Transition) -> None:
    """Raise an exception for a free lead that no queue takes, with each queue's reason; otherwise end it."""
    lead, before_event = transition.lead, transition.before_event
    former = before_event.open_exception if before_event else None
    if lead.phase is Phase.QUEUED and not lead.placements:
        open_exception = (
            former if before_event is not None and before_event.phase is Phase.EXCEPTION else None
        )
        failed = lead.failed
        if failed is not None and (
            before_event is None or before_event.failed != failed or open_exception is None
        ):
            same = open_exception is not None and open_exception.reason == failed.reason
            since = open_exception.raised_at if open_exception is not None and same else transition.at
            open_exception = OpenException(failed.reason, explain_rejected(failed.explanation), since)
            transition.emit(
                ExceptionRaised(reason=open_exception.reason, explanation=open_exception.explanation)
            )
        if open_exception is None:
            reasons = tuple(
                {"queue_id": queue_id, "why": transition.rules.explain(lead, queue_id, transition.at)}
                for queue_id in sorted(transition.rules.queues)[:EXPLAINED_QUEUES]
            ) or ({"why": "the org has published no queue"},)
            open_exception = OpenException(
                reason="no_available_agents", explanation=reasons, raised_at=transition.at
            )
            transition.emit(
                ExceptionRaised(reason=open_exception.reason, explanation=open_exception.explanation)
            )
        transition.update(phase=Phase.EXCEPTION, open_exception=open_exception)
    elif lead.open_exception is not None and lead.phase is not Phase.IGNORED:
        transition.update(open_exception=None)
    if former is not None and transition.lead.open_exception is None:
        transition.emit(
            ExceptionResolved(
                reason=former.reason,
                why=_resolution(transition),
                explanation=former.explanation,
                raised_at=former.raised_at,
            )
        )


def _resolution(transition: Transition) -> str:
    if transition.lead.phase in OWNED_PHASES:
        return f"assigned to {transition.lead.owner}"
    if transition.lead.phase in LOCKED_PHASES and transition.lead.lock:
        return f"opened by {transition.lead.lock.rep_id}"
    if transition.lead.phase is Phase.CLOSED:
        return "closed"
    if transition.lead.phase is Phase.OFFERED:
        return "it is offered to " + ", ".join(
            transition.lead.open_distribution.reps if transition.lead.open_distribution else ()
        )
    return "a queue takes it: " + ", ".join(sorted(transition.lead.placements))
