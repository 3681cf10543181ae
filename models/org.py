"""The events of an org's log, and the rows that store its reps, groups and leads.

There is one row for each rep, for each group, and for each lead that waits for a rep, is offered, or is owned by one.
An event changes some of them. The changed rows and the decisions are one step, which is written atomically
(docs/design.md, `orgs`).
"""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from models.events import ActionRequested, DirectoryPublished
from models.facts import Facts
from models.lead import Lead
from models.merging import MergedLead, OrgMerged, OrgSplit
from models.offers import Outcome
from models.persons import OrgCorrection
from models.places import ReservedPlace

# -- events ----------------------------------------------------------------------------------------------


class _OrgEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
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
    come back as a new one. `hashes`: the keyed hashes to keep.
    """

    lead_id: str
    rep_id: str | None = None
    hashes: tuple[str, ...] = ()


class ContactListed(_OrgEvent, frozen=True, tag="contact_listed"):
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

    `lead`: the current lead, for filters and licences; its places and deadlines may be left out. `tried`: the reps
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


class LeadClosed(_OrgEvent, frozen=True, tag="org_lead_closed"):
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


OrgEvent = (
    PersonArrived
    | ErasureRequested
    | LeadForgotten
    | ContactListed
    | LeadCorrected
    | RepRequested
    | OfferSettled
    | LeadTaken
    | LeadReleased
    | LeadClosed
    | PlaceRequested
    | PlaceUnused
    | MergeRequested
    | LeadMerged
    | MergeUnused
    | InquiryTakenOut
    | RepChanged
    | OrgWoken
    | DirectoryPublished
)

# -- rows ------------------------------------------------------------------------------------------------


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """A rep's place in one group's turn order (R7).

    `served`: the number of the rep's last turn, 0 if there was none; it only grows. `owed`: the number of voided turns,
    which are made up first.
    """

    served: int = 0
    owed: int = 0


NO_TURN = Turn()


class OrgRep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_rep"):
    """The capacity of a rep. No offer and no reserved place makes `open_leads` exceed the rep's `max_open` (R9, M6).

    `held`: leads the rep owns. `offered`: the rep's open offers and rings. `places`: reserved for actions that
    are being decided (M6). `today`: leads offered on `day`, a date in the rep's time zone, without those that were
    voided. `ring`: the lead that rings with the rep now (S4); a New Lead button does not ring (M9). `turns`: by
    group. `wake`: when to check again for leads that wait for the rep, or to continue work that one event did not
    finish.
    """

    rep_id: str
    held: int = 0
    offered: int = 0
    places: tuple[ReservedPlace, ...] = ()
    day: date | None = None
    today: int = 0
    ring: str | None = None
    turns: dict[str, Turn] = {}
    left: bool = False
    away: bool = False
    away_until: datetime | None = None
    wake: datetime | None = None

    @property
    def open_leads(self) -> int:
        """The number of leads that count against the rep's cap: owned, offered, and those with a reserved place."""
        return self.held + self.offered + len(self.places)


class Review(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rest of a check of a group's waiting leads after a change (M5). One event checks a part of them.

    `after`, `end`: the numbers of waiting leads that are left, from the first exclusive to the last inclusive.
    `reps`: the reps whose terms changed; empty if the group itself changed. `states`: the states that a change of
    licences is about; None for all. `why`: what changed. `renews`: leads whose reasons changed are told too.
    """

    after: int
    end: int
    why: str
    reps: tuple[str, ...] = ()
    states: tuple[str | None, ...] | None = None
    renews: bool = True


class OrgGroup(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_group"
):
    """A group's counters. `turns`: turns given. `waits`: waits begun. `resting`: who made up an owed turn last (R7).

    `lags`: if weights differ, how far each member is behind its exact share of the turns. One turn is
    `rules.org.turn_order.SCALE` units. A member that is not listed is neither behind nor ahead. `review`: the part of
    a check of its waiting leads that is left; `wake`: when it goes on.
    """

    group_id: str
    turns: int = 0
    waits: int = 0
    lags: dict[str, int] = {}
    resting: str | None = None
    review: Review | None = None
    wake: datetime | None = None


class Stage(StrEnum):
    """The stage of a lead in its org. A lead without a row requests nothing and takes no capacity."""

    WAITING = "waiting"
    OFFERED = "offered"
    RINGING = "ringing"
    HELD = "held"
    GONE = "gone"
    """The row is to be removed. The journal keeps it, so that no older version of the row is restored."""


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """The capacity that an offer takes of one rep: one open lead, one count of `day`, and a turn if `turn` is set."""

    rep_id: str
    day: date | None = None
    turn: bool = False


class OrgLead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_lead"):
    """The org's row of one lead. `holds`: the capacity it takes; of one rep, or of several while it rings.

    While the lead waits: `number` is its place among the group's waiting leads. `lead` and `tried` are those of the
    request. `wake` is when time alone may make a rep available. `paused`: the lead was told that transfers are paused
    (R4). `parked`: only a change of the directory or of the lead can make a rep available, not time or capacity (M5).
    `told`: a checksum of the reasons that the lead was told. `line_until`: until then the lead waits for its turn to
    ring (M9).
    """

    lead_id: str
    epoch: int
    stage: Stage
    since: datetime
    group_id: str | None = None
    method: str | None = None
    holds: tuple[Hold, ...] = ()
    number: int = 0
    lead: Lead | None = None
    tried: tuple[str, ...] = ()
    wake: datetime | None = None
    paused: bool = False
    line_until: datetime | None = None
    parked: bool = False
    told: int = 0


class OrgPerson(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_person"
):
    """The person of one arrival: the arrival and its handles belong to lead `lead_id` (R6). Only erasure changes it.

    `handles`: joining handles that no lead had before. `shared`: joining handles that another lead had first. `apart`:
    handles that do not join but are reached by the do-not-contact list (K1). `more`: a resend brought further handles;
    `place` is then the `org-log` offset of the resend, part of the record's key. `erased`: the lead was erased, so the
    row has no handles and replaces the one that had them.
    `name`: the digest of its last name. `met`: joining handle -> digests of the last names it was met with, which do
    not follow from the lead's own arrival. The last three are missing in rows of earlier versions.
    """

    arrival_id: str
    lead_id: str
    handles: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    more: bool = False
    apart: tuple[str, ...] = ()
    name: str | None = None
    met: dict[str, tuple[str, ...]] = {}
    place: int = -1
    erased: bool = False


class OrgErased(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_erased"
):
    """The keyed hash of a phone, mail address or name of an erased person (`models.erasure`).

    `returned`: the person came again, and the org's settings let the person be a new lead.
    """

    hash: str
    at: datetime
    returned: bool = False


class DoNotContactRow(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_barred"
):
    """A handle's entry in the do-not-contact list (X6). `reason` None: it was taken off the list.

    `at`: since when, as stated by the sender; otherwise when the record was received. `erased`: the row is a tombstone,
    because its key is the handle of an erased person.
    """

    handle: str
    reason: str | None = None
    at: datetime | None = None
    erased: bool = False


OrgRow = (
    OrgRep
    | OrgGroup
    | OrgLead
    | OrgPerson
    | OrgErased
    | OrgCorrection
    | OrgMerged
    | OrgSplit
    | DoNotContactRow
)
