"""The events of an org's log, and the rows in which it remembers reps, groups and leads.

One row per rep, per group, and per lead that waits for a rep, is offered, or is held by one. An event changes some of
them; the changed rows and the decisions are one step, written together or not at all (docs/design.md, `orgs`).
"""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from models.events import DirectoryPublished
from models.facts import Facts
from models.lead import Lead
from models.offers import Outcome

# -- what happens ---------------------------------------------------------------------------------------


class _OrgEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Events are tagged by their name. `org` is the log's key; `cause` is an id that a repeat repeats."""

    cause: str
    org: str = "default"


class PersonArrived(_OrgEvent, frozen=True, tag="person_arrived"):
    """A vendor sent a lead; the org says whose it is (R6). `lead_id`: the arrival's own, as docs/contracts says."""

    lead_id: str
    facts: Facts


class ContactListed(_OrgEvent, frozen=True, tag="contact_listed"):
    """A handle was put on the do-not-contact list; `reason` None: it was taken off (X6).

    `version`: the record's place in `do-not-contact`; only grows, but for repeats.
    """

    handle: str
    version: int
    reason: str | None = None
    at: datetime | None = None


class RepRequested(_OrgEvent, frozen=True, tag="rep_requested"):
    """A lead asks a group for a rep. `epoch`: the lead's; every request takes a higher one (X3).

    `lead`: the lead as it stands, for filters and licences; its places and deadlines may be left out. `tried`: the
    reps tried in this round (R8); with any, this is a transfer, which a pause holds back (R4).
    """

    lead_id: str
    epoch: int
    group_id: str
    lead: Lead
    tried: tuple[str, ...] = ()


class OfferSettled(_OrgEvent, frozen=True, tag="offer_settled"):
    """An offer or a ring ended, or one rep of a ring declined. `epoch`: that of the request.

    `rep_id`: who claimed or declined; None ends it for everyone it was made to. Withdraws a request that waits.
    """

    lead_id: str
    epoch: int
    outcome: Outcome
    rep_id: str | None = None


class LeadTaken(_OrgEvent, frozen=True, tag="lead_taken"):
    """A lead has an owner by other ways: it arrived assigned (R5), was claimed from a queue, or assigned by hand."""

    lead_id: str
    epoch: int
    rep_id: str


class LeadReleased(_OrgEvent, frozen=True, tag="lead_released"):
    """Nobody owns the lead any more, nor is to be found for it: what it took is given back."""

    lead_id: str
    epoch: int


class LeadClosed(_OrgEvent, frozen=True, tag="org_lead_closed"):
    """The lead was worked to its end: what it took is given back."""

    lead_id: str
    epoch: int


class RepChange(StrEnum):
    """How a rep's status changed."""

    LEFT = "left"
    ABSENT = "absent"
    RETURNED = "returned"


class RepChanged(_OrgEvent, frozen=True, tag="rep_changed"):
    """A rep left (X2), is away from now until `until` (None: until it returns), or is back."""

    rep_id: str
    change: RepChange
    until: datetime | None = None


class WakeKind(StrEnum):
    """The kind of row that is woken."""

    LEAD = "lead"
    REP = "rep"


class OrgWoken(_OrgEvent, frozen=True, tag="org_woken"):
    """A row's `wake` came. It is a hint: the row says whether it still means this instant (X3)."""

    kind: WakeKind
    object_id: str
    due: datetime


OrgEvent = (
    PersonArrived
    | ContactListed
    | RepRequested
    | OfferSettled
    | LeadTaken
    | LeadReleased
    | LeadClosed
    | RepChanged
    | OrgWoken
    | DirectoryPublished
)

# -- what is remembered ---------------------------------------------------------------------------------


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """A rep's place in one group's order (R7).

    `served`: the number of its last turn, 0 if it had none; only grows. `owed`: turns that were voided and are made up
    for first.
    """

    served: int = 0
    owed: int = 0


NO_TURN = Turn()


class OrgRep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_rep"):
    """The open leads of a rep. No offer makes `held` + `offered` exceed the rep's `max_open` (R9).

    `held`: leads it owns. `offered`: offers and rings open with it. `today`: leads offered on `day`, a date of its own
    calendar, that did not come to nothing. `ring`: the lead that rings with it now (S4). `turns`: by group. `wake`:
    when to look again at what waits for it, or at what one event left to do.
    """

    rep_id: str
    held: int = 0
    offered: int = 0
    day: date | None = None
    today: int = 0
    ring: str | None = None
    turns: dict[str, Turn] = {}
    left: bool = False
    away: bool = False
    away_until: datetime | None = None
    wake: datetime | None = None


class OrgGroup(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_group"
):
    """A group's counters: `turns` given, `waits` begun.

    `lags`: where weights differ, how far each member is behind its exact share of the turns, in parts of one
    (`rules.org.turn_order.SCALE`); a member that is not in it is neither behind nor ahead.
    """

    group_id: str
    turns: int = 0
    waits: int = 0
    lags: dict[str, int] = {}


class Stage(StrEnum):
    """The stage of a lead in its org. A lead without a row requests nothing and takes no capacity."""

    WAITING = "waiting"
    OFFERED = "offered"
    RINGING = "ringing"
    HELD = "held"
    GONE = "gone"
    """Its row is to be removed. The journal keeps it, so that no older one comes back."""


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """The capacity an offer took of one rep: one open lead, one count of `day`, and with `turn` a turn."""

    rep_id: str
    day: date | None = None
    turn: bool = False


class OrgLead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_lead"):
    """One lead that the org keeps a row of. `holds`: the capacity it takes, of one rep unless it rings.

    While it waits: `number`, its place among those that wait for the group; `lead`, `tried`, as asked; `wake`, when
    time alone may have found it somebody; `paused`, that it was told so (R4).
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


class OrgPerson(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_person"
):
    """One arrival's person: arrival and handles belong to lead `lead_id` (R6). Never changed.

    `handles`: nobody had them before. `shared`: another lead had them first. `more`: a resend brought further ones.
    """

    arrival_id: str
    lead_id: str
    handles: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    more: bool = False


class OrgBarred(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_barred"
):
    """A handle on the do-not-contact list; `reason` None: not any more (X6). `at`: since when, as was said."""

    handle: str
    reason: str | None = None
    at: datetime | None = None


OrgRow = OrgRep | OrgGroup | OrgLead | OrgPerson | OrgBarred
