"""Defines the events of an org's log (docs/design.md, `orgs`).

An event changes some of the org's rows (`models.org_rows`). The changed rows and the decisions are one step, which is
written atomically.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from models.events import ActionRequested, DirectoryPublished
from models.facts import Facts
from models.lead import Lead
from models.merging import MergedLead
from models.offers import Outcome


class _OrgEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of the org events. The JSON tag is the event's name.

    `org` is the record's key in the log. `cause` is an id; a repeat of the event has the same one.
    """

    cause: str
    org: str = "default"


class PersonArrived(_OrgEvent, frozen=True, tag="person_arrived"):
    """A vendor sent a lead. The org decides which lead the arrival belongs to (R6).

    `lead_id`: the arrival's own lead id, as defined in docs/contracts. `hashes`: the keyed hashes of its phone, mail
    address and name (`models.erasure`); none where intake has no key.
    """

    lead_id: str
    facts: Facts
    hashes: tuple[str, ...] = ()


class ErasureRequested(_OrgEvent, frozen=True, tag="erasure_requested"):
    """Somebody requests that a person is erased. `cause` is the action id, `answer_to` the id of the answer's row.

    The person is named by `lead_id`, the id of a lead or of an arrival that was added to one, or by `digest`, the
    digest of a phone or mail address in hex (`models.persons.handle_digest`), with its keyed hash in `hashes`.
    `preview`: the answer names the leads, and none is erased.
    """

    rep_id: str
    answer_to: str
    lead_id: str | None = None
    digest: str | None = None
    hashes: tuple[str, ...] = ()
    preview: bool = False


class LeadForgotten(_OrgEvent, frozen=True, tag="lead_forgotten"):
    """A lead was erased. The org forgets its person.

    `rep_id`: who requested it; None if a retention period ended. Then only this lead is forgotten, and the person may
    come back as a new one. `hashes`: the keyed hashes to keep. `former`: the leads that it was taken out of.
    """

    lead_id: str
    rep_id: str | None = None
    hashes: tuple[str, ...] = ()
    former: tuple[str, ...] = ()


class DoNotContactPublished(_OrgEvent, frozen=True, tag="contact_listed"):
    """A handle was put on the do-not-contact list, or taken off it (`reason` None) (X6).

    `version`: the record's offset in `do-not-contact`. It only grows, except in repeats. `erased`: the handle is an
    erased person's, so nothing may keep it.
    """

    handle: str
    version: int
    reason: str | None = None
    at: datetime | None = None
    erased: bool = False


class LeadCorrected(_OrgEvent, frozen=True, tag="lead_corrected"):
    """A person corrected a lead's facts (M2). A waiting request, open offers and the index of persons follow.

    `epoch`: that of the lead's request for a rep, if it has one. `lead`: the lead with its new facts. `handles`: its
    phone and mail address, as far as a person corrected them. `removed`: every handle that is not the lead's any more.
    `changed`: the handles that this correction added or removed.
    """

    lead_id: str
    epoch: int
    lead: Lead
    handles: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class RepRequested(_OrgEvent, frozen=True, tag="rep_requested"):
    """A lead requests a rep from a group. `epoch`: the lead's epoch; every request has a higher one (X3).

    `lead`: the current lead, for filters and licences; its placements and deadlines may be left out. `tried`: the reps
    tried in this round (R8). If it is not empty, the request is a transfer, which a pause delays (R4).
    """

    lead_id: str
    epoch: int
    group_id: str
    lead: Lead
    tried: tuple[str, ...] = ()


class OfferSettled(_OrgEvent, frozen=True, tag="offer_settled"):
    """An offer or a ring ended, or one rep of a ring declined. `epoch`: the epoch of the request.

    `rep_id`: the rep who claimed or declined; None ends the offer for all its reps. The event also withdraws a waiting
    request.
    """

    lead_id: str
    epoch: int
    outcome: Outcome
    rep_id: str | None = None


class LeadTaken(_OrgEvent, frozen=True, tag="lead_taken"):
    """A lead got an owner without an offer.

    It arrived assigned (R5), was claimed from a queue, or was assigned by hand. `place`: the action for which the
    owner's place was reserved (M6); None if none was.
    """

    lead_id: str
    epoch: int
    rep_id: str
    place: str | None = None


class PlaceRequested(_OrgEvent, frozen=True, tag="place_requested"):
    """An action would give a lead to a rep, whose open leads are capped. The org reserves a place or refuses (M6)."""

    lead_id: str
    rep_id: str
    action: ActionRequested


class PlaceUnused(_OrgEvent, frozen=True, tag="place_unused"):
    """The place that was reserved for an action is not needed (M6)."""

    lead_id: str
    rep_id: str
    action_id: str
    why: str


class LeadReleased(_OrgEvent, frozen=True, tag="lead_released"):
    """The lead has no owner, and no rep is sought for it. The capacity it took is returned."""

    lead_id: str
    epoch: int


class OrgLeadClosed(_OrgEvent, frozen=True, tag="org_lead_closed"):
    """The lead was closed. The capacity it took is returned."""

    lead_id: str
    epoch: int


class RepChange(StrEnum):
    """The kinds of change of a rep's status."""

    LEFT = "left"
    ABSENT = "absent"
    RETURNED = "returned"


class RepChanged(_OrgEvent, frozen=True, tag="rep_changed"):
    """A rep left (X2), is absent from now until `until` (None: until a return is reported), or returned."""

    rep_id: str
    change: RepChange
    until: datetime | None = None


class WakeKind(StrEnum):
    """The kind of row that is woken."""

    LEAD = "lead"
    REP = "rep"
    GROUP = "group"


class OrgWoken(_OrgEvent, frozen=True, tag="org_woken"):
    """The `wake` instant of a row was reached.

    The event is a hint: the row says whether this instant still applies (X3).
    """

    kind: WakeKind
    object_id: str
    due: datetime


class MergeRequested(_OrgEvent, frozen=True, tag="merge_requested"):
    """A manager wants to merge a lead into another one. The org answers with the action (K5)."""

    lead_id: str
    action: ActionRequested


class LeadMerged(_OrgEvent, frozen=True, tag="lead_merged"):
    """A lead was merged into lead `into`, as the org granted. The org passes on what it brings (K5)."""

    lead_id: str
    into: str
    why: str
    facts: Facts
    brought: MergedLead
    hashes: tuple[str, ...] = ()


class MergeUnused(_OrgEvent, frozen=True, tag="merge_unused"):
    """A lead did not follow a merge that the org granted for the action `action_id` (K5)."""

    lead_id: str
    action_id: str
    why: str


class InquiryTakenOut(_OrgEvent, frozen=True, tag="inquiry_taken_out"):
    """A manager took an inquiry out of a lead. The fields are those of `models.merging_decisions.InquirySplit`."""

    lead_id: str
    inquiry_id: str
    rep_id: str
    why: str
    facts: Facts
    handles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    merged: bool = False


class InquiryForgotten(_OrgEvent, frozen=True, tag="inquiry_forgotten"):
    """A lead knows that one that was taken out of it is erased. The org's newest step of its log repeats no fact then.

    Nothing of the org changes. `inquiry_id`: the erased lead.
    """

    lead_id: str
    inquiry_id: str


OrgEvent = (
    PersonArrived
    | ErasureRequested
    | LeadForgotten
    | DoNotContactPublished
    | LeadCorrected
    | RepRequested
    | OfferSettled
    | LeadTaken
    | LeadReleased
    | OrgLeadClosed
    | PlaceRequested
    | PlaceUnused
    | MergeRequested
    | LeadMerged
    | MergeUnused
    | InquiryTakenOut
    | InquiryForgotten
    | RepChanged
    | OrgWoken
    | DirectoryPublished
)
