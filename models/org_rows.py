"""Defines the rows that store an org's reps, groups, leads and persons.

There is one row for each rep, for each group, and for each lead that waits for a rep, is offered, or is owned by one.
The events that change them are in `models.org_events`.
"""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from models.lead import Lead
from models.merging import OrgMerged, OrgSplit
from models.persons import OrgCorrection
from models.reserved_place import ReservedPlace


class Turn(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A rep's position in one group's turn order (R7).

    `served`: the number of the rep's last turn, 0 if there was none; it only grows. `owed`: the number of voided turns,
    which are made up first.
    """

    served: int = 0
    owed: int = 0


NO_TURN = Turn()


class OrgRep(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_rep"
):
    """The capacity of a rep. No offer and no reserved place makes `open_leads` exceed the rep's `max_open` (R9, M6).

    `held`: leads the rep owns. `offered`: the rep's open offers and rings. `places`: reserved for actions that
    are being decided (M6). `today`: leads offered on `day`, a date in the rep's time zone, without those that were
    voided. `ring`: the lead that rings with the rep now (S4); a New Lead button does not ring (M9). `turns`: by
    group. `wake`: when to check again for leads that wait for the rep, or to continue work that one event did not
    finish. `had_last`: the rep has had a lead since it chose to have one more, so it is offered none (R9).
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
    had_last: bool = False

    @property
    def open_leads(self) -> int:
        """The number of leads that count against the rep's cap: owned, offered, and those with a reserved place."""
        return self.held + self.offered + len(self.places)


class Review(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_group"
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


class OrgLeadStatus(StrEnum):
    """The stage of a lead in its org. A lead without a row requests nothing and takes no capacity."""

    WAITING = "waiting"
    OFFERED = "offered"
    RINGING = "ringing"
    HELD = "held"
    GONE = "gone"
    """The row is to be removed. The journal keeps it, so that no older version of the row is restored."""


class CapacityHold(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The capacity that an offer takes of one rep: one open lead, one count of `day`, and a turn if `turn` is set."""

    rep_id: str
    day: date | None = None
    turn: bool = False


class OrgLead(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_lead"
):
    """The org's row of one lead. `holds`: the capacity it takes; of one rep, or of several while it rings.

    While the lead waits: `number` is its position among the group's waiting leads. `lead` and `tried` are those of the
    request. `wake` is when time alone may make a rep available. `paused`: the lead was told that transfers are paused
    (R4). `parked`: only a change of the directory or of the lead can make a rep available, not time or capacity (M5).
    `reported`: a checksum of the reasons that the lead was told. `line_until`: until then the lead waits for its turn
    to ring (M9).
    """

    lead_id: str
    epoch: int
    stage: OrgLeadStatus
    since: datetime
    group_id: str | None = None
    method: str | None = None
    holds: tuple[CapacityHold, ...] = ()
    number: int = 0
    lead: Lead | None = None
    tried: tuple[str, ...] = ()
    wake: datetime | None = None
    paused: bool = False
    line_until: datetime | None = None
    parked: bool = False
    reported: int = msgspec.field(default=0, name="told")


class OrgPerson(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_person"
):
    """The person of one arrival: the arrival and its handles belong to lead `lead_id` (R6). Only erasure changes it.

    `handles`: joining handles that no lead had before. `shared`: joining handles that another lead had first. `apart`:
    handles that do not join but are reached by the do-not-contact list (K1). `more`: a resend brought further handles;
    `resend_offset` is then the `org-log` offset of the resend, part of the record's key. `erased`: the lead
    was erased, so the row has no handles and replaces the one that had them.
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
    resend_offset: int = msgspec.field(default=-1, name="place")
    erased: bool = False


class OrgErased(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_erased"
):
    """The keyed hash of a phone, mail address or name of an erased person (`models.erasure`).

    `returned`: the person came again, and the org's settings let the person be a new lead.
    """

    hash: str
    at: datetime
    returned: bool = False


class DoNotContactRow(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_barred"
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
