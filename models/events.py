"""Defines the events of a lead's log. The time of an event is the broker's timestamp, not a field."""

from datetime import datetime
from typing import Any, Final

import msgspec

from models.facts import Facts
from models.merging import MergeAnswer, SplitFrom
from models.offers import OrgAnswer
from models.persons import Inquiry
from models.reserved_place import PlaceAnswer


class _Event(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of the events. The JSON tag is the event's name.

    `lead_id` is the record's key in the log. `cause` is an id; a repeat of the event has the same one.
    """

    lead_id: str
    cause: str


class LeadArrived(_Event, frozen=True, tag="lead_arrived"):
    """A vendor sent a lead, and its org decided which lead the arrival belongs to (R6).

    `cause`: the cause of the arrival. `inquiry`: set if the arrival is another inquiry of the lead; None if it is the
    lead's own arrival. `forbidden`: its handles on the do-not-contact list, with the reason (X6). `org_log_offset`: the
    offset of the event by which the org decided. It only grows for one lead, so a repeat can be recognised. -1: the
    arrival did not come through an org. `maybe`, `id_reused`: as in `models.persons.ArrivalPlaced` (K2, K6). `doubt`:
    these two in words. `hashes`: the keyed hashes of its phone, mail address and name (`models.erasure`). `split`: the
    lead was taken out of another one (K5); `facts` are those of its arrival.
    """

    facts: Facts
    inquiry: Inquiry | None = None
    forbidden: dict[str, str] = msgspec.field(default_factory=dict, name="barred")
    org_log_offset: int = msgspec.field(default=-1, name="place")
    maybe: tuple[str, ...] = ()
    id_reused: str | None = None
    doubt: str | None = None
    hashes: tuple[str, ...] = ()
    split: SplitFrom | None = None


class ArrivalMerged(_Event, frozen=True, tag="arrival_merged"):
    """The arrival with this id does not become a lead of its own.

    It was added to lead `into` as another inquiry (R6). `org`: the org of both; empty in records of earlier versions.
    """

    into: str
    why: str
    org: str = ""


class ArrivalRefused(_Event, frozen=True, tag="arrival_refused"):
    """The arrival with this id is one of an erased person. It was not taken, and has no facts here."""

    why: str


class ErasureOrdered(_Event, frozen=True, tag="erasure_ordered"):
    """The lead's org found that the lead is one of a person who is to be erased.

    The lead decides it as the action `erase` of `rep_id`. `cause` is the id of its answer. `hashes`: the keyed hashes
    of the phone or mail address by which the lead was found. `retention`: as in `models.persons.ErasureOrder`.
    """

    org: str
    rep_id: str
    why: str
    hashes: tuple[str, ...] = ()
    retention: bool = False


class ErasureFound(_Event, frozen=True, tag="erasure_found"):
    """The answer to a request to erase a person. `cause` is the id of the request; `lead_id` is made for the answer.

    `leads`: the leads that are to be erased; each answers `{cause}/{its id}`.
    """

    org: str
    rep_id: str
    leads: tuple[str, ...]
    why: str


class SuppressionChanged(_Event, frozen=True, tag="suppression_changed"):
    """A handle of the lead was put on its org's do-not-contact list, or taken off it (`reason` None) (X6).

    `org_log_offset`: as in `LeadArrived`. `why`: as in `models.persons.DoNotContactChanged`.
    """

    handle: str
    reason: str | None = None
    why: str | None = None
    org_log_offset: int = msgspec.field(default=-1, name="place")


class HandleShared(_Event, frozen=True, tag="handle_shared"):
    """A handle of the lead was met with too many last names; it joins nobody any more (K1).

    `leads`: as in `models.persons.HandleRetired`. `org_log_offset`: as in `LeadArrived`.
    """

    handle: str
    leads: tuple[str, ...] = ()
    org_log_offset: int = msgspec.field(default=-1, name="place")


class FormerInquiryErased(_Event, frozen=True, tag="former_inquiry_erased"):
    """A lead that a manager had taken out of this one was erased, so the newest record of this one repeats no fact.

    `inquiry_id`: the erased lead.
    """

    inquiry_id: str


class CorrectionChecked(_Event, frozen=True, tag="correction_checked"):
    """The org knows the phones and mail addresses that a person corrected (M2).

    `handles`: those added or removed. `forbidden`: which of them are on the do-not-contact list, and why (X6).
    `org_log_offset`: as in `LeadArrived`.
    """

    handles: tuple[str, ...]
    forbidden: dict[str, str] = msgspec.field(default_factory=dict, name="barred")
    org_log_offset: int = msgspec.field(default=-1, name="place")


NO_ORG: Final = ""
"""The org of an action whose own `org` cannot be read. No lead belongs to it, so the answer reveals nothing of any
lead."""


class ActionRequested(_Event, frozen=True, tag="action_requested"):
    """A person or a CRM requests something (docs/contracts, `lead-actions`). `cause` is the action id.

    `action`: the contract's `type`. The other fields belong to some actions only. `invalid`: names a field that could
    not be read, and why; such an action is answered with reason `invalid` and changes nothing. `over_limit`: why the
    claim is over its rep's limit, and when it may be tried again; it is answered `too_many_claims` and changes nothing.
    `facts`: the corrected facts, normalised; None is empty (M2). `hashes`: the keyed hashes of a corrected phone, mail
    address and name (`models.erasure`). `attributes`: all other fields that were sent. `place`: the org's
    answer, if the action needs a place with a rep and came back from the org with it (M6). `merge`: the org's answer to
    the action `merge`, once it came back from the org (K5).
    """

    action: str
    rep_id: str
    org: str = "default"
    queue_id: str | None = None
    outcome: str | None = None
    note: str | None = None
    at: datetime | None = None
    epoch: int | None = None
    to_rep_id: str | None = None
    from_rep_id: str | None = None
    why: str | None = None
    kind: str | None = None
    into_lead_id: str | None = None
    inquiry_id: str | None = None
    facts: dict[str, Any] | None = None
    view_only: bool = False
    override_licence: bool = False
    override_cap: bool = False
    invalid: str | None = None
    over_limit: str | None = None
    hashes: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    place: PlaceAnswer | None = None
    merge: MergeAnswer | None = None


class DeadlinePassed(_Event, frozen=True, tag="deadline_passed"):
    """A timer found a deadline due. The event is a hint: the row says whether the epoch is still current (X3)."""

    kind: str
    due: datetime
    epoch: int


class RulesChanged(_Event, frozen=True, tag="rules_changed"):
    """A sweep found that the lead's queues may differ under this version of the org's rules (Q6)."""

    version: int


class OrgAnswered(_Event, frozen=True, tag="org_answered"):
    """The lead's org found a rep for it, found nobody, or took a rep away (R3, S1, X2).

    The answer names the epoch of the request. `cause`: `org/{org}/{offset in org-log}/{n}`; a repeat has the same one.
    """

    answer: OrgAnswer


class DirectoryPublished(_Event, frozen=True, tag="directory_published"):
    """An admin published, changed or removed (`value` None) one object of an org. `lead_id` is empty.

    `version`: the record's offset in the `directory` topic; it only grows. The event is appended to every partition of
    `lead-log`.
    """

    org: str
    kind: str
    object_id: str
    version: int
    value: dict[str, Any] | None = None


Event = (
    LeadArrived
    | ArrivalMerged
    | ArrivalRefused
    | ErasureOrdered
    | ErasureFound
    | SuppressionChanged
    | HandleShared
    | FormerInquiryErased
    | CorrectionChecked
    | ActionRequested
    | DeadlinePassed
    | RulesChanged
    | OrgAnswered
    | DirectoryPublished
)
