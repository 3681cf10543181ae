"""The decisions of an org. Each candidate that was passed over has its reason (R9, X1)."""

from datetime import datetime
from typing import Any

import msgspec

from models.offers import (
    LeadOrphaned,
    NoRepAvailable,
    OfferMade,
    OfferVoided,
    OrgDecisionBase,
    Rejected,
    RingStarted,
)
from models.org import OrgRow, RepChange
from models.persons import ArrivalPlaced, ContactBarred


class StillWaiting(OrgDecisionBase, frozen=True, tag="still_waiting"):
    """A waiting lead was tried again, and nobody can take it yet."""

    lead_id: str
    epoch: int
    until: datetime | None = None


class CapacityTaken(OrgDecisionBase, frozen=True, tag="capacity_taken"):
    """A lead counts among those its owner has open."""

    lead_id: str
    rep_id: str
    held: int


class CapacityReturned(OrgDecisionBase, frozen=True, tag="capacity_returned"):
    """What a lead took of a rep is free again. `turn`: used up by it, or owed to the rep (R7)."""

    lead_id: str
    rep_id: str
    why: str
    turn: str | None = None


class RepStatusChanged(OrgDecisionBase, frozen=True, tag="rep_status_changed"):
    """A rep left, is away, or is back. `remaining`: its leads that later slices are to let go of (X2)."""

    rep_id: str
    change: RepChange
    until: datetime | None = None
    remaining: int = 0


class OrgEventIgnored(OrgDecisionBase, frozen=True, tag="org_event_ignored"):
    """The event was late, a repeat, or spoke of something the org does not know: nothing changed (X3)."""

    object_id: str
    why: str


OrgDecision = (
    ArrivalPlaced
    | ContactBarred
    | OfferMade
    | RingStarted
    | NoRepAvailable
    | StillWaiting
    | OfferVoided
    | LeadOrphaned
    | CapacityTaken
    | CapacityReturned
    | RepStatusChanged
    | OrgEventIgnored
)


class Step(msgspec.Struct, frozen=True):
    """The result of one event: the changed rows, each once, and the decisions in order."""

    rows: tuple[OrgRow, ...]
    decisions: tuple[OrgDecision, ...]


def explained(rejected: tuple[Rejected, ...]) -> tuple[dict[str, Any], ...]:
    """Return an explanation as `lead-exceptions` shows it: who and why."""
    return tuple(
        {"why": each.why} if each.rep_id is None else {"rep_id": each.rep_id, "why": each.why}
        for each in rejected
    )


# -- what is written ------------------------------------------------------------------------------------


class OrgStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="org_step"):
    """One event of an org's log in the journal: what it decided. Its changed rows follow in the same batch.

    `off`: the event's offset in `org-log`. `source`, `mark`: which partition of the lead journal it came from and its
    number there; a relay that repeats itself is known by them. `at`: the broker's time; it never runs backwards.
    """

    off: int
    org: str
    at: datetime
    cause: str
    source: str = ""
    mark: int = -1
    decisions: tuple[OrgDecision, ...] = ()


class OrgKept(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", tag="org_kept"):
    """One row of an org as the event at `off` left it."""

    off: int
    org: str
    value: OrgRow
