"""Defines the state of one lead as one frozen record, and the row that stores it in the journal."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from models.corrections import Corrections
from models.decisions import Answered, Decision
from models.facts import Facts
from models.kept_answers import NO_ANSWERS, all_of
from models.merging import KeptInquiry, Merge
from models.offers import RejectedCandidate
from models.open_exception import OpenException

ANSWERS_KEPT: Final = 32
"""The number of newest answers that a row keeps, to repeat them word for word (X4). Older ones are remembered by
`LeadRow.answered`."""


BEFORE_THE_LOG: Final = -1
"""The `LeadRow.off` of a row that no event of its log made: it was brought from a Kafka with another number of
partitions (`application.partition_move`)."""


class Phase(StrEnum):
    """The phase of a lead. Every lead is in exactly one phase at every moment (X7)."""

    QUEUED = "queued"
    """The lead has no owner and is in one queue or more."""
    LOCKED = "locked"
    """The lead has no owner. One rep has it open, so it is in no queue (D1)."""
    OFFERED = "offered"
    """The lead has no owner. Its group is asked for a rep, or it is offered to one rep, or rings with several (R3, S1,
    S5)."""
    OWNED = "owned"
    """One rep owns the lead. An aged lead is also in claimable queues (Q11)."""
    WORKING = "working"
    """One rep owns the lead and has it open (D1)."""
    EXCEPTION = "exception"
    """The lead has no owner and no queue takes it. A manager decides (E1)."""
    IGNORED = "ignored"
    """A manager hid the lead from the exceptions desk. It can still be assigned (E4)."""
    CLOSED = "closed"
    """A closing outcome was recorded."""


OWNED_PHASES: Final = frozenset({Phase.OWNED, Phase.WORKING})
LOCKED_PHASES: Final = frozenset({Phase.LOCKED, Phase.WORKING})


class DeadlineKind(StrEnum):
    """The purpose of a deadline."""

    LOCK = "lock"
    """The lock expires (D2)."""
    CALLBACK = "callback"
    """A promised call is due (D4)."""
    RULES = "rules"
    """A relative-date rule changes its result (Q2)."""
    OFFER = "offer"
    """A claim window, a ring or a New Lead button expires (R3, S4, S5)."""
    RETENTION = "retention"
    """A closed lead has been kept as long as its org keeps closed leads. It is erased."""


class Deadline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An instant at which something happens, unless a newer epoch has made the deadline obsolete (X3)."""

    kind: DeadlineKind
    due: datetime
    epoch: int


class Lock(msgspec.Struct, frozen=True, gc=False):
    """A lock: one rep has the lead open until `until` (D1)."""

    rep_id: str
    since: datetime
    until: datetime
    epoch: int


class QueuePlacement(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A lead's entry in one queue: the rule version that put it there, and its sort key in the queue."""

    rules_version: int
    sort_key: str
    since: datetime


class DistributionStatus(StrEnum):
    """The stage of a lead's distribution."""

    REQUESTED = "asked"
    """The org has not answered yet."""
    OFFERED = "offered"
    """The lead is offered to one rep for a window."""
    RINGING = "ringing"
    """The lead is offered to several reps. The first to accept wins."""
    PAUSED = "paused"
    """Transfers are paused. The org continues by itself (R4)."""
    IN_LINE = "in_line"
    """All reps who may have the lead are on a ring. It rings next, or is answered again at its ring time's end (M9)."""
    WAITING = "waiting"
    """Nobody may have the lead now. The org offers it by itself once somebody may; until then the queues may take it
    (E1)."""


HELD_BACK: Final = frozenset(
    {
        DistributionStatus.REQUESTED,
        DistributionStatus.OFFERED,
        DistributionStatus.RINGING,
        DistributionStatus.PAUSED,
        DistributionStatus.IN_LINE,
    }
)
"""The stages in which a lead is in no queue, because a rep is about to get it."""


OPEN_OFFERS: Final = frozenset({DistributionStatus.OFFERED, DistributionStatus.RINGING})
"""The stages in which the lead is offered to the reps of its distribution."""


class Distribution(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A lead's current distribution: its group looks for a rep.

    `epoch`: the epoch of the request; answers of the org and of the reps name it (X3). `reps`: the reps who have the
    offer now. `until`: when the offer expires. `window_seconds`: the length of its claim window (R3). `tried`: the reps
    tried in this round (R8). `campaign`: the campaign that the distributed arrival named, empty if none; None in rows
    of earlier versions.
    """

    group_id: str
    epoch: int
    stage: DistributionStatus = DistributionStatus.REQUESTED
    method: str | None = None
    reps: tuple[str, ...] = ()
    until: datetime | None = None
    tried: tuple[str, ...] = ()
    window_seconds: int | None = None
    campaign: str | None = None


class Round(msgspec.Struct, frozen=True, gc=False):
    """A round of distribution that was interrupted and may go on (M5). Fields as in `Distribution`."""

    campaign: str | None = None
    tried: tuple[str, ...] = ()


class Failure(msgspec.Struct, frozen=True, gc=False):
    """The reason why distribution found nobody (E1).

    It becomes the reason of the exception if no queue takes the lead.
    """

    reason: str
    explanation: tuple[RejectedCandidate, ...] = ()


class DueNotification(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Who was told that the promised call is due, and under which epoch (M7)."""

    rep_id: str
    epoch: int


class Lead(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The whole state of one lead after the last event of its log.

    `placements`: queue id -> placement, for every shared queue the lead is in. `evaluated`: the version of the org's
    rules with which its placements were computed. `epoch` only grows; each deadline and lock takes the next one.
    `claimed_through`: the claimable queue it was claimed from, kept for its whole history (Q10). `lapsed`: the rep
    whose lock expired last, at `lapsed_at`. That rep may still act for a day, until somebody else takes the lead, and
    is then told that the lock had expired (D2). `deferred_at`: when a callback without a time sent it to the end of its
    queues (D4). `open_distribution`: its current distribution. `failed`: why the last one failed, until somebody has
    the lead. `round`: the round of a distribution that ended without an owner, because somebody opened or ignored the
    lead (M5). `owned_epoch`: the epoch under which its owner took it; the org knows it by this epoch. `distribution`,
    `description`: its group's method and its campaign's description, as they were when it arrived or was last
    distributed (E2). `inquiries`: the number of the person's inquiries, including its own arrival (R6). `suppressed`:
    handle on the do-not-contact list -> why (X6). `org_log_offset`: the highest `org-log` offset among its org's
    messages about arrivals and that list; a message that does not exceed it is a repeat. `activities`: the number of
    recorded activities. `owner_last_contacted_at`: when the owner last contacted the lead, since it is the owner's
    (M3). `hung_up_epoch`: the `owned_epoch` under which the owner hung up its ring (S2). `due_notification`: who was
    told that the promised call is due, until somebody contacts the lead (M7). `corrections`: what people corrected of
    its facts (M2). `owner_left`: whether its owner has left and still has it, as the owner of a closed lead does.
    `queue_since`: when it came to its owner, lost its owner, or was reopened; None before that, and in rows of earlier
    versions (M4). `hashes`: the keyed hashes of the phones, mail addresses and names of all its arrivals
    (`models.erasure`). `closed_at`: since when it is closed. `erased_at`: when its facts were erased; such a lead stays
    closed. `joined`: inquiry id -> the inquiry, for those that can be taken out again, the oldest first; `merged`: into
    which lead it was merged; such a lead stays closed until it is taken out (K5). `split_from`: the leads that it was
    taken out of, the oldest first, at most `models.merging.MAX_FORMER`.
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
    due_notification: DueNotification | None = msgspec.field(default=None, name="due_notice")
    claimed_through: str | None = None
    lapsed: str | None = None
    lapsed_at: datetime | None = None
    last_contacted_at: datetime | None = None
    owner_last_contacted_at: datetime | None = None
    owner_left: bool = False
    queue_since: datetime | None = None
    last_outcome: str | None = None
    deferred_at: datetime | None = None
    inquiries: int = 1
    notes: int = 0
    activities: int = 0
    hung_up_epoch: int = -1
    open_exception: OpenException | None = msgspec.field(default=None, name="trouble")
    open_distribution: Distribution | None = msgspec.field(default=None, name="search")
    round: Round | None = None
    failed: Failure | None = None
    owned_epoch: int = msgspec.field(default=0, name="taken")
    distribution: str | None = None
    description: str | None = None
    placements: dict[str, QueuePlacement] = msgspec.field(default_factory=dict, name="places")
    evaluated: int = -1
    deadlines: tuple[Deadline, ...] = ()
    epoch: int = 0
    org_log_offset: int = msgspec.field(default=-1, name="placed")
    suppressed: dict[str, str] = {}
    corrections: Corrections | None = None
    hashes: tuple[str, ...] = ()
    closed_at: datetime | None = None
    erased_at: datetime | None = None
    joined: dict[str, KeptInquiry] = {}
    merged: Merge | None = None
    split_from: tuple[str, ...] = ()

    @property
    def silenced(self) -> bool:
        """Whether the lead must not be called, because its vendor or the do-not-contact list says so (X6)."""
        return self.facts.silenced or bool(self.suppressed)

    @property
    def in_queue_since(self) -> datetime:
        """Since when the lead is in its owner's queue, or, without an owner, since when nobody has it (M4)."""
        return self.queue_since or self.assigned_at or self.arrived_at

    @property
    def call_is_due(self) -> bool:
        """Whether a promised call is due. The call's deadline is gone then, and `callback_at` stays (D4, M7)."""
        return self.callback_at is not None and self.deadline(DeadlineKind.CALLBACK) is None

    def deadline(self, kind: DeadlineKind) -> Deadline | None:
        """Return the current deadline of a kind; there is at most one."""
        for deadline in self.deadlines:
            if deadline.kind is kind:
                return deadline
        return None


class LeadRow(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="lead"
):
    """One lead in the journal: its state after one event, and the decisions of that event.

    `off`: the `lead-log` offset of the last applied event; an event at or below it is a replay. `seq`: the version of
    the lead, which grows by one with every change; `0` while there is no lead. `lead`: None if somebody acted on a lead
    that never arrived; the answer is kept all the same. `cause`: the id of the action or event. `at`: the broker's
    time. `kept`: the newest answers (`models.kept_answers`). `answered`: the actions that were answered before those,
    for 30 days (rules/lead/answered.py).
    `merged_into`: the lead to which the arrival of this id was added as another inquiry (R6).
    `merged_org`: the org of both, so that no other org learns of it; empty in rows of earlier versions.
    """

    off: int
    seq: int
    lead: Lead | None
    at: datetime
    cause: str
    decisions: tuple[Decision, ...] = ()
    kept: msgspec.Raw = msgspec.field(default=NO_ANSWERS, name="answers")
    answered: bytes = b""
    merged_into: str | None = None
    merged_org: str = ""

    @property
    def answers(self) -> tuple[Answered, ...]:
        """The newest answers, word for word, the oldest first (X4)."""
        return all_of(self.kept)


class DirectoryRow(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="row", tag="directory"
):
    """One object of the directory as this partition of the journal knows it.

    Rules reach the leads through the log.
    """

    off: int
    org: str
    kind: str
    object_id: str
    version: int
    value: dict[str, Any] | None
    at: datetime


Row = LeadRow | DirectoryRow
