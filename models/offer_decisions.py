"""Defines the decisions about a lead's distribution, its offers and its rings."""

from datetime import datetime

import msgspec

from models.decision_base import DecisionBase
from models.offers import Outcome, RejectedCandidate


class RepSought(DecisionBase, frozen=True, tag="rep_sought"):
    """The lead requests a rep from its group, other than those it has tried (R3, R8)."""

    group_id: str
    epoch: int
    why: str
    tried: tuple[str, ...] = ()


class LeadOffered(DecisionBase, frozen=True, tag="lead_offered"):
    """The lead was offered: to one rep for a window, or to several reps, of whom the first to accept wins (R3, S1, S5).

    `passed`: the candidates that were rejected, and why (R9). `until` None: the offer does not expire.
    """

    group_id: str
    epoch: int
    method: str
    reps: tuple[str, ...]
    why: str
    until: datetime | None = None
    passed: tuple[RejectedCandidate, ...] = ()


class WindowMoved(DecisionBase, frozen=True, tag="window_moved"):
    """The claim window of an open offer ends at another time, because the group's pause schedule changed (R4).

    `until` None: the offer does not expire, because no gap between pauses is long enough.
    """

    group_id: str
    epoch: int
    why: str
    until: datetime | None = None


class OfferEnded(DecisionBase, frozen=True, tag="offer_ended"):
    """An offer ended for these reps. If nobody has the lead, the org gets the capacity back (X3).

    `winner`: the rep who took the lead, if the offer was made to that rep; `reps` are then the others. If both are
    empty, a request that had not found a rep yet was withdrawn.
    """

    group_id: str
    epoch: int
    outcome: Outcome
    why: str
    reps: tuple[str, ...] = ()
    method: str | None = None
    winner: str | None = None


class OfferDeclined(DecisionBase, frozen=True, tag="offer_declined"):
    """One rep of a ring declined the lead, or is no longer allowed to take it. The others may still take it."""

    rep_id: str
    epoch: int
    why: str
    remaining: tuple[str, ...]
    decided_by_org: bool = msgspec.field(default=False, name="told_by_org")
    group_id: str | None = None


class NobodyAvailable(DecisionBase, frozen=True, tag="nobody_available"):
    """The group has nobody for the lead now. `explanation` gives the reason for each candidate (E1, R9).

    `waits`: the org offers the lead by itself once a rep becomes available. `until`: the instant at which time alone
    may make a rep available.
    """

    group_id: str
    epoch: int
    reason: str
    explanation: tuple[RejectedCandidate, ...]
    waits: bool = False
    until: datetime | None = None


class ConnectRequested(DecisionBase, frozen=True, tag="connect_requested"):
    """A rep is to be connected with the lead: the winner of a ring pressed 1 again, or a rep dials (S2, N7)."""

    rep_id: str


class HungUp(DecisionBase, frozen=True, tag="hung_up"):
    """The winner of a ring hung up and keeps the lead. The ring's call is over, so it cannot be connected (S2)."""

    rep_id: str
