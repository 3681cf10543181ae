"""What was decided, in words that need no other record: each decision carries its reason (X1)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Result(StrEnum):
    """The answer to an action (CONTRACTS.md, `lead-decisions`)."""

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
    FATAL_ERROR = "fatal_error"


class _Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Decisions are tagged by their name, so that a journal can be read without this code."""


class LeadAccepted(_Decision, frozen=True, tag="lead_accepted"):
    """The first arrival of a lead."""


class ArrivalRepeated(_Decision, frozen=True, tag="arrival_repeated"):
    """The vendor sent the lead again; `filled` names the empty fields the resend completed."""

    filled: tuple[str, ...] = ()


class Answered(_Decision, frozen=True, tag="answered"):
    """The answer to one action, exactly as `lead-decisions` says it (X4: kept, to be repeated word for word).

    `why`: the reason in words, with the rule, version, lock or owner that made it so (X1).
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
    """The promised call is due: the lead is at the top of its owner's queue (D4)."""

    rep_id: str | None


class OutcomeRecorded(_Decision, frozen=True, tag="outcome_recorded"):
    """A rep worked the lead and said what came of it."""

    rep_id: str
    outcome: str
    note: str | None = None


class NoteRecorded(_Decision, frozen=True, tag="note_recorded"):
    """A rep wrote something down."""

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
    """An outcome ended the lead's way."""

    outcome: str


class DeadlineIgnored(_Decision, frozen=True, tag="deadline_ignored"):
    """A timer spoke for an epoch that is over, or before its time: nothing changed (X3)."""

    kind: str
    epoch: int
    why: str


Decision = (
    LeadAccepted
    | ArrivalRepeated
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
    | DeadlineIgnored
)
