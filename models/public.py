"""Defines the public messages, field for field as described in docs/contracts, "Out". Fields are only ever added."""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from models.results import Reason, Result

ORG_LOG: Final = "org-log"
"""Not public: the topic through which leads inform their org. Its messages are effects of lead records, like public
ones."""
LEAD_DECISIONS: Final = "lead-decisions"
ASSIGNMENTS: Final = "assignments"
LEAD_EXCEPTIONS: Final = "lead-exceptions"
QUEUE_CHANGES: Final = "queue-changes"
NOTIFICATIONS: Final = "notifications"
DELIVERIES: Final = "deliveries"
CALLS: Final = "calls"
DEAD_LETTERS: Final = "dead-letters"
ERASURES: Final = "erasures"
VENDOR_REPORTS: Final = "vendor-reports"
DO_NOT_CONTACT: Final = "do-not-contact"
"""Inbound, and also written by the relay: for outcomes that forbid contact, and for recorded consent (M8)."""

TELEPHONE: Final = "telephone"
"""The vendor of leads that call in (N5)."""

Change = Literal["entered", "left", "moved"]
Defined = Literal["defined", "removed"]
Status = Literal["open", "ignored", "resolved"]


class LeadDecision(msgspec.Struct, frozen=True, kw_only=True):
    """`lead-decisions`: the one answer to one action (X4). `why`: the reason in words (X1).

    `merged_into`: the lead does not exist, because its arrival was added to this other lead as an inquiry (R6). `org`:
    the org of the action; empty if it could not be read, or in records of earlier versions. `call_from`: the promised
    time of a callback is within the lead's quiet hours; from then on it may be called, in the lead's own time (M7).
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
    org: str = ""
    call_from: datetime | None = None


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`assignments`: who owns a lead now. `rep_id` None: nobody. `lead`: the lead's facts; unknown ones are null."""

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


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """`assignments`, `lead-exceptions`: the lead was erased. It is sent as a tombstone: the lead's key and no value."""


class ErasureReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """`erasures`, key `org/receipt_id`: a person was erased. It has no personal data.

    `by`: the admin. `leads`: the ids of the erased leads, which stay as empty leads. `named_by`: how the person was
    named: lead, phone or email. `places`: what was removed, by place. `left_until`: when Kafka's retention removes the
    rest, by topic; empty if everything was deleted at once. `key_id`: the key of the hashes that were kept.
    """

    receipt_id: str
    org: str
    by: str
    at: datetime
    named_by: str
    leads: tuple[str, ...]
    places: dict[str, int]
    key_id: str
    left_until: dict[str, datetime] = {}


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """`erasures`, key `purged`: the logs were deleted up to `at`. `deleted`: the number of offsets, by topic.

    What happened before can no longer be compared with the logs.
    """

    at: datetime
    deleted: dict[str, int]


class LeadException(msgspec.Struct, frozen=True, kw_only=True):
    """`lead-exceptions`: one line of the exceptions desk with the columns of E2.

    `description` and `distribution` are null until the lead's campaign and distribution group are known.
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

    `version`: the lead's version. `queue_id`: the id of a shared queue, or `rep/{rep_id}` for a rep's own queue.
    `sort_key`: readers sort a queue by its UTF-8 bytes, ascending, then by lead id. `columns`: what the queue may show
    of the lead, with its name under `name` (Q3). Both `columns` and `sort_key` are empty when the lead left. In a rep's
    own queue, a lead that is offered to the rep also has the columns `offer` (true), `method`, `group_id`, `epoch` and
    `until` while the offer is open (R3, S1, S5). A lead that the rep owns has no `offer`. `state`: the lead's,
    by which lists say whether a rep has the licence (M6); a list shows it only if `columns` has it too.
    """

    queue_id: str
    lead_id: str
    change: Change
    sort_key: str
    columns: dict[str, Any]
    version: int
    org: str
    state: str | None = None


class QueueDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """`queue-changes`, key `directory/{org}/{queue_id}`: a queue was published or removed.

    `version`: the version of the publication, which is independent of the leads' versions.
    """

    queue_id: str
    change: Defined
    name: str
    description: str
    claimable: bool
    columns: tuple[str, ...]
    sort: dict[str, str]
    teams: tuple[str, ...]
    reps: tuple[str, ...]
    outcomes: tuple[str, ...]
    version: int
    org: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications`: a mail, a push message or a call request. `withdrawn`: the request with this id is void.

    `org`: the org of lead and rep; empty in records of earlier versions.
    """

    notification_id: str
    kind: Literal["email", "push", "call"]
    template: str
    rep_id: str
    lead_id: str
    epoch: int
    withdrawn: bool
    data: dict[str, Any]
    org: str = ""


Fate = Literal["sent", "delivered", "bounced", "withdrawn", "failed"]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """`deliveries`: the fate of a request of `notifications` (N1). A request may have several, one after the other.

    `sent`: the provider took it. `delivered`: it reached the rep. `bounced`: the rep's address is refused.
    `withdrawn`: it was over, or the rep does not want it; nothing was sent, or what was sent was taken back.
    `failed`: it was not sent. `provider`: who carried it, such as the host of the mail server. `detail`: the reason,
    in the provider's words where it gave any.
    """

    notification_id: str
    channel: Literal["email", "push", "call", "chat"]
    status: Fate
    provider: str
    detail: str
    at: datetime
    lead_id: str
    rep_id: str
    org: str


class VendorReport(msgspec.Struct, frozen=True, kw_only=True):
    """`vendor-reports`: what became of what one vendor sent in one hour (V6). The newest record of an hour counts.

    `begins_at`: the beginning of the hour, in UTC. `vendor`: empty for messages that name none. `accepted`: new leads.
    `assigned` and `claimed`: of these leads, those that somebody got up to now, and those that a rep claimed.
    `reused_ids`: of these leads, those whose id came with another person before (K6). `resends`: arrivals with a known
    id. `inquiries`: arrivals of known persons. `refused`: reason -> messages that are no leads. `remarks`: remark ->
    leads and inquiries with it (V2, V5). `version`: grows with each change of the record.
    """

    org: str
    vendor: str
    begins_at: datetime
    accepted: int
    resends: int
    inquiries: int
    reused_ids: int
    assigned: int
    claimed: int
    refused: dict[str, int]
    remarks: dict[str, int]
    version: int


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`calls`: what happened to one leg of one call (N4). `call_id`: the call of one request.

    `leg`: the rep's or the lead's telephone, or `inbound` for a lead that calls in. `digit`: the one that was pressed.
    `seconds`: how long the leg was connected, when it ended. `reason`: why it ended: hung_up, busy, no_answer,
    rejected, failed, lost, no_digit, withdrawn, time_over; or why the lead was not dialled: quiet_hours, suppressed,
    no_phone. `system`: the courier's name of its telephone system, which ends what it left open.
    """

    call_id: str
    notification_id: str
    lead_id: str
    rep_id: str
    leg: Literal["rep", "lead", "inbound"]
    event: Literal["dialled", "ringing", "answered", "pressed", "bridged", "ended"]
    digit: str | None
    at: datetime
    seconds: float | None
    org: str
    reason: str | None = None
    system: str | None = None


class ContactListing(msgspec.Struct, frozen=True, kw_only=True):
    """`do-not-contact`: why a phone or mail address must not be contacted, since when, and which lead's log decided it.

    Consent is a record without a value (M8).
    """

    reason: str
    at: datetime
    lead_id: str
    rep_id: str


class DeadLetterHeaders(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """`dead-letters`: the headers, as text, in addition to the message's own. The value is the message's bytes as sent.

    `error_class`: a short stable word. `reason`: the field and what is wrong with it. `failed_stage`: the stage that
    could not accept the message. `source_timestamp`: the message's Kafka timestamp in milliseconds. A message that is
    too large is cut: `value_cut_from` and `key_cut_from` give the original number of bytes, `headers_dropped` the
    number of missing headers, `headers_changed` the number of headers that could not be kept unchanged. A header of the
    message that has one of these names gets the prefix `original-`, so that each name occurs once.
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


MINE: Final = "mine"
"""How the console names the own queue of whoever asks."""


def personal_queue(rep_id: str) -> str:
    """Return the id of a rep's own queue (D3)."""
    return f"rep/{rep_id}"
