"""The decisions about a lead.

Each decision carries its reason and can be understood without any other record (X1).
"""

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
    """The reason why an action was lost or refused."""

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
    NOT_OWNED = "not_owned"
    NO_GROUP = "no_group"
    NO_PHONE = "no_phone"
    REPEATED = "repeated"
    LEAD_CLOSED = "lead_closed"
    INVALID = "invalid"
    SUPPRESSED = "suppressed"
    QUIET_HOURS = "quiet_hours"
    TOO_MANY_OPEN = "too_many_open"
    TOO_MANY_CLAIMS = "too_many_claims"
    FATAL_ERROR = "fatal_error"


class _Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of the decisions. The JSON tag is the decision's name, so a journal can be read without this code."""


class LeadAccepted(_Decision, frozen=True, tag="lead_accepted"):
    """The lead's first arrival was accepted. `apart`: its attributes for which the lead has no room."""

    apart: dict[str, Any] = {}


class PreassignmentNotFollowed(_Decision, frozen=True, tag="preassignment_not_followed"):
    """The lead arrived assigned to `assigned_to`, and that is nobody who may have it (R5).

    `reason`: `unknown`, `ambiguous` or `left`.
    """

    assigned_to: str
    reason: str
    why: str


class ArrivalRepeated(_Decision, frozen=True, tag="arrival_repeated"):
    """The vendor sent the lead again; `filled` names the empty fields the resend completed.

    `apart`: its new attributes for which the lead has no room (`models.facts.MAX_ATTRIBUTES_BYTES`).
    """

    filled: tuple[str, ...] = ()
    apart: dict[str, Any] = {}


class InquiryAdded(_Decision, frozen=True, tag="inquiry_added"):
    """The person inquired again through another arrival (R6).

    `why`: how the person was recognised, and what follows. `rep_id`: the active owner, who keeps the lead and is
    notified; None if there is no active owner. `reopened`: the lead was closed; it now belongs to its owner again, or
    is distributed again. `filled`: the empty fields that the inquiry completed. `apart`: its attributes for which the
    lead has no room (`models.facts.MAX_ATTRIBUTES_BYTES`).
    """

    inquiry_id: str
    vendor: str
    campaign: str | None
    external_id: str | None
    rep_id: str | None
    why: str
    reopened: bool = False
    filled: tuple[str, ...] = ()
    apart: dict[str, Any] = {}


class MergedInto(_Decision, frozen=True, tag="merged_into"):
    """The arrival with this id was added to lead `into` as another inquiry.

    It does not become a lead of its own (R6).
    """

    into: str
    why: str


class ArrivalDropped(_Decision, frozen=True, tag="arrival_dropped"):
    """An arrival of an erased person was not taken. Nothing of it is kept but this."""

    why: str


class LeadErased(_Decision, frozen=True, tag="lead_erased"):
    """The facts of the lead were erased, with everything that repeats them. The lead stays, closed and empty.

    `rep_id`: who requested it; None if the org's retention period ended. `hashes`: the keyed hashes by which the person
    is recognised from now on; none after a retention period.
    """

    rep_id: str | None
    why: str
    hashes: tuple[str, ...] = ()


class SuppressionRecorded(_Decision, frozen=True, tag="suppression_recorded"):
    """A handle of the lead was put on the do-not-contact list, or taken off it (`reason` None) (X6)."""

    handle: str
    reason: str | None
    why: str


class Answered(_Decision, frozen=True, tag="answered"):
    """The answer to one action, exactly as it is published on `lead-decisions`.

    It is kept, so that a repeated action gets the same answer word for word (X4). `why`: the reason in words, with the
    rule, version, lock or owner that decided it (X1). `merged_into`: the lead that the requested lead was added to
    (R6). `org`: the org of the action; nobody else gets the answer.
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
    org: str = "default"


class OwnerChanged(_Decision, frozen=True, tag="owner_changed"):
    """The owner of the lead changed, or the lead lost its owner. Becomes one record of `assignments`."""

    rep_id: str | None
    previous_rep_id: str | None
    how: str
    via: str | None
    why: str


class QueueEntered(_Decision, frozen=True, tag="queue_entered"):
    """The lead entered a queue. `why` says which conditions it met, by rule version."""

    queue_id: str
    sort_key: str
    rules_version: int
    why: str
    columns: dict[str, Any] = {}


class QueueLeft(_Decision, frozen=True, tag="queue_left"):
    """The lead left a queue."""

    queue_id: str
    why: str


class QueueMoved(_Decision, frozen=True, tag="queue_moved"):
    """The lead got another place in a queue it is in, or shows other columns there."""

    queue_id: str
    sort_key: str
    rules_version: int
    why: str
    columns: dict[str, Any] = {}


class LockTaken(_Decision, frozen=True, tag="lock_taken"):
    """A rep opened the lead and got its lock (D1)."""

    rep_id: str
    until: datetime
    epoch: int


class LockReleased(_Decision, frozen=True, tag="lock_released"):
    """The lock ended: by an action, a release, an assignment, or because it expired (D2)."""

    rep_id: str
    why: str


class CallbackSet(_Decision, frozen=True, tag="callback_set"):
    """A callback was set. `at` None: it has no particular time, and the lead goes to the end of its queues (D4)."""

    rep_id: str
    at: datetime | None


class CallbackDue(_Decision, frozen=True, tag="callback_due"):
    """The promised call is due, so the lead moves to the top of its owner's queue (D4).

    `quiet_until`: the end of the quiet hours at the lead's location; it must not be called before then (X6).
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


class ActivityRecorded(_Decision, frozen=True, tag="activity_recorded"):
    """A rep did something with the lead (M3). `kind`: one of `models.activities.ActivityKind`.

    `contact`: by the org's settings it counts as contact, so it sets when the lead was last contacted.
    """

    rep_id: str
    kind: str
    contact: bool = False
    note: str | None = None


class ExceptionRaised(_Decision, frozen=True, tag="exception_raised"):
    """The lead became an exception, because nobody could be given it (E1)."""

    reason: str
    explanation: tuple[dict[str, Any], ...]


class ExceptionIgnored(_Decision, frozen=True, tag="exception_ignored"):
    """A manager hid the exception from the desk (E4)."""

    rep_id: str


class ExceptionResolved(_Decision, frozen=True, tag="exception_resolved"):
    """The lead is no longer an exception: it was assigned or claimed, or a queue takes it now.

    `reason`, `explanation`, `raised_at`: the values of the resolved exception, for `lead-exceptions`.
    """

    reason: str
    why: str
    explanation: tuple[dict[str, Any], ...] = ()
    raised_at: datetime | None = None


class ClaimReopened(_Decision, frozen=True, tag="claim_reopened"):
    """An admin let a claimed lead enter claimable queues again, which Q10 otherwise forbids.

    `rep_id` records the admin.
    """

    rep_id: str
    claimed_through: str | None


class LeadReopened(_Decision, frozen=True, tag="lead_reopened"):
    """A manager reopened a closed lead (M1). `rep_id` is the manager; `owner` is who has the lead again, if anybody."""

    rep_id: str
    owner: str | None
    why: str


class LeadClosed(_Decision, frozen=True, tag="lead_closed"):
    """An outcome closed the lead."""

    outcome: str


class RepSought(_Decision, frozen=True, tag="rep_sought"):
    """The lead requests a rep from its group, other than those it has tried (R3, R8)."""

    group_id: str
    epoch: int
    why: str
    tried: tuple[str, ...] = ()


class LeadOffered(_Decision, frozen=True, tag="lead_offered"):
    """The lead was offered: to one rep for a window, or to several reps, of whom the first to accept wins (R3, S1, S5).

    `passed`: the candidates that were rejected, and why (R9). `until` None: the offer does not expire.
    """

    group_id: str
    epoch: int
    method: str
    reps: tuple[str, ...]
    why: str
    until: datetime | None = None
    passed: tuple[Rejected, ...] = ()


class OfferEnded(_Decision, frozen=True, tag="offer_ended"):
    """An offer ended for these reps. If nobody has the lead, the org gets the capacity back (X3).

    `winner`: the rep who took the lead, if the offer was made to that rep; `reps` are then the others. If both are
    empty, a request that had not found a rep yet was withdrawn.
    """

    group_id: str
    epoch: int
    outcome: Outcome
    why: str
    reps: tuple[str, ...] = ()
    method: str | None = None
    winner: str | None = None


class OfferDeclined(_Decision, frozen=True, tag="offer_declined"):
    """One rep of a ring declined the lead, or is no longer allowed to take it. The others may still take it."""

    rep_id: str
    epoch: int
    why: str
    remaining: tuple[str, ...]
    told_by_org: bool = False
    group_id: str | None = None


class NobodyAvailable(_Decision, frozen=True, tag="nobody_available"):
    """The group has nobody for the lead now. `explanation` gives the reason for each candidate (E1, R9).

    `waits`: the org offers the lead by itself once a rep becomes available. `until`: the instant at which time alone
    may make a rep available.
    """

    group_id: str
    epoch: int
    reason: str
    explanation: tuple[Rejected, ...]
    waits: bool = False
    until: datetime | None = None


class ConnectRequested(_Decision, frozen=True, tag="connect_requested"):
    """The winner of a ring pressed 1 again. The lead is to be called and the two are to be connected (S2)."""

    rep_id: str


class HungUp(_Decision, frozen=True, tag="hung_up"):
    """The winner of a ring hung up and keeps the lead. The ring's call is over, so it cannot be connected (S2)."""

    rep_id: str


class AnswerIgnored(_Decision, frozen=True, tag="answer_ignored"):
    """The org answered a request that is already over. Nothing changed (X3)."""

    answer: str
    epoch: int
    why: str


class DeadlineIgnored(_Decision, frozen=True, tag="deadline_ignored"):
    """A deadline had an old epoch or came before its time. Nothing changed (X3)."""

    kind: str
    epoch: int
    why: str


Decision = (
    LeadAccepted
    | PreassignmentNotFollowed
    | ArrivalRepeated
    | InquiryAdded
    | MergedInto
    | ArrivalDropped
    | LeadErased
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
    | ActivityRecorded
    | ExceptionRaised
    | ExceptionIgnored
    | ExceptionResolved
    | ClaimReopened
    | LeadReopened
    | LeadClosed
    | RepSought
    | LeadOffered
    | OfferEnded
    | OfferDeclined
    | NobodyAvailable
    | ConnectRequested
    | HungUp
    | AnswerIgnored
    | DeadlineIgnored
)
