"""Derives public messages from one journal record. The same record always gives the same messages, byte for byte.

One record causes at most one message for each reader's key (assignment, exception, position in a queue). The messages
carry the lead's version, so a reader that keeps the newest version would take the first of two and drop the last.
"""

from typing import Any, Final, get_args

import msgspec

from models.codec import iso_bytes
from models.contact_decisions import ConsentRecorded, ContactForbidden
from models.corrections import FactsCorrected
from models.decisions import (
    Answered,
    AnswerIgnored,
    DeadlineIgnored,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    OwnerChanged,
    QueueEntered,
    QueueLeft,
    QueueMoved,
)
from models.directory import Queue
from models.erasure_decisions import ArrivalDropped, InquiryErased, LeadErased
from models.ids import public_message_ids, public_message_position
from models.lead import DirectoryRow, Lead, LeadRow, Phase
from models.merging_decisions import InquirySplit, MergeReturned, MergeSought
from models.org_events import OrgEvent
from models.public import (
    ASSIGNMENTS,
    DO_NOT_CONTACT,
    LEAD_DECISIONS,
    LEAD_EXCEPTIONS,
    NOTIFICATIONS,
    ORG_LOG,
    QUEUE_CHANGES,
    Assignment,
    ContactListing,
    Erased,
    LeadDecision,
    LeadException,
    Notification,
    QueueChange,
    QueueDefinition,
    Status,
)
from models.reserved_place_decisions import PlaceReturned, PlaceSought
from models.results import Result
from rules.outbound.lead_org_messages import to_org
from rules.outbound.notifications import notifications_of
from rules.queues.personal_queues import own_changes

SOURCE_LOG: Final = "lead-log"
"""The log by whose records public messages are numbered: (partition, offset, n)."""

INDEX_BITS: Final = 20
"""The number of bits for the number of a message within its record. The higher bits hold the record's offset."""

CE_SOURCE: Final = b"/firstclaim/leads"
CE_TYPES: Final[dict[type, bytes]] = {
    LeadDecision: b"firstclaim.lead-decision.v1",
    Assignment: b"firstclaim.assignment.v1",
    LeadException: b"firstclaim.lead-exception.v1",
    QueueChange: b"firstclaim.queue-change.v1",
    QueueDefinition: b"firstclaim.queue-definition.v1",
    Notification: b"firstclaim.notification.v1",
    Erased: b"firstclaim.erased.v1",
    ContactListing: b"firstclaim.contact-listing.v1",
    type(None): b"firstclaim.contact-listing.v1",
    **dict.fromkeys(get_args(OrgEvent), b"firstclaim.org-event.v1"),
}
_SPECVERSION: Final = ("ce_specversion", b"1.0")
_SOURCE: Final = ("ce_source", CE_SOURCE)
_CONTENT: Final = ("content-type", b"application/json")
_TYPES: Final = {message: ("ce_type", name) for message, name in CE_TYPES.items()}

_TOMBSTONES: Final = (type(None), Erased)
_encode: Final = msgspec.json.Encoder().encode


class PublicMessage(msgspec.Struct, frozen=True, gc=False):
    """One message to send: topic, key, value and CloudEvents 1.0 headers (binary mode).

    `removes`: it is sent as a tombstone, and the value is empty. `do-not-contact` loses an entry; in `assignments` and
    `lead-exceptions` it tells the readers that the lead was erased.
    """

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    removes: bool = False

    @property
    def payload(self) -> bytes | None:
        """The value as Kafka gets it: None, a tombstone, where the message removes its key."""
        return None if self.removes else self.value


def public_messages(row: LeadRow | DirectoryRow, key: bytes, partition: int) -> list[PublicMessage]:
    """Return the public messages of a record, in order.

    `key`: the record's key, a lead id. `partition`: the record's partition, the same in log and journal. A repeat of
    the record gives the same messages with the same `ce_id`s. A queue's definition is in every partition's journal and
    is published once, by partition 0. Other directory rows cause no message.
    """
    messages = _of_directory(row, partition) if isinstance(row, DirectoryRow) else _of_lead(row, key)
    if not messages:
        return []
    time = ("ce_time", iso_bytes(row.at))
    origin = public_message_ids(SOURCE_LOG, partition, row.off)
    return [
        PublicMessage(
            topic,
            to,
            b"" if (removes := type(value) in _TOMBSTONES) else _encode(value),
            [("ce_id", b"%b%d" % (origin, n)), _SOURCE, _TYPES[type(value)], _SPECVERSION, time, _CONTENT],
            removes,
        )
        for n, (topic, to, value) in enumerate(messages)
    ]


def journal_origin(message: Any) -> tuple[str, int]:
    """Return an event's partition of the lead journal and its number there; (`""`, -1) for an event from elsewhere."""
    for name, value in message.headers or ():
        if name == "ce_id" and (position := public_message_position(SOURCE_LOG, value or b"")):
            partition, off, n = position
            return str(partition), off << INDEX_BITS | n
    return "", -1


def published_queue(row: DirectoryRow) -> Queue | None:
    """Return the queue that a directory row publishes; None for another kind, a removed queue or an unreadable one.

    An unreadable object was already refused with its reason when it was published, so lists do not need it.
    """
    if row.kind != "queue" or row.value is None:
        return None
    try:
        return msgspec.convert(row.value, Queue)
    except msgspec.ValidationError:
        return None


_CORRECTING: Final = frozenset({FactsCorrected, InquirySplit})
_LISTING: Final = frozenset({ContactForbidden, ConsentRecorded})
_Message = tuple[str, bytes, msgspec.Struct | None]


def _of_lead(row: LeadRow, key: bytes) -> list[_Message]:
    lead, lead_id = row.lead, key.decode()
    answers: list[_Message] = [
        (LEAD_DECISIONS, key, _answer(decision, lead_id))
        for decision in row.decisions
        if isinstance(decision, Answered)
    ]
    if lead is None or (len(answers) == len(row.decisions) and lead.phase not in _AT_DESK):
        return answers  # answers alone, as of a claim that lost, cause nothing else
    return _of_changed_lead(row, lead, key, answers)


def _of_changed_lead(row: LeadRow, lead: Lead, key: bytes, messages: list[_Message]) -> list[_Message]:
    """Return these messages and those of the other decisions behind them."""
    kinds = set(map(type, row.decisions))
    owners: list[OwnerChanged] = []
    exception: ExceptionRaised | ExceptionIgnored | ExceptionResolved | None = None
    queue_changes: dict[str, QueueEntered | QueueLeft | QueueMoved] = {}
    left_queues: set[str] = set()
    for decision in row.decisions:
        if isinstance(decision, OwnerChanged):
            owners.append(decision)
        elif isinstance(decision, (QueueEntered, QueueLeft, QueueMoved)):
            queue_changes[decision.queue_id] = decision
            if isinstance(decision, QueueLeft):
                left_queues.add(decision.queue_id)
        elif isinstance(decision, (ExceptionRaised, ExceptionIgnored, ExceptionResolved)):
            exception = decision
    if LeadErased in kinds:
        owners, exception = [], None
        messages += [(ASSIGNMENTS, key, Erased()), (LEAD_EXCEPTIONS, key, Erased())]
    if owners:
        messages.append((ASSIGNMENTS, key, _assignment(row, lead, owners)))
    elif lead.owner is not None and not kinds.isdisjoint(_CORRECTING):
        messages.append((ASSIGNMENTS, key, _same_owner(row, lead, lead.owner)))
    if exception is not None:
        messages.append((LEAD_EXCEPTIONS, key, _exception(row, lead, exception)))
    for queue_id, queue_change in queue_changes.items():
        messages.append(
            (QUEUE_CHANGES, key, _queue_change(row, lead, queue_change, again=queue_id in left_queues))
        )
    messages.extend((QUEUE_CHANGES, key, change) for change in own_changes(row, lead))
    messages.extend((NOTIFICATIONS, key, notification) for notification in notifications_of(row))
    if not kinds.isdisjoint(_LISTING):
        messages.extend(_listings(row, lead))
    org = lead.facts.org.encode()
    messages.extend((ORG_LOG, org, event) for event in to_org(row))
    if exception is None and lead.phase in _AT_DESK and not _is_unchanged(row):
        # This message comes last, so that the numbers of the others do not change.
        messages.append((LEAD_EXCEPTIONS, key, _exception(row, lead, None)))
    return messages


def _listings(row: LeadRow, lead: Lead) -> list[_Message]:
    """Return the entries of the do-not-contact list that a record adds or removes (M8)."""
    messages: list[_Message] = []
    for decision in row.decisions:
        if isinstance(decision, ContactForbidden):
            listing = ContactListing(
                reason=decision.reason, at=row.at, lead_id=lead.lead_id, rep_id=decision.rep_id
            )
            messages += [(DO_NOT_CONTACT, _handle_key(lead, handle), listing) for handle in decision.handles]
        elif isinstance(decision, ConsentRecorded):
            messages += [(DO_NOT_CONTACT, _handle_key(lead, handle), None) for handle in decision.handles]
    return messages


def _handle_key(lead: Lead, handle: str) -> bytes:
    return f"{lead.facts.org}/{handle}".encode()


def _is_unchanged(row: LeadRow) -> bool:
    """Say whether the record's event surely changed nothing in the lead: it was refused, lost or stale."""
    return bool(row.decisions) and all(
        decision.result in _NOT_DONE
        if isinstance(decision, Answered)
        else isinstance(decision, _CHANGING_NOTHING)
        for decision in row.decisions
    )


def _answer(answer: Answered, lead_id: str) -> LeadDecision:
    return LeadDecision(
        action_id=answer.action_id,
        lead_id=lead_id,
        rep_id=answer.rep_id,
        type=answer.action,
        result=answer.result,
        reason=answer.reason,
        owner=answer.owner,
        version=answer.version,
        decided_at=answer.decided_at,
        why=answer.why,
        merged_into=answer.merged_into,
        org=answer.org,
        call_from=answer.call_from,
    )


def _assignment(row: LeadRow, lead: Lead, owners: list[OwnerChanged]) -> Assignment:
    """Return the assignment after the record. `previous_rep_id` is the owner before the record, whom readers know."""
    last = owners[-1]
    return Assignment(
        lead_id=lead.lead_id,
        org=lead.facts.org,
        rep_id=last.rep_id,
        previous_rep_id=owners[0].previous_rep_id,
        how=last.how,
        via=last.via,
        assigned_at=row.at,
        version=row.seq,
        cause=row.cause,
        lead=msgspec.structs.asdict(lead.facts),
    )


def _same_owner(row: LeadRow, lead: Lead, owner: str) -> Assignment:
    """Return the assignment with corrected facts (M2). The owner and the time of the assignment stay."""
    return Assignment(
        lead_id=lead.lead_id,
        org=lead.facts.org,
        rep_id=owner,
        previous_rep_id=owner,
        how=lead.how or "",
        via=lead.via,
        assigned_at=lead.assigned_at or row.at,
        version=row.seq,
        cause=row.cause,
        lead=msgspec.structs.asdict(lead.facts),
    )


def _exception(
    row: LeadRow, lead: Lead, decision: ExceptionRaised | ExceptionIgnored | ExceptionResolved | None
) -> LeadException:
    """Return the lead's line of the exceptions desk. Without a decision, it repeats the line under a newer version."""
    facts, exception = lead.facts, lead.open_exception
    reason = exception.reason if exception else None
    explanation = exception.explanation if exception else ()
    raised_at = exception.raised_at if exception else None
    if isinstance(decision, ExceptionRaised):
        reason, explanation = decision.reason, decision.explanation
        raised_at = raised_at or row.at
    elif isinstance(decision, ExceptionResolved):
        reason, explanation, raised_at = decision.reason, decision.explanation, decision.raised_at
    return LeadException(
        lead_id=lead.lead_id,
        org=facts.org,
        status=_AT_DESK.get(lead.phase, "resolved"),
        reason=reason,
        explanation=explanation,
        prospect_name=facts.prospect_name,
        campaign=facts.campaign,
        description=lead.description,
        distribution=lead.distribution,
        vendor=facts.vendor,
        loan_purpose=facts.loan_purpose,
        loan_amount=facts.loan_amount,
        state=facts.state,
        created_at=facts.created_at,
        raised_at=raised_at,
        version=row.seq,
    )


_AT_DESK: Final[dict[Phase, Status]] = {Phase.EXCEPTION: "open", Phase.IGNORED: "ignored"}
"""The status of a lead's exception in these phases. In any other phase the exception is resolved."""
_NOT_DONE: Final = frozenset({Result.REFUSED, Result.LOST})
_CHANGING_NOTHING: Final = (
    *(DeadlineIgnored, AnswerIgnored, PlaceSought, PlaceReturned, MergeSought, MergeReturned),
    *(ArrivalDropped, InquiryErased),
)


def _queue_change(
    row: LeadRow, lead: Lead, decision: QueueEntered | QueueLeft | QueueMoved, *, again: bool
) -> QueueChange:
    """Return one shared queue's change. A lead that left the queue and entered it again has only moved."""
    if isinstance(decision, QueueLeft):
        return _removal(row, lead, decision.queue_id)
    moved = again or isinstance(decision, QueueMoved)
    return QueueChange(
        queue_id=decision.queue_id,
        lead_id=lead.lead_id,
        change="moved" if moved else "entered",
        sort_key=decision.sort_key,
        columns=decision.columns,
        version=row.seq,
        org=lead.facts.org,
        state=lead.facts.state,
    )


def _removal(row: LeadRow, lead: Lead, queue_id: str) -> QueueChange:
    return QueueChange(
        queue_id=queue_id,
        lead_id=lead.lead_id,
        change="left",
        sort_key="",
        columns={},
        version=row.seq,
        org=lead.facts.org,
    )


def _of_directory(row: DirectoryRow, partition: int) -> list[_Message]:
    """Return a queue's definition for lists: name, columns, order, access, claimable (Q4, Q7)."""
    if partition != 0 or row.kind != "queue":
        return []
    queue = Queue(queue_id=row.object_id) if row.value is None else published_queue(row)
    if queue is None:
        return []
    definition = QueueDefinition(
        queue_id=row.object_id,
        change="removed" if row.value is None else "defined",
        name=queue.name,
        description=queue.description,
        claimable=queue.claimable,
        columns=queue.columns,
        sort={"field": queue.sort.field, "direction": queue.sort.direction},
        teams=queue.teams,
        reps=queue.reps,
        outcomes=queue.outcomes,
        version=row.version,
        org=row.org,
    )
    return [(QUEUE_CHANGES, f"directory/{row.org}/{row.object_id}".encode(), definition)]
