"""Defines the decisions of an org. Each rejected candidate has its reason (R9, X1)."""

from datetime import datetime
from typing import Any

import msgspec

from models.events import ActionRequested
from models.offers import (
    LeadOrphaned,
    NoRepAvailable,
    OfferMade,
    OfferVoided,
    OrgDecisionBase,
    RejectedCandidate,
    RingStarted,
)
from models.org_events import RepChange
from models.org_rows import OrgRow
from models.persons import (
    ArrivalPlaced,
    ArrivalTurnedAway,
    DoNotContactChanged,
    ErasureOrder,
    HandleRetired,
    HandlesCorrected,
    PersonForgotten,
)


class LeadStillWaiting(OrgDecisionBase, frozen=True, tag="still_waiting"):
    """A waiting lead was tried again, and still no rep can take it."""

    lead_id: str
    epoch: int
    until: datetime | None = None


class CapacityTaken(OrgDecisionBase, frozen=True, tag="capacity_taken"):
    """A lead counts as an open lead of its owner."""

    lead_id: str
    rep_id: str
    held: int


class CapacityReturned(OrgDecisionBase, frozen=True, tag="capacity_returned"):
    """The capacity that a lead took of a rep is free again. `turn`: used up by the lead, or owed to the rep (R7)."""

    lead_id: str
    rep_id: str
    why: str
    turn: str | None = None


class PlaceDecided(OrgDecisionBase, frozen=True, tag="place_decided"):
    """A place with a rep was reserved for an action, or refused because of the rep's cap (M6).

    `open`, `most`, `error`: as in `models.reserved_place.PlaceAnswer`. `action`: goes back to the lead with the answer.
    """

    lead_id: str
    rep_id: str
    granted: bool
    action: ActionRequested
    open: int = 0
    most: int | None = None
    error: str | None = None


class MergeDecided(OrgDecisionBase, frozen=True, tag="merge_decided"):
    """The org grants that `lead_id` is merged into `into`, or refuses it (K5).

    `action`: goes back to the lead with the answer.
    """

    lead_id: str
    into: str
    granted: bool
    action: ActionRequested
    why: str


class RepStatusChanged(OrgDecisionBase, frozen=True, tag="rep_status_changed"):
    """A rep left, is absent, or returned.

    `remaining`: the number of the rep's leads that later slices must release (X2).
    """

    rep_id: str
    change: RepChange
    until: datetime | None = None
    remaining: int = 0


class OrgEventIgnored(OrgDecisionBase, frozen=True, tag="org_event_ignored"):
    """The event was late, a repeat, or named something the org does not know. Nothing changed (X3)."""

    object_id: str
    why: str


OrgDecision = (
    ArrivalPlaced
    | ArrivalTurnedAway
    | ErasureOrder
    | PersonForgotten
    | DoNotContactChanged
    | HandlesCorrected
    | HandleRetired
    | OfferMade
    | RingStarted
    | NoRepAvailable
    | LeadStillWaiting
    | OfferVoided
    | LeadOrphaned
    | CapacityTaken
    | CapacityReturned
    | PlaceDecided
    | MergeDecided
    | RepStatusChanged
    | OrgEventIgnored
)


class StepResult(msgspec.Struct, frozen=True, gc=False):
    """The result of one event: the changed rows, each once, and the decisions in order."""

    rows: tuple[OrgRow, ...]
    decisions: tuple[OrgDecision, ...]


def explain_rejected(rejected: tuple[RejectedCandidate, ...]) -> tuple[dict[str, Any], ...]:
    """Return an explanation in the form of `lead-exceptions`: rep and reason."""
    return tuple(
        {"why": candidate.why}
        if candidate.rep_id is None
        else {"rep_id": candidate.rep_id, "why": candidate.why}
        for candidate in rejected
    )


# -- records ---------------------------------------------------------------------------------------------


class OrgStep(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="org_step"
):
    """One event of an org's log in the journal, with its decisions. The changed rows follow in the same batch.

    `off`: the event's offset in `org-log`. `source`, `source_number`: the partition of the lead journal it came from,
    and its number there; they identify the repeats of a relay. `at`: the broker's time; it never goes back.
    """

    off: int
    org: str
    at: datetime
    cause: str
    source: str = ""
    source_number: int = msgspec.field(default=-1, name="mark")
    decisions: tuple[OrgDecision, ...] = ()


class OrgRowKept(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="row", tag="org_kept"):
    """One row of an org after the event at `off`."""

    off: int
    org: str
    value: OrgRow
