"""The messages between a lead and its org about finding a rep: the org's answers, and how an offer may end.

The org decides them (`models.org_decisions`), the lead's log takes them in (`models.events`).
"""

from datetime import datetime
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How an offer ended, as the lead saw it."""

    CLAIMED = "claimed"
    TIMEOUT = "timeout"
    DECLINED = "declined"
    VOIDED = "voided"
    """It came to nothing through no doing of the rep's: the turn is not used up (R7)."""


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


class OrgDecisionBase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Decisions are tagged by their name, so that a journal can be read without this code."""


class OfferMade(OrgDecisionBase, frozen=True, tag="offer_made"):
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


class RingStarted(OrgDecisionBase, frozen=True, tag="ring_started"):
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


class NoRepAvailable(OrgDecisionBase, frozen=True, tag="no_rep_available"):
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


class OfferVoided(OrgDecisionBase, frozen=True, tag="offer_voided"):
    """An offer is over for a rep, by no answer of its own. `remaining`: for whom the lead still rings."""

    lead_id: str
    epoch: int
    rep_id: str
    why: str
    remaining: tuple[str, ...] = ()


class LeadOrphaned(OrgDecisionBase, frozen=True, tag="lead_orphaned"):
    """The lead's owner left (X2)."""

    lead_id: str
    epoch: int
    rep_id: str
    why: str


OrgAnswer = OfferMade | RingStarted | NoRepAvailable | OfferVoided | LeadOrphaned
"""What an org tells a lead; everything else it decides is its own affair."""
