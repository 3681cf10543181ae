"""Applies one event to a lead and collects its decisions."""

from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from models.codec import iso_text
from models.contact_decisions import CallbackDue, CallbackNoticeWithdrawn
from models.decisions import Decision, LockReleased, LockTaken, OwnerChanged
from models.lead import (
    HELD_BACK,
    Deadline,
    DeadlineKind,
    DueNotification,
    Lead,
    Lock,
    Phase,
    Round,
)
from models.offer_decisions import OfferEnded
from models.offers import Outcome
from models.results import Reason, Result
from rules.calendar.quiet_hours import quiet_until
from rules.queues.rule_book import OrgRules


class ActionResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to one action, before version and time are added. `call_from`: as in `Answered`.

    `requested_place_of`: the action is not answered yet, because the org must be asked for a place with this rep (M6).
    `asks_merge_into`: the same, because the org decides whether the lead may be merged into this one (K5).
    """

    result: Result
    reason: Reason | None = None
    why: str | None = None
    call_from: datetime | None = None
    requested_place_of: str | None = None
    asks_merge_into: str | None = None


DONE = ActionResult(Result.DONE)
OWN_ACTIONS: Final = frozenset({"claim", "claim_now", "callback"})
"""The ways to become the owner by one's own action on the lead, in which one sees that a promised call is due (M7)."""


SENTENCES_KEPT: Final = 4_096
"""How many sentences about owners are kept. The claims that come too late for one lead all get the same."""


@lru_cache(SENTENCES_KEPT)
def has_it_since(owner: str, since: datetime | None) -> str:
    """Return who has a lead and since when, for the answer to a claim that lost."""
    return f"{owner} has it since {None if since is None else iso_text(since, ' ')}"


def refused_result(reason: Reason, why: str) -> ActionResult:
    """Return a refusal with its reason code and its reason in words."""
    return ActionResult(Result.REFUSED, reason, why)


class Transition(msgspec.Struct, eq=False):
    """One event's changes to a lead. Each method replaces `lead` and collects decisions.

    `before_event` keeps the lead as it was before the event, so that `settlement.settle` can detect changes.
    `others_open`: which other leads the acting rep has open. `place`: the action for which a place with the new
    owner is reserved; `overrides_cap`: a manager gives the lead to a rep without one (M6).
    """

    lead: Lead
    at: datetime
    rules: OrgRules
    before_event: Lead | None
    decisions: list[Decision] = []
    others_open: tuple[str, ...] = ()
    place: str | None = None
    overrides_cap: bool = False

    def update(self, **changes: Any) -> None:
        """Replace fields of the lead."""
        self.lead = msgspec.structs.replace(self.lead, **changes)

    def emit(self, decision: Decision) -> None:
        """Record a decision."""
        self.decisions.append(decision)

    def next_epoch(self) -> int:
        """Take the lead's next epoch (X3)."""
        self.update(epoch=self.lead.epoch + 1)
        return self.lead.epoch

    def set_deadline(self, kind: DeadlineKind, due: datetime | None) -> Deadline | None:
        """Replace the deadline of a kind. A deadline at the same instant is kept; None removes the deadline."""
        current = self.lead.deadline(kind)
        if current is None and due is None:
            return None
        if current is not None and current.due == due:
            return current
        others = tuple(d for d in self.lead.deadlines if d.kind is not kind)
        if due is None:
            self.update(deadlines=others)
            return None
        deadline = Deadline(kind, due, self.next_epoch())
        self.update(deadlines=(*others, deadline))
        return deadline

    def lock(self, rep_id: str, until: datetime) -> None:
        """Lock the lead for one rep until a time (D1). A lock that the rep already has is extended."""
        self.end_distribution(f"opened by {rep_id}")
        deadline = self.set_deadline(DeadlineKind.LOCK, until)
        epoch = deadline.epoch if deadline else self.lead.epoch
        since = self.lead.lock.since if self.lead.lock else self.at
        lapsed = self.lead.lapsed if self.lead.lapsed != rep_id else None
        self.update(lock=Lock(rep_id=rep_id, since=since, until=until, epoch=epoch), lapsed=lapsed)
        self.emit(LockTaken(rep_id=rep_id, until=until, epoch=epoch))

    def unlock(self, why: str, *, lapsed: str | None = None) -> None:
        """End the lock, if there is one (D2). `lapsed` names the rep whose lock expired."""
        if lock := self.lead.lock:
            self.set_deadline(DeadlineKind.LOCK, None)
            self.update(lock=None)
            self.emit(LockReleased(rep_id=lock.rep_id, why=why))
        if self.lead.lapsed != lapsed or lapsed is not None:
            self.update(lapsed=lapsed, lapsed_at=self.at if lapsed is not None else None)

    def expire_lock(self) -> None:
        """End a lock that has expired (D2). The time of the log decides, even if the timer is late."""
        lock = self.lead.lock
        if lock is not None and lock.until <= self.at:
            self.unlock("it ran out without an action", lapsed=lock.rep_id)
            self.update_phase()

    def assign_owner(
        self, rep_id: str, how: str, via: str | None, why: str, *, overrides: tuple[str, ...] = ()
    ) -> None:
        """Make a rep the only owner. The lead's position at the end of the queues is dropped.

        A promised call passes to the new owner (X2, M7). If it is due, the new owner is told, unless it is the owner's
        own action that took the lead.
        """
        previous, lapsed = self.lead.owner, self.lead.lapsed
        self.end_distribution(why, winner=rep_id)
        self.unlock(why)
        self.withdraw_due_notification(why)
        self.update(
            owner=rep_id,
            owned_epoch=self.next_epoch(),
            failed=None,
            how=how,
            via=via,
            assigned_at=self.at,
            queue_since=self.at,
            owner_left=self.rules.has_left(rep_id),
            phase=Phase.OWNED,
            deferred_at=None,
            owner_last_contacted_at=None,
            open_exception=None,
            round=None,
            lapsed=lapsed if lapsed != rep_id else None,
        )
        self.emit(
            OwnerChanged(
                rep_id=rep_id,
                previous_rep_id=previous,
                how=how,
                via=via,
                why=why,
                overrides=(*overrides, "cap") if self.overrides_cap else overrides,
                place=self.place,
            )
        )
        if self.lead.call_is_due and how not in OWN_ACTIONS:
            self._tell_call_is_due(self.lead.owned_epoch)

    def remove_owner(self, how: str, why: str) -> None:
        """Remove the owner. A promised call is kept for the next owner (X2)."""
        previous = self.lead.owner
        self.unlock(why)
        self.withdraw_due_notification(why)
        self.update(owner=None, owned_epoch=0, how=how, via=None, assigned_at=None, phase=Phase.QUEUED)
        self.update(owner_last_contacted_at=None, owner_left=False, queue_since=self.at)
        self.emit(OwnerChanged(rep_id=None, previous_rep_id=previous, how=how, via=None, why=why))

    def end_distribution(self, why: str, *, winner: str | None = None) -> None:
        """End the lead's distribution, if there is one, because somebody has the lead or it is withdrawn (X3)."""
        distribution = self.lead.open_distribution
        if distribution is None:
            return
        taker = winner if winner in distribution.reps else None
        self.set_deadline(DeadlineKind.OFFER, None)
        self.update(open_distribution=None, round=Round(distribution.campaign, distribution.tried))
        self.emit(
            OfferEnded(
                group_id=distribution.group_id,
                epoch=distribution.epoch,
                outcome=Outcome.VOIDED if taker is None else Outcome.CLAIMED,
                winner=taker,
                why=why,
                reps=tuple(rep_id for rep_id in distribution.reps if rep_id != taker),
                method=distribution.method,
            )
        )

    def set_callback(self, at: datetime | None) -> None:
        """Set the time of the promised call, or put the lead at the end of its queues (D4)."""
        self.withdraw_due_notification("the promise was replaced" if at else "somebody acted on it")
        self.set_deadline(DeadlineKind.CALLBACK, at)
        self.update(callback_at=at, deferred_at=None if at else self.at)

    def make_callback_due(self) -> None:
        """Make the promised call due. The deadline is removed; `callback_at` keeps the lead at the top (D4, M7)."""
        deadline = self.lead.deadline(DeadlineKind.CALLBACK)
        self.set_deadline(DeadlineKind.CALLBACK, None)
        self._tell_call_is_due(deadline.epoch if deadline else self.lead.epoch)

    def _tell_call_is_due(self, epoch: int) -> None:
        quiet = quiet_until(self.rules.settings.quiet_hours, self.lead.facts, self.at)
        owner = self.lead.owner
        if owner is not None:
            self.update(due_notification=DueNotification(owner, epoch))
        self.emit(CallbackDue(rep_id=owner, quiet_until=quiet[1] if quiet else None, epoch=epoch))

    def withdraw_due_notification(self, why: str) -> None:
        """Withdraw what the owner was told of a due call, if it was told (M7)."""
        if notification := self.lead.due_notification:
            self.update(due_notification=None)
            self.emit(CallbackNoticeWithdrawn(rep_id=notification.rep_id, epoch=notification.epoch, why=why))

    def record_contact(self, rep_id: str) -> None:
        """Record that a rep contacted the lead now, and whether that was its owner (M3)."""
        self.withdraw_due_notification(f"{rep_id} contacted it")
        self.update(last_contacted_at=self.at)
        if self.lead.owner == rep_id:
            self.update(owner_last_contacted_at=self.at)

    def note_departure(self) -> None:
        """Record whether the lead's owner has left, according to the org's reps (M4)."""
        lead = self.lead
        has_left = lead.owner is not None and self.rules.has_left(lead.owner)
        if has_left is not lead.owner_left:
            self.update(owner_left=has_left)

    def update_phase(self) -> None:
        """Derive the phase from owner and lock. Only closing and ignoring are decided elsewhere.

        A free lead counts as queued while the queues are evaluated. `settlement.settle` then checks whether a queue
        took it.
        """
        lead = self.lead
        if lead.phase in (Phase.CLOSED, Phase.IGNORED):
            return
        if lead.owner is not None:
            phase = Phase.WORKING if lead.lock else Phase.OWNED
        elif lead.lock:
            phase = Phase.LOCKED
        elif lead.open_distribution is not None and lead.open_distribution.stage in HELD_BACK:
            phase = Phase.OFFERED
        else:
            phase = Phase.QUEUED
        if phase is not lead.phase or lead.open_exception is not None:
            self.update(phase=phase, open_exception=None)
