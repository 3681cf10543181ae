"""The decisions about a lead. Each carries its reason and needs no other record to be understood (X1)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from models.offers import Outcome, Rejected


class Result(StrEnum):
    """The answer to an action (docs/contracts, `lead-decisions`)."""

    WON = "won"
    LOST = "lost"
    DONE = "done"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why an action was lost or refused."""

    ALREADY_CLAIMED = "already_claimed"
    NOT_QUALIFIED = "not_qualified"
    LOCKED_BY_OTHER = "locked_by_other"
    LOCK_EXPIRED = "lock_expired"
    NOT_LOCKED = "not_locked"
    OFFER_OVER = "offer_over"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_LEAD = "unknown_lead"
    UNKNOWN_REP = "unknown_rep"
    UNKNOWN_QUEUE = "unknown_queue"
    UNKNOWN_ACTION = "unknown_action"
    NOT_AN_EXCEPTION = "not_an_exception"
    LEAD_CLOSED = "lead_closed"
    INVALID = "invalid"
    SUPPRESSED = "suppressed"
    QUIET_HOURS = "quiet_hours"
    FATAL_ERROR = "fatal_error"


class _Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Decisions are tagged by their name, so that a journal can be read without this code."""


class LeadAccepted(_Decision, frozen=True, tag="lead_accepted"):
    """The first arrival of a lead."""


class ArrivalRepeated(_Decision, frozen=True, tag="arrival_repeated"):
    """The vendor sent the lead again; `filled` names the empty fields the resend completed."""

    filled: tuple[str, ...] = ()


class InquiryAdded(_Decision, frozen=True, tag="inquiry_added"):
    """The person inquired once more, through another arrival (R6). `why`: by what it is known, and what comes of it.

    `rep_id`: the active owner, who keeps the lead and is told; None without one. `reopened`: the lead had been closed,
    and is its owner's again, or distributed anew. `filled`: the empty fields the inquiry completed.
    """

    inquiry_id: str
    vendor: str
    campaign: str | None
    external_id: str | None
    rep_id: str | None
    why: str
    reopened: bool = False
    filled: tuple[str, ...] = ()


class MergedInto(_Decision, frozen=True, tag="merged_into"):
    """The arrival of this id is another inquiry of lead `into`, and no lead of its own (R6)."""

    into: str
    why: str


class SuppressionRecorded(_Decision, frozen=True, tag="suppression_recorded"):
    """A handle of the lead is on the do-not-contact list, or with `reason` None not any more (X6)."""

    handle: str
    reason: str | None
    why: str


class Answered(_Decision, frozen=True, tag="answered"):
    """The answer to one action, exactly as `lead-decisions` says it (X4: kept, to be repeated word for word).

    `why`: the reason in words, with the rule, version, lock or owner that made it so (X1). `merged_into`: the lead
    that the one asked for was added to (R6).
    """

    action_id: str
    action: str
    rep_id: str
    result: Result
    version: int
    decided_at: datetime
    reason: Reason | None = None
    owner: str | None = None
    why: str | None = None
    merged_into: str | None = None


class OwnerChanged(_Decision, frozen=True, tag="owner_changed"):
    """The lead has another owner, or none: one row of `assignments`."""

    rep_id: str | None
    previous_rep_id: str | None
    how: str
    via: str | None
    why: str


class QueueEntered(_Decision, frozen=True, tag="queue_entered"):
    """The lead now stands in a queue. `why` says which conditions it met, by rule version."""

    queue_id: str
    sort_key: str
    rules_version: int
    why: str
    columns: dict[str, Any] = {}


class QueueLeft(_Decision, frozen=True, tag="queue_left"):
    """The lead no longer stands in a queue."""

    queue_id: str
    why: str


class QueueMoved(_Decision, frozen=True, tag="queue_moved"):
    """The lead has another place in a queue it stands in, or shows other columns there."""

    queue_id: str
    sort_key: str
    rules_version: int
    why: str
    columns: dict[str, Any] = {}


class LockTaken(_Decision, frozen=True, tag="lock_taken"):
    """A rep opened the lead (D1)."""

    rep_id: str
    until: datetime
    epoch: int


class LockReleased(_Decision, frozen=True, tag="lock_released"):
    """The lock is over: by an action, a release, an assignment, or because it expired (D2)."""

    rep_id: str
    why: str


class CallbackSet(_Decision, frozen=True, tag="callback_set"):
    """The lead is to be called back; `at` None puts it at the end of its queues (D4)."""

    rep_id: str
    at: datetime | None


class CallbackDue(_Decision, frozen=True, tag="callback_due"):
    """The promised call is due: the lead is at the top of its owner's queue (D4).

    `quiet_until`: it is not to be called before, where the lead is (X6).
    """

    rep_id: str | None
    quiet_until: datetime | None = None


class OutcomeRecorded(_Decision, frozen=True, tag="outcome_recorded"):
    """A rep worked the lead and recorded its outcome."""

    rep_id: str
    outcome: str
    note: str | None = None


class NoteRecorded(_Decision, frozen=True, tag="note_recorded"):
    """A rep recorded a note."""

    rep_id: str
    note: str


class ExceptionRaised(_Decision, frozen=True, tag="exception_raised"):
    """Nobody could be given the lead (E1)."""

    reason: str
    explanation: tuple[dict[str, Any], ...]


class ExceptionIgnored(_Decision, frozen=True, tag="exception_ignored"):
    """A manager hid the exception (E4)."""

    rep_id: str


class ExceptionResolved(_Decision, frozen=True, tag="exception_resolved"):
    """The lead is no exception any more: assigned, claimed, or a queue takes it now.

    `reason`, `explanation`, `raised_at`: those it had, for `lead-exceptions`.
    """

    reason: str
    why: str
    explanation: tuple[dict[str, Any], ...] = ()
    raised_at: datetime | None = None


class ClaimReopened(_Decision, frozen=True, tag="claim_reopened"):
    """An admin let a lead into claimable queues again, against Q10's rule, and is recorded as having done so."""

    rep_id: str
    claimed_through: str | None


class LeadClosed(_Decision, frozen=True, tag="lead_closed"):
    """An outcome closed the lead."""

    outcome: str


class RepSought(_Decision, frozen=True, tag="rep_sought"):
    """The lead asks its group for a rep, other than those it has tried (R3, R8)."""

    group_id: str
    epoch: int
    why: str
    tried: tuple[str, ...] = ()


class LeadOffered(_Decision, frozen=True, tag="lead_offered"):
    """The lead is offered: to one rep for a window, or to several of whom the first wins (R3, S1, S5).

    `passed`: who might have had it and why not (R9). `until` None: the offer has no end of its own.
    """

    group_id: str
    epoch: int
    method: str
    reps: tuple[str, ...]
    why: str
    until: datetime | None = None
    passed: tuple[Rejected, ...] = ()


class OfferEnded(_Decision, frozen=True, tag="offer_ended"):
    """An offer is over for these reps; where nobody has the lead the org is given back what it took (X3).

    `winner`: who took it, where one of those it was offered to did; `reps` are the others. Both empty: a request that
    nobody had been found for is withdrawn.
    """

    group_id: str
    epoch: int
    outcome: Outcome
    why: str
    reps: tuple[str, ...] = ()
    method: str | None = None
    winner: str | None = None


class OfferDeclined(_Decision, frozen=True, tag="offer_declined"):
    """One of those whom the lead rings with does not want it, or may not have it any more; the others still may."""

    rep_id: str
    epoch: int
    why: str
    remaining: tuple[str, ...]
    told_by_org: bool = False
    group_id: str | None = None


class NobodyAvailable(_Decision, frozen=True, tag="nobody_available"):
    """The group has nobody for the lead now, and why not, candidate by candidate (E1, R9).

    `waits`: the org offers it by itself once somebody may have it; `until`: when time alone may bring that about.
    """

    group_id: str
    epoch: int
    reason: str
    explanation: tuple[Rejected, ...]
    waits: bool = False
    until: datetime | None = None


class ConnectRequested(_Decision, frozen=True, tag="connect_requested"):
    """The winner of a ring pressed 1 again: the lead is to be called, and the two connected (S2)."""

    rep_id: str


class AnswerIgnored(_Decision, frozen=True, tag="answer_ignored"):
    """The org answered a request that is over: nothing changed (X3)."""

    answer: str
    epoch: int
    why: str


class DeadlineIgnored(_Decision, frozen=True, tag="deadline_ignored"):
    """A deadline of an old epoch, or one before its time, came: nothing changed (X3)."""

    kind: str
    epoch: int
    why: str


Decision = (
    LeadAccepted
    | ArrivalRepeated
    | InquiryAdded
    | MergedInto
    | SuppressionRecorded
    | Answered
    | OwnerChanged
    | QueueEntered
    | QueueLeft
    | QueueMoved
    | LockTaken
    | LockReleased
    | CallbackSet
    | CallbackDue
    | OutcomeRecorded
    | NoteRecorded
    | ExceptionRaised
    | ExceptionIgnored
    | ExceptionResolved
    | ClaimReopened
    | LeadClosed
    | RepSought
    | LeadOffered
    | OfferEnded
    | OfferDeclined
    | NobodyAvailable
    | ConnectRequested
    | AnswerIgnored
    | DeadlineIgnored
)
