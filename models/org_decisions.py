"""What an org decided, in words that need no other record: each candidate it did not take has its reason (R9, X1)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from models.org import OrgRow, RepChange


class Why(StrEnum):
    """Why a rep was not given a lead (R9)."""

    UNKNOWN = "unknown"
    INACTIVE = "inactive"
    LICENCE = "licence"
    GROUP_FILTER = "group_filter"
    OWN_FILTER = "own_filter"
    TRIED = "tried"
    ABSENT = "absent"
    HOURS = "hours"
    OPEN_CAP = "cap"
    DAILY_CAP = "daily_cap"
    RINGING = "ringing"
    PAUSED = "paused"
    GROUP = "group"
    """The group itself takes nobody: unknown, empty, or a queue."""


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """One candidate, or where `rep_id` is None all of them or the rest, and why not, in a word and in a sentence."""

    rep_id: str | None
    reason: Why
    why: str


class _OrgDecision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Decisions are tagged by their name, so that a journal can be read without this code."""


class OfferMade(_OrgDecision, frozen=True, tag="offer_made"):
    """It is this rep's turn. `passed`: who came before it and why not (R9).

    `window_seconds`: physical; None is an assignment for good (R1). `due`: when the window ends if it begins now,
    pauses counted (R4); None if it never does.
    """

    lead_id: str
    epoch: int
    group_id: str
    rep_id: str
    method: str
    window_seconds: int | None
    due: datetime | None
    why: str
    passed: tuple[Rejected, ...] = ()


class RingStarted(_OrgDecision, frozen=True, tag="ring_started"):
    """These reps are called, or shown the button, at once (S1, S5). `passed`: everybody else of the group, and why."""

    lead_id: str
    epoch: int
    group_id: str
    reps: tuple[str, ...]
    method: str
    ring_seconds: int
    due: datetime
    why: str
    passed: tuple[Rejected, ...] = ()


class NoRepAvailable(_OrgDecision, frozen=True, tag="no_rep_available"):
    """Nobody can be given the lead now (E1): `no_available_agents`, `all_agents_tried` or `transfers_paused`.

    `waits`: it keeps its place in the org and is offered by itself once somebody can take it; `until`: the earliest
    instant at which time alone may change that.
    """

    lead_id: str
    epoch: int
    group_id: str
    reason: str
    explanation: tuple[Rejected, ...]
    waits: bool = False
    until: datetime | None = None


class StillWaiting(_OrgDecision, frozen=True, tag="still_waiting"):
    """A lead that waits was looked at again, and nobody can take it yet."""

    lead_id: str
    epoch: int
    until: datetime | None = None


class OfferVoided(_OrgDecision, frozen=True, tag="offer_voided"):
    """An offer is over for a rep, by no answer of its own. `remaining`: for whom the lead still rings."""

    lead_id: str
    epoch: int
    rep_id: str
    why: str
    remaining: tuple[str, ...] = ()


class LeadOrphaned(_OrgDecision, frozen=True, tag="lead_orphaned"):
    """The lead's owner left (X2)."""

    lead_id: str
    epoch: int
    rep_id: str
    why: str


class CapacityTaken(_OrgDecision, frozen=True, tag="capacity_taken"):
    """A lead counts among those its owner has open."""

    lead_id: str
    rep_id: str
    held: int


class CapacityReturned(_OrgDecision, frozen=True, tag="capacity_returned"):
    """What a lead took of a rep is free again. `turn`: used up by it, or owed to the rep (R7)."""

    lead_id: str
    rep_id: str
    why: str
    turn: str | None = None


class RepStatusChanged(_OrgDecision, frozen=True, tag="rep_status_changed"):
    """A rep left, is away, or is back. `remaining`: its leads that later slices are to let go of (X2)."""

    rep_id: str
    change: RepChange
    until: datetime | None = None
    remaining: int = 0


class OrgEventIgnored(_OrgDecision, frozen=True, tag="org_event_ignored"):
    """The event was late, a repeat, or spoke of something the org does not know: nothing changed (X3)."""

    object_id: str
    why: str


OrgDecision = (
    OfferMade
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
    """What one event led to: the rows as they are after it, each once, and what was decided, in order."""

    rows: tuple[OrgRow, ...]
    decisions: tuple[OrgDecision, ...]


def explained(rejected: tuple[Rejected, ...]) -> tuple[dict[str, Any], ...]:
    """Return an explanation as `lead-exceptions` shows it: who and why."""
    return tuple(
        {"why": each.why} if each.rep_id is None else {"rep_id": each.rep_id, "why": each.why}
        for each in rejected
    )
