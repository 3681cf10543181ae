"""Publishes from a dead letter what a relay could not publish for a journal record, once the code is fixed.

The record is in the journal and is valid; only its messages are missing. They are made as the relay makes them, with
the same ids. No message is sent to a compacted topic that has an equal or newer version.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import msgspec

from models.codec import decode_org_record, decode_row, encode_event
from models.errors import PermanentError
from models.org_decisions import OrgStep
from rules.outbound.lead_org_messages import to_leads
from rules.outbound.public_messages import PublicMessage, public_messages
from streams.clients import partition_of
from streams.dead_letter_reading import ReadHeader, StoredDeadLetter
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import (
    ASSIGNMENTS,
    DO_NOT_CONTACT,
    LEAD_EXCEPTIONS,
    LEAD_JOURNAL,
    LEAD_LOG,
    ORG_JOURNAL,
    ORG_LOG,
)

STAGES: Final = {LEAD_JOURNAL: "relay", ORG_JOURNAL: "org_relay"}
"""Topic of ours -> the stage whose dead letters from it can be published."""
VERSIONED: Final = frozenset({ASSIGNMENTS, LEAD_EXCEPTIONS})


class RepublishedMessage(NamedTuple):
    """One message to send."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: list[ReadHeader]


def messages_of(letter: StoredDeadLetter, partitions: int) -> list[RepublishedMessage]:
    """Return the messages that the relay would have sent. Raises `PermanentError` if the code still fails."""
    assert letter.source is not None  # noqa: S101  # the caller has checked it
    key, partition = letter.key or b"", letter.source.partition

    def partition_of_key(message_key: bytes) -> int:
        return partition_of(message_key, partitions)

    try:
        if letter.source.topic == ORG_JOURNAL:
            step = decode_org_record(letter.value or b"")
            messages = to_leads(step) if isinstance(step, OrgStep) else []
            ids = [news.lead_id.encode() for news in messages]
            return [
                RepublishedMessage(LEAD_LOG, partition_of_key(lead_id), lead_id, encode_event(news), [])
                for lead_id, news in zip(ids, messages, strict=True)
            ]
        return [
            RepublishedMessage(
                public_message.topic,
                _partition(public_message, partition, partition_of_key),
                public_message.key,
                public_message.payload,
                list(public_message.headers),
            )
            for public_message in public_messages(decode_row(letter.value or b""), key, partition)
        ]
    except Exception as error:  # after any error the letter stays where it is
        raise PermanentError("fatal_error", f"the code still fails on it: {error!r}") from error


def _partition(
    public_message: PublicMessage, partition: int, partition_of_key: Callable[[bytes], int]
) -> int:
    if public_message.topic == ORG_LOG:
        return partition_of_key(public_message.key)
    return 0 if public_message.topic == DO_NOT_CONTACT else partition


class PublishedVersions:
    """The newest version of each lead in the compacted public topics. Each topic is read when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._versions: dict[str, dict[bytes, int]] = {}

    async def is_newer(self, message: RepublishedMessage) -> bool:
        """Return whether a message may be sent: its topic has no equal or newer version of its lead."""
        if message.topic not in VERSIONED:
            return True
        versions = self._versions.get(message.topic)
        if versions is None:
            versions = self._versions[message.topic] = {}
            async with aclosing(read_topic(self._settings, message.topic)) as records:
                async for record in records:
                    versions[record.key] = max(_version(record.value), versions.get(record.key, -1))
        if _version(message.value) <= versions.get(message.key, -1):
            return False
        versions[message.key] = _version(message.value)
        return True


def _version(value: bytes | None) -> int:
    try:
        decoded: Any = msgspec.json.decode(value or b"null")
        return int(decoded["version"])
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, KeyError, ValueError):
        return -1
