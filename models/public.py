"""The messages others may rely on, field for field as docs/contracts, "Out", says; fields are only added."""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from models.decisions import Reason, Result

ORG_LOG: Final = "org-log"
"""Not public: where leads tell their org; its messages are effects of lead records like the public ones."""
LEAD_DECISIONS: Final = "lead-decisions"
ASSIGNMENTS: Final = "assignments"
LEAD_EXCEPTIONS: Final = "lead-exceptions"
QUEUE_CHANGES: Final = "queue-changes"
NOTIFICATIONS: Final = "notifications"
DEAD_LETTERS: Final = "dead-letters"

Change = Literal["entered", "left", "moved"]
Defined = Literal["defined", "removed"]
Status = Literal["open", "ignored", "resolved"]


class LeadDecision(msgspec.Struct, frozen=True, kw_only=True):
    """`lead-decisions`: the one answer to one action (X4). `why`: the reason in words (X1).

    `merged_into`: there is no such lead, because its arrival was added to this one as another inquiry (R6).
    """

    action_id: str
    lead_id: str
    rep_id: str
    type: str
    result: Result
    reason: Reason | None
    owner: str | None
    version: int
    decided_at: datetime
    why: str | None
    merged_into: str | None


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`assignments`: who owns a lead now (`rep_id` None: nobody). `lead`: its facts, unknown ones as null."""

    lead_id: str
    org: str
    rep_id: str | None
    previous_rep_id: str | None
    how: str
    via: str | None
    assigned_at: datetime
    version: int
    cause: str
    lead: dict[str, Any]


class LeadException(msgspec.Struct, frozen=True, kw_only=True):
    """`lead-exceptions`: one line of the exceptions desk with the columns of E2.

    `description` and `distribution` are null until a lead knows its campaign and its distribution group.
    """

    lead_id: str
    org: str
    status: Status
    reason: str | None
    explanation: tuple[dict[str, Any], ...]
    prospect_name: str
    campaign: str | None
    description: str | None
    distribution: str | None
    vendor: str
    loan_purpose: str | None
    loan_amount: int | float | None
    state: str | None
    created_at: datetime | None
    raised_at: datetime | None
    version: int


class QueueChange(msgspec.Struct, frozen=True, kw_only=True):
    """`queue-changes`: a lead entered, left or moved within one queue.

    `version`: the lead's. `queue_id`: a shared queue's, or `rep/{rep_id}` for a rep's own. `sort_key`
    orders a queue by its UTF-8 bytes, ascending, then by lead id. `columns`: what the queue may show of the
    lead, its name under `name` (Q3); empty, like `sort_key`, when it left. In a rep's own queue a lead that is
    offered to the rep has `offer` true, `method`, `group_id`, `epoch` and `until` among them, until that is over
    (R3, S1, S5); a lead the rep owns has no `offer`.
    """

    queue_id: str
    lead_id: str
    change: Change
    sort_key: str
    columns: dict[str, Any]
    version: int
    org: str


class QueueDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """`queue-changes`, key `directory/{org}/{queue_id}`: a queue itself was published or removed.

    `version`: the publication's, which has nothing to do with the leads' versions.
    """

    queue_id: str
    change: Defined
    name: str
    description: str
    claimable: bool
    columns: tuple[str, ...]
    sort: dict[str, str]
    teams: tuple[str, ...]
    outcomes: tuple[str, ...]
    version: int
    org: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications`: a mail, a push or a call request. `withdrawn`: what the id asked for is void."""

    notification_id: str
    kind: Literal["email", "push", "call"]
    template: str
    rep_id: str
    lead_id: str
    epoch: int
    withdrawn: bool
    data: dict[str, Any]


class DeadLetterHeaders(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """`dead-letters`: headers, as text, beside those the message came with; the value is its bytes as sent.

    `error_class`: a short stable word. `reason`: field and what is wrong with it. `failed_stage`: which stage could not
    accept it. `source_timestamp`: the message's time in milliseconds, as Kafka has it. What is too large is cut:
    `value_cut_from` and `key_cut_from` say how many bytes there were, `headers_dropped` how many headers are missing,
    `headers_changed` how many could not be kept as they were. A header of the message that has one of these names is
    here with the prefix `original-`, so that each of them is here once.
    """

    error_class: str
    reason: str
    source_topic: str
    source_partition: str
    source_offset: str
    failed_at: datetime
    failed_stage: str | None = None
    source_timestamp: str | None = None
    value_cut_from: str | None = None
    key_cut_from: str | None = None
    headers_dropped: str | None = None
    headers_changed: str | None = None


def personal_queue(rep_id: str) -> str:
    """Return the id of a rep's own queue (D3)."""
    return f"rep/{rep_id}"
