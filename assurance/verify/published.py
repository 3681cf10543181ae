"""Checks that the public topics have exactly the messages that the journal causes, each at least once."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts
from assurance.verify.lead_invariants import KnownAnswers, fingerprint
from assurance.verify.records import Row, key_text, position_of, source_of, time_of
from couriers.mail.digest_requests import SOURCE as DIGEST_SOURCE
from models.ids import public_message_id
from models.public import (
    ASSIGNMENTS,
    DO_NOT_CONTACT,
    LEAD_DECISIONS,
    LEAD_EXCEPTIONS,
    NOTIFICATIONS,
    ORG_LOG,
    QUEUE_CHANGES,
)
from models.results import Reason, Result
from rules.outbound.public_messages import SOURCE_LOG, public_messages

PUBLIC: Final = (LEAD_DECISIONS, ASSIGNMENTS, LEAD_EXCEPTIONS, QUEUE_CHANGES, NOTIFICATIONS)
NEVER: Final = datetime.fromtimestamp(0, UTC)
COMPACTED: Final = frozenset({ASSIGNMENTS, LEAD_EXCEPTIONS})
_BITS: Final = 20
"""The bits for the number of a message within its event. They suffice for a lead in a million queues."""


class ExpectedMessages:
    """The messages that one partition of the journal causes, by topic and id."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.prints: dict[str, dict[int, int]] = {topic: {} for topic in (*PUBLIC, ORG_LOG)}
        self.optional: set[int] = set()
        self.newest: dict[str, dict[bytes, int]] = {topic: {} for topic in COMPACTED}
        self.watermark = -1

    def add(self, row: Row, key: bytes, *, must: bool) -> None:
        """Add the public messages of a record. `must` False: they may be missing, not sent yet or removed."""
        self.watermark = max(self.watermark, row.off)
        for n, public_message in enumerate(public_messages(row, key, self.partition)):
            if public_message.topic == DO_NOT_CONTACT:
                continue  # `Inbound.listings` compares the list with leads and orgs
            number = row.off << _BITS | n
            self.prints[public_message.topic][number] = hash((public_message.key, public_message.payload))
            if public_message.topic in COMPACTED:
                self.newest[public_message.topic][public_message.key] = number
            if not must:
                self.optional.add(number)

    def only(self, topic: str) -> "ExpectedMessages":
        """Return the expected messages of one topic."""
        subset = ExpectedMessages(self.partition)
        subset.watermark = self.watermark
        subset.prints[topic] = self.prints[topic]
        subset.optional = self.optional & self.prints[topic].keys()
        return subset

    def id_of(self, number: int) -> str:
        """Return a message's `ce_id`."""
        return public_message_id(SOURCE_LOG, self.partition, *offset_and_index(number))

    def number(self, record: Any) -> int | None:
        """Return the number of a message by its `ce_id`. None where it is not of this partition."""
        for header, value in record.headers:
            if header == "ce_id":
                log, *numbers = value.decode(errors="replace").rsplit("-", 3)
                if log == SOURCE_LOG and all(map(str.isdecimal, numbers)):
                    partition, off, n = map(int, numbers)
                    return off << _BITS | n if partition == self.partition else None
        return None


def offset_and_index(number: int) -> tuple[int, int]:
    """Return the offset of the event a message comes from, and the message's number within it."""
    return number >> _BITS, number & (1 << _BITS) - 1


class _Owner(msgspec.Struct, gc=False):
    rep_id: str | None
    version: int


class _Answer(msgspec.Struct, gc=False):
    action_id: str
    lead_id: str
    rep_id: str
    type: str
    result: Result
    reason: Reason | None
    owner: str | None
    version: int


class _Desk(msgspec.Struct, gc=False):
    version: int
    status: str


_DESK: Final = msgspec.json.Decoder(_Desk)
_OWNERS: Final = msgspec.json.Decoder(_Owner)
_ANSWERS: Final = msgspec.json.Decoder(_Answer)


async def check_topic(
    topic: str,
    records: AsyncIterator[Any],
    *,
    expected: ExpectedMessages,
    journal_facts: JournalFacts,
    known_answers: KnownAnswers,
    findings: Findings,
    cut: datetime = NEVER,
) -> None:
    """Compare one partition of a public topic with what the journal causes.

    `cut`: the journal may lack the record of a message that was sent before.
    """
    hashes = expected.prints[topic]
    seen_numbers: set[int] = set()
    last: dict[bytes, int] = {}
    desk: dict[bytes, Any] = {}
    count, first, end = 0, None, 0
    async for record in records:
        count, end = count + 1, record.offset + 1
        first = record.offset if first is None else first
        number = expected.number(record)
        expected_hash = None if number is None else hashes.get(number)
        if number is None or expected_hash is None:
            if topic == NOTIFICATIONS and source_of(record) == DIGEST_SOURCE:
                continue  # a courier requests digests of its own; `check_deliveries` asks for their fates
            if (number is None or number >> _BITS <= expected.watermark) and time_of(record) > cut:
                findings.add("published_unasked", key_text(record.key), at=position_of(record))
            continue
        seen_numbers.add(number)
        if expected_hash != hash((record.key, record.value)):
            findings.add(
                "published_differs", key_text(record.key), at=position_of(record), id=expected.id_of(number)
            )
        if topic in COMPACTED:
            if number < last.get(record.key, -1):
                findings.add(
                    "version_went_back",
                    key_text(record.key),
                    at=position_of(record),
                    id=expected.id_of(number),
                )
            last[record.key] = number
        with suppress(msgspec.MsgspecError):  # an unreadable forgery is found by the bytes above
            if record.value is None:
                pass  # a tombstone of an erased lead; its bytes are compared above
            elif topic == ASSIGNMENTS:
                _owner(record, journal_facts, findings)
            elif topic == LEAD_DECISIONS:
                _answer(record, known_answers, findings)
        if topic == LEAD_EXCEPTIONS and record.value is not None:
            desk[record.key] = record
        elif topic == LEAD_EXCEPTIONS:
            desk.pop(record.key, None)
    for record in desk.values():
        with suppress(msgspec.MsgspecError):
            _exception(record, journal_facts, findings)
    gaps = first is not None and (first > 0 or count < end - first)
    for number in hashes.keys() - seen_numbers - expected.optional:
        # Where records are compacted away, only the newest of a lead must be there.
        if not gaps or topic not in COMPACTED or number in expected.newest[topic].values():
            findings.add("not_published", "", id=expected.id_of(number), topic=topic)
    for key, number in last.items():
        newest = expected.newest[topic].get(key, number)
        if number != newest and newest in seen_numbers:
            findings.add(
                "newest_is_stale",
                key_text(key),
                topic=topic,
                newest=expected.id_of(newest),
                found=expected.id_of(number),
            )


def _owner(record: Any, journal_facts: JournalFacts, findings: Findings) -> None:
    """Compare an assignment with the journal's owners, independently of `rules.outbound.public_messages`."""
    lead_id = key_text(record.key)
    message, facts = _OWNERS.decode(record.value), journal_facts.leads.get(lead_id)
    owners = dict(facts.owners) if facts else {}
    if facts is None or owners.get(message.version, message.rep_id) != message.rep_id:
        findings.add(
            "published_differs",
            lead_id,
            "an assignment names an owner the journal does not have in that version",
            at=position_of(record),
            rep_id=message.rep_id,
            version=message.version,
        )


def _exception(record: Any, journal_facts: JournalFacts, findings: Findings) -> None:
    """Compare a lead's newest message of the exceptions desk with its row."""
    lead_id = key_text(record.key)
    message, facts = _DESK.decode(record.value), journal_facts.leads.get(lead_id)
    if facts is None or facts.desk_version is None:
        return  # its record is compacted away
    if (message.version, message.status) != (facts.desk_version, facts.exception):
        findings.suspect(
            "published_differs",
            lead_id,
            "the newest exception is not the journal's",
            at=position_of(record),
            published_journal=[[message.version, message.status], [facts.desk_version, facts.exception]],
        )


def _answer(record: Any, known_answers: KnownAnswers, findings: Findings) -> None:
    """Compare an answer with the journal's."""
    message = _ANSWERS.decode(record.value)
    print_ = fingerprint(
        message.rep_id, message.type, message.result, message.reason, message.owner, message.version
    )
    if not known_answers.knows(message.action_id, message.lead_id, print_):
        findings.add(
            "published_differs",
            message.lead_id,
            "an answer is not the journal's",
            at=position_of(record),
            action_id=message.action_id,
        )
