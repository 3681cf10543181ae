"""Defines the messages between a lead and its org about finding a rep: the org's answers, and how an offer can end.

The org decides the answers (`models.org_decisions`); the lead's log receives them (`models.events`).
"""

from datetime import datetime
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How an offer ended, from the lead's point of view."""

    CLAIMED = "claimed"
    TIMEOUT = "timeout"
    DECLINED = "declined"
    VOIDED = "voided"
    """The offer ended for a reason outside the rep's control. The rep's turn is not used up (R7)."""


class RejectionReason(StrEnum):
    """The reason why a rep was not given a lead (R9)."""

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
    """The group itself gives the lead to nobody: it is unknown, empty, or a queue."""


class RejectedCandidate(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One rejected candidate, with the reason as a word and as a sentence.

    `rep_id` None: all candidates, or the rest.
    """

    rep_id: str | None
    reason: RejectionReason
    why: str


class OrgDecisionBase(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="type"
):
    """Base of the org's decisions. The JSON tag is the decision's name, so a journal can be read without this code."""


class OfferMade(OrgDecisionBase, frozen=True, tag="offer_made"):
    """The lead is offered to this rep. `passed`: the candidates before this rep, and why each was rejected (R9).

    `window_seconds`: physical seconds; None means a permanent assignment (R1). `due`: when the window ends if it begins
    now, pauses included (R4); None if it does not end.
    """

    lead_id: str
    epoch: int
    group_id: str
    rep_id: str
    method: str
    window_seconds: int | None
    due: datetime | None
    why: str
    passed: tuple[RejectedCandidate, ...] = ()


class RingStarted(OrgDecisionBase, frozen=True, tag="ring_started"):
    """The lead rings with these reps at once, or they all see the button (S1, S5).

    `passed`: all other members of the group, and why.
    """

    lead_id: str
    epoch: int
    group_id: str
    reps: tuple[str, ...]
    method: str
    ring_seconds: int
    due: datetime
    why: str
    passed: tuple[RejectedCandidate, ...] = ()


class NoRepAvailable(OrgDecisionBase, frozen=True, tag="no_rep_available"):
    """No rep can be given the lead now (E1).

    `reason`: `no_available_agents`, `all_agents_tried`, `transfers_paused`, or `all_agents_ringing` if the lead
    waits for its turn to ring (M9).

    `waits`: the lead keeps its position among the waiting leads of the org, which offers it by itself once a rep can
    take it (M5). Records of earlier versions have False if only a change of the directory could make a rep available.
    `until`: the earliest instant at which time alone may change that.
    """

    lead_id: str
    epoch: int
    group_id: str
    reason: str
    explanation: tuple[RejectedCandidate, ...]
    waits: bool = False
    until: datetime | None = None


class OfferVoided(OrgDecisionBase, frozen=True, tag="offer_voided"):
    """An offer ended for a rep without an answer by that rep. `remaining`: the reps with whom the lead still rings."""

    lead_id: str
    epoch: int
    rep_id: str
    why: str
    remaining: tuple[str, ...] = ()


class LeadOrphaned(OrgDecisionBase, frozen=True, tag="lead_orphaned"):
    """The lead's owner left the org (X2)."""

    lead_id: str
    epoch: int
    rep_id: str
    why: str


OrgAnswer = OfferMade | RingStarted | NoRepAvailable | OfferVoided | LeadOrphaned
"""The decisions that an org sends to a lead. It keeps all others to itself."""
