"""Defines the decisions about a lead.

Each decision carries its reason and can be understood without any other record (X1). Those about its offers are in
`models.offer_decisions`, those about contact in `models.contact_decisions`.
"""

from datetime import datetime
from typing import Any

import msgspec

from models.contact_decisions import (
    CallbackDue,
    CallbackNoticeWithdrawn,
    CallbackSet,
    ConsentRecorded,
    ContactForbidden,
    SuppressionRecorded,
)
from models.corrections import FactsCorrected
from models.decision_base import DecisionBase
from models.erasure_decisions import ArrivalDropped, InquiryErased, LeadErased
from models.facts import Facts
from models.merging import MergedLead
from models.merging_decisions import InquirySplit, LeadSplit, MergeReturned, MergeSought
from models.offer_decisions import (
    ConnectRequested,
    HungUp,
    LeadOffered,
    NobodyAvailable,
    OfferDeclined,
    OfferEnded,
    RepSought,
    WindowMoved,
)
from models.reserved_place_decisions import PlaceReturned, PlaceSought
from models.results import Reason, Result


class LeadAccepted(DecisionBase, frozen=True, tag="lead_accepted"):
    """The lead's first arrival was accepted. `apart`: its attributes for which the lead has no room.

    `maybe`: leads of which it may be the same person (K2). `id_reused`: the lead to which the vendor gave the same id
    before, for another person (K6). `doubt`: these two in words. Only managers see the three.
    """

    apart: dict[str, Any] = msgspec.field(default_factory=dict)
    maybe: tuple[str, ...] = ()
    id_reused: str | None = None
    doubt: str | None = None


class SharedHandleFound(DecisionBase, frozen=True, tag="shared_handle_found"):
    """A phone or mail address of the lead came with three last names, so it joins nobody any more (K1).

    `leads`: the leads that have it, this one first. Inquiries that it joined before stay. `managers`: who is told; of
    several leads only the first by id tells them.
    """

    handle: str
    leads: tuple[str, ...]
    why: str
    managers: tuple[str, ...] = ()


class PreassignmentNotFollowed(DecisionBase, frozen=True, tag="preassignment_not_followed"):
    """The lead arrived assigned to `assigned_to`, and that is nobody who may have it (R5).

    `reason`: `unknown`, `ambiguous`, `left` or `not_licensed`.
    """

    assigned_to: str
    reason: str
    why: str


class ArrivalRepeated(DecisionBase, frozen=True, tag="arrival_repeated"):
    """The vendor sent the lead again; `filled` names the empty fields the resend completed.

    `apart`: its new attributes for which the lead has no room (`models.facts.MAX_ATTRIBUTES_BYTES`). `doubt`: why
    it completed nothing (K3). `vendor`: who sent it, if it is a resend of another vendor's inquiry.
    """

    filled: tuple[str, ...] = ()
    apart: dict[str, Any] = msgspec.field(default_factory=dict)
    doubt: str | None = None
    vendor: str | None = None


class InquiryAdded(DecisionBase, frozen=True, tag="inquiry_added"):
    """The person inquired again through another arrival (R6).

    `why`: how the person was recognised, and what follows. `rep_id`: the active owner, who keeps the lead and is
    notified; None if there is no active owner. `reopened`: the lead was closed; it now belongs to its owner again, or
    is distributed again. `filled`: the empty fields that the inquiry completed. `apart`: its attributes for which the
    lead has no room (`models.facts.MAX_ATTRIBUTES_BYTES`). `facts`: the inquiry's own facts, whole except `apart` (K4);
    None in records of earlier versions.
    """

    inquiry_id: str
    vendor: str
    campaign: str | None
    external_id: str | None
    rep_id: str | None
    why: str
    reopened: bool = False
    filled: tuple[str, ...] = ()
    apart: dict[str, Any] = msgspec.field(default_factory=dict)
    facts: Facts | None = None


class MergedInto(DecisionBase, frozen=True, tag="merged_into"):
    """The arrival with this id was added to lead `into` as another inquiry.

    It does not become a lead of its own (R6). `rep_id`: the manager who merged the lead with this id (K5); `brought`:
    what the lead brings.
    """

    into: str
    why: str
    rep_id: str | None = None
    brought: MergedLead | None = None


class Answered(DecisionBase, frozen=True, tag="answered"):
    """The answer to one action, exactly as it is published on `lead-decisions`.

    It is kept, so that a repeated action gets the same answer word for word (X4). `why`: the reason in words, with the
    rule, version, lock or owner that decided it (X1). `merged_into`: the lead that the requested lead was added to
    (R6). `org`: the org of the action; nobody else gets the answer. `call_from`: the promised time is within the lead's
    quiet hours; from then on it may be called, in the lead's own time (M7).
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
    call_from: datetime | None = None


class OwnerChanged(DecisionBase, frozen=True, tag="owner_changed"):
    """The owner of the lead changed, or the lead lost its owner. Becomes one record of `assignments`.

    `overrides`: the rules that a manager overrode for it, with a reason: `licence`, `cap` (M6). `place`: the action for
    which a place with the new owner was reserved (M6).
    """

    rep_id: str | None
    previous_rep_id: str | None
    how: str
    via: str | None
    why: str
    overrides: tuple[str, ...] = ()
    place: str | None = None


class QueueEntered(DecisionBase, frozen=True, tag="queue_entered"):
    """The lead entered a queue. `why` says which conditions it met, by rule version."""

    queue_id: str
    sort_key: str
    rules_version: int
    why: str
    columns: dict[str, Any] = msgspec.field(default_factory=dict)


class QueueLeft(DecisionBase, frozen=True, tag="queue_left"):
    """The lead left a queue."""

    queue_id: str
    why: str


class QueueMoved(DecisionBase, frozen=True, tag="queue_moved"):
    """The lead got another position in a queue it is in, or shows other columns there."""

    queue_id: str
    sort_key: str
    rules_version: int
    why: str
    columns: dict[str, Any] = msgspec.field(default_factory=dict)


class LockTaken(DecisionBase, frozen=True, tag="lock_taken"):
    """A rep opened the lead and got its lock (D1)."""

    rep_id: str
    until: datetime
    epoch: int


class LockReleased(DecisionBase, frozen=True, tag="lock_released"):
    """The lock ended: by an action, a release, an assignment, or because it expired (D2)."""

    rep_id: str
    why: str


class LockFreed(DecisionBase, frozen=True, tag="lock_freed"):
    """A manager freed the lead that `rep_id` had open (M6). The rep is told `why`."""

    rep_id: str
    freed_by: str
    why: str


class OutcomeRecorded(DecisionBase, frozen=True, tag="outcome_recorded"):
    """A rep worked the lead and recorded its outcome."""

    rep_id: str
    outcome: str
    note: str | None = None


class NoteRecorded(DecisionBase, frozen=True, tag="note_recorded"):
    """A rep recorded a note."""

    rep_id: str
    note: str


class ActivityRecorded(DecisionBase, frozen=True, tag="activity_recorded"):
    """A rep did something with the lead (M3). `kind`: one of `models.activities.ActivityKind`.

    `contact`: by the org's settings it counts as contact, so it sets when the lead was last contacted.
    """

    rep_id: str
    kind: str
    contact: bool = False
    note: str | None = None


class ExceptionRaised(DecisionBase, frozen=True, tag="exception_raised"):
    """The lead became an exception, because nobody could be given it (E1)."""

    reason: str
    explanation: tuple[dict[str, Any], ...]


class ExceptionIgnored(DecisionBase, frozen=True, tag="exception_ignored"):
    """A manager hid the exception from the desk (E4)."""

    rep_id: str


class ExceptionResolved(DecisionBase, frozen=True, tag="exception_resolved"):
    """The lead is no longer an exception: it was assigned or claimed, or a queue takes it now.

    `reason`, `explanation`, `raised_at`: the values of the resolved exception, for `lead-exceptions`.
    """

    reason: str
    why: str
    explanation: tuple[dict[str, Any], ...] = ()
    raised_at: datetime | None = None


class ClaimReopened(DecisionBase, frozen=True, tag="claim_reopened"):
    """An admin let a claimed lead enter claimable queues again, which Q10 otherwise forbids.

    `rep_id` records the admin.
    """

    rep_id: str
    claimed_through: str | None


class LeadReopened(DecisionBase, frozen=True, tag="lead_reopened"):
    """A manager reopened a closed lead (M1). `rep_id` is the manager; `owner` is who has the lead again, if anybody."""

    rep_id: str
    owner: str | None
    why: str


class LeadClosed(DecisionBase, frozen=True, tag="lead_closed"):
    """An outcome closed the lead."""

    outcome: str


class AnswerIgnored(DecisionBase, frozen=True, tag="answer_ignored"):
    """The org answered a request that is already over. Nothing changed (X3)."""

    answer: str
    epoch: int
    why: str


class DeadlineIgnored(DecisionBase, frozen=True, tag="deadline_ignored"):
    """A deadline had an old epoch or came before its time. Nothing changed (X3)."""

    kind: str
    epoch: int
    why: str


Decision = (
    LeadAccepted
    | SharedHandleFound
    | PreassignmentNotFollowed
    | ArrivalRepeated
    | InquiryAdded
    | MergedInto
    | ArrivalDropped
    | InquiryErased
    | LeadErased
    | SuppressionRecorded
    | ContactForbidden
    | ConsentRecorded
    | Answered
    | OwnerChanged
    | QueueEntered
    | QueueLeft
    | QueueMoved
    | LockTaken
    | LockReleased
    | LockFreed
    | CallbackSet
    | CallbackDue
    | CallbackNoticeWithdrawn
    | OutcomeRecorded
    | NoteRecorded
    | ActivityRecorded
    | FactsCorrected
    | ExceptionRaised
    | ExceptionIgnored
    | ExceptionResolved
    | ClaimReopened
    | LeadReopened
    | LeadClosed
    | RepSought
    | LeadOffered
    | WindowMoved
    | OfferEnded
    | OfferDeclined
    | NobodyAvailable
    | ConnectRequested
    | HungUp
    | PlaceSought
    | PlaceReturned
    | MergeSought
    | MergeReturned
    | InquirySplit
    | LeadSplit
    | AnswerIgnored
    | DeadlineIgnored
)
