"""The state of one lead as one frozen record, and the row that carries it through the journal."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from models.decisions import Answered, Decision
from models.facts import Facts
from models.offers import Rejected

ANSWERS_KEPT: Final = 32
"""How many of the newest answers a row keeps, to repeat them word for word (X4). An older action is decided anew,
against a state in which it has already happened: its owner still wins, everybody else still loses."""


class Phase(StrEnum):
    """The phase of a lead. Every lead is in exactly one phase at every moment (X7)."""

    QUEUED = "queued"
    """Nobody owns it; it stands in one queue or more."""
    LOCKED = "locked"
    """Nobody owns it; one rep has it open, so it stands in no queue (D1)."""
    OFFERED = "offered"
    """Nobody owns it; its group is asked for a rep, or it is offered to one, or rings with several (R3, S1, S5)."""
    OWNED = "owned"
    """One rep owns it. An aged one also stands in claimable queues (Q11)."""
    WORKING = "working"
    """One rep owns it and has it open (D1)."""
    EXCEPTION = "exception"
    """Nobody owns it and no queue takes it: a manager decides (E1)."""
    IGNORED = "ignored"
    """A manager hid it from the exceptions desk; still assignable (E4)."""
    CLOSED = "closed"
    """Worked to its end by an outcome that closes."""


OWNED_PHASES: Final = frozenset({Phase.OWNED, Phase.WORKING})
LOCKED_PHASES: Final = frozenset({Phase.LOCKED, Phase.WORKING})


class DeadlineKind(StrEnum):
    """What a deadline is for."""

    LOCK = "lock"
    """The lock expires (D2)."""
    CALLBACK = "callback"
    """A promised call is due (D4)."""
    RULES = "rules"
    """The next instant at which a relative-date rule changes its verdict (Q2)."""
    OFFER = "offer"
    """A claim window, a ring or a New Lead button runs out (R3, S4, S5)."""


class Deadline(msgspec.Struct, frozen=True, array_like=True):
    """An instant at which something happens, unless a newer epoch has made it obsolete (X3)."""

    kind: DeadlineKind
    due: datetime
    epoch: int


class Lock(msgspec.Struct, frozen=True):
    """One rep has the lead open until `until` (D1)."""

    rep_id: str
    since: datetime
    until: datetime
    epoch: int


class QueuePlacement(msgspec.Struct, frozen=True, array_like=True):
    """A lead's place in one queue: the rule version that put it there and its key in the queue's order."""

    rules_version: int
    sort_key: str
    since: datetime


class OpenException(msgspec.Struct, frozen=True):
    """Why a lead is an exception (E1), with the reason each queue or rep did not take it."""

    reason: str
    explanation: tuple[dict[str, Any], ...]
    raised_at: datetime


class Seeking(StrEnum):
    """The stage of a lead's search for a rep."""

    ASKED = "asked"
    """Its org has not answered yet."""
    OFFERED = "offered"
    """One rep has it, for a window."""
    RINGING = "ringing"
    """Several reps have it, and the first of them wins."""
    PAUSED = "paused"
    """Transfers pause; its org goes on by itself (R4)."""
    WAITING = "waiting"
    """Nobody may have it now; its org offers it by itself once somebody may. Meanwhile it is free (E1)."""


HELD_BACK: Final = frozenset({Seeking.ASKED, Seeking.OFFERED, Seeking.RINGING, Seeking.PAUSED})
"""As long as a lead seeks like this it stands in no queue: somebody is about to have it."""


OPEN_OFFERS: Final = frozenset({Seeking.OFFERED, Seeking.RINGING})
"""Stages in which the lead is offered to the reps of its search."""


class Search(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lead's search for a rep through its group.

    `epoch`: of the request; the org's answers and the reps' name it (X3). `reps`: who has the offer now. `until`: when
    it runs out. `tried`: who was tried in this round (R8).
    """

    group_id: str
    epoch: int
    stage: Seeking = Seeking.ASKED
    method: str | None = None
    reps: tuple[str, ...] = ()
    until: datetime | None = None
    tried: tuple[str, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """Why distribution gave the lead to nobody (E1): the reason of its exception, should no queue take it."""

    reason: str
    explanation: tuple[Rejected, ...] = ()


class Lead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole state of one lead after the last event of its log.

    `places`: queue id -> place, for every shared queue it stands in. `evaluated`: the version of the org's rules its
    places were computed with. `epoch` only grows; each deadline and lock takes the next. `claimed_through`: the
    claimable queue it was won from, for its whole history (Q10). `lapsed`: the rep whose lock ran out last; that rep
    may still act until somebody else takes the lead, and is then told that the lock had run out (D2). `deferred_at`:
    when a callback without a time sent it to the end of its queues (D4). `search`: its way to a rep, while it is on
    it. `failed`: why the last search came to nothing, until somebody has the lead. `taken`: the epoch under which its
    owner took it, by which the org knows it. `distribution`, `description`: its group's method and its campaign's
    description, as they were when it arrived, or was distributed again (E2). `inquiries`: how often the person
    inquired, its own arrival included (R6). `suppressed`: handle on the do-not-contact list -> why (X6). `placed`: the
    highest offset in `org-log` of what its org told it of arrivals and that list; what does not exceed it is a repeat.
    """

    lead_id: str
    facts: Facts
    phase: Phase
    arrived_at: datetime
    updated_at: datetime
    owner: str | None = None
    how: str | None = None
    via: str | None = None
    assigned_at: datetime | None = None
    lock: Lock | None = None
    callback_at: datetime | None = None
    claimed_through: str | None = None
    lapsed: str | None = None
    last_contacted_at: datetime | None = None
    last_outcome: str | None = None
    deferred_at: datetime | None = None
    inquiries: int = 1
    notes: int = 0
    trouble: OpenException | None = None
    search: Search | None = None
    failed: Failure | None = None
    taken: int = 0
    distribution: str | None = None
    description: str | None = None
    places: dict[str, QueuePlacement] = {}
    evaluated: int = -1
    deadlines: tuple[Deadline, ...] = ()
    epoch: int = 0
    placed: int = -1
    suppressed: dict[str, str] = {}

    @property
    def silenced(self) -> bool:
        """Whether the lead is not to be called: its vendor or the do-not-contact list says so (X6)."""
        return self.facts.silenced or bool(self.suppressed)

    def deadline(self, kind: DeadlineKind) -> Deadline | None:
        """Return the current deadline of a kind; there is at most one."""
        for deadline in self.deadlines:
            if deadline.kind is kind:
                return deadline
        return None


class LeadRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="lead"):
    """One lead in the journal: the state after one event, and what that event decided.

    `off`: the offset in `lead-log` of the event applied last; an event at or below it is a replay. `seq`: the version
    of the lead, +1 with every change; `0` where there is no lead yet. `lead`: None when somebody acted on a lead that
    never arrived; its answer is kept all the same. `cause`: the id of the action or event. `at`: the broker's time.
    `merged_into`: the lead that the arrival of this id was added to as another inquiry (R6).
    """

    off: int
    seq: int
    lead: Lead | None
    at: datetime
    cause: str
    decisions: tuple[Decision, ...] = ()
    answers: tuple[Answered, ...] = ()
    merged_into: str | None = None


class DirectoryRow(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="row", tag="directory"
):
    """One object of the directory as this partition of the journal knows it (rules reach the leads through the log)."""

    off: int
    org: str
    kind: str
    object_id: str
    version: int
    value: dict[str, Any] | None
    at: datetime


Row = LeadRow | DirectoryRow
