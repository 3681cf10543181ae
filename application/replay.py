"""Sends a dead letter again to the topic of its message, or says why it must not be sent.

A message from outside goes to its topic byte for byte, in any partition. An event of one of our logs that our own
code could not decide goes back to its partition, behind later events; it is decided from the current row. For a
journal record that a relay could not publish, the missing messages are published (`application.republish`). Each
message has a header `replay-of` with its original position.
"""

from contextlib import aclosing
from enum import StrEnum
from types import TracebackType
from typing import Final, NamedTuple, Self

from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from msgspec import MsgspecError

from application import republish
from models.codec import decode_org_event
from models.errors import PermanentError, RuntimeFailure
from models.org_events import DoNotContactPublished
from rules.inbound.do_not_contact import accept_listing
from rules.inbound.signatures import NAMES as SIGNED
from streams import clients
from streams.dead_letter_reading import REPLAY_OF, ReadHeader, StoredDeadLetter, instant_of
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.signing import Signer
from streams.topic_reader import read_topic
from streams.topics import (
    BY_NAME,
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_LOG,
    MAX_DEAD_LETTER_BYTES,
    ORG_LOG,
    partitions_of,
)

FROM_OUTSIDE: Final = frozenset({LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT})
OUR_LOGS: Final = frozenset({LEAD_LOG, ORG_LOG})
"""Our logs. An event that was skipped can be decided later, because events are decided from the current row."""
NEWEST_COUNTS: Final = frozenset({DIRECTORY, DO_NOT_CONTACT})
"""Topics in which the last record of a key is the valid one."""


class ReplayObstacle(StrEnum):
    """Why a letter cannot be sent again."""

    SOURCE_UNKNOWN = "source_unknown"
    TOPIC_NOT_REPLAYABLE = "topic_not_replayable"
    CUT = "cut"
    TOO_LARGE = "too_large"
    SUPERSEDED = "superseded"
    STILL_FAILS = "still_fails"


class NotReplayable(RuntimeFailure):
    """One dead letter must not or cannot be sent again; others may. `obstacle`: a stable code for the reason."""

    def __init__(self, letter: StoredDeadLetter, obstacle: ReplayObstacle, reason: str) -> None:
        super().__init__(f"dead letter {letter.position}", reason)
        self.obstacle = obstacle


class ReplayTarget(NamedTuple):
    """Where a letter is sent: the topic, and the partition if a certain one is required.

    For a journal's record it is that record's position. Its messages are sent, not the record itself.
    """

    topic: str
    partition: int | None


def target_of(letter: StoredDeadLetter) -> ReplayTarget:
    """Return where a letter would be sent. Raises `NotReplayable` if its content alone forbids it."""
    topic = letter.source_topic
    if topic not in BY_NAME:
        raise NotReplayable(
            letter,
            ReplayObstacle.SOURCE_UNKNOWN,
            f"its source-topic is {topic!r}, which is not a topic of firstclaim",
        )
    to_publish = letter.is_fatal and letter.stage and letter.stage == republish.STAGES.get(topic)
    if topic not in FROM_OUTSIDE | OUR_LOGS and not to_publish:
        reason = (
            f"{topic} is written by stages only: a former record there would overwrite a newer one. "
            "What the sink missed comes back with `firstclaim crm rebuild`"
        )
        raise NotReplayable(letter, ReplayObstacle.TOPIC_NOT_REPLAYABLE, reason)
    if letter.value_cut_from is not None:
        reason = f"only the first {len(letter.value or b'')} of its {letter.value_cut_from} bytes were kept"
        raise NotReplayable(letter, ReplayObstacle.CUT, reason)
    if letter.key_cut_from is not None:
        reason = f"only the first {len(letter.key or b'')} of its key's {letter.key_cut_from} bytes were kept"
        raise NotReplayable(letter, ReplayObstacle.CUT, reason)
    if letter.headers_dropped:
        raise NotReplayable(
            letter, ReplayObstacle.CUT, f"{letter.headers_dropped} of its headers were not kept"
        )
    if topic in FROM_OUTSIDE:
        return ReplayTarget(topic, None)
    if not letter.is_fatal:
        reason = f"it is no event of ours ({letter.error_class}): {topic} would refuse it again"
        raise NotReplayable(letter, ReplayObstacle.TOPIC_NOT_REPLAYABLE, reason)
    if letter.source is None:
        raise NotReplayable(
            letter, ReplayObstacle.SOURCE_UNKNOWN, "it does not say which partition it came from"
        )
    return ReplayTarget(topic, letter.source.partition)


def is_replayable(letter: StoredDeadLetter) -> bool:
    """Tell whether a letter's content allows it to be sent again."""
    try:
        target_of(letter)
    except NotReplayable:
        return False
    return True


class Replayer:
    """Sends letters again, one at a time. Use it as an asynchronous context manager.

    Raises `RetryableError` without Kafka.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signer = Signer(settings)
        # Not idempotent: aiokafka's idempotent producer is unusable after a record that the broker refuses.
        self._producer = clients.producer(
            settings, idempotent=False, max_request_size=2 * MAX_DEAD_LETTER_BYTES
        )
        self._versions = republish.PublishedVersions(settings)
        self._newest: dict[str, dict[bytes, int]] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
        except KafkaError as error:
            await clients.stop_producer(self._producer)
            raise await failure(self._settings, error, repr(error)) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await clients.stop_producer(self._producer)

    async def send(self, letter: StoredDeadLetter) -> ReplayTarget:
        """Send one letter again. Return where it went when it is durable there.

        Raises `NotReplayable` and `RetryableError`.
        """
        target = target_of(letter)
        if target.partition is not None and target.partition >= partitions_of(target.topic, self._settings):
            reason = f"{target.topic} has no partition {target.partition}"
            raise NotReplayable(letter, ReplayObstacle.SOURCE_UNKNOWN, reason)
        if target.topic in republish.STAGES:
            await self._publish(letter)
            return target
        await self._check_newest(letter, target.topic)
        headers: list[ReadHeader] = [pair for pair in letter.headers if pair[0] != REPLAY_OF]
        if (signed := self._signer.headers(target.topic, letter.value)) and target.topic in FROM_OUTSIDE:
            # The sender of the replay signs it. The original signature is too old by now.
            headers = [*(pair for pair in headers if pair[0] not in SIGNED), *signed]
        if letter.source is not None:
            headers.append((REPLAY_OF, str(letter.source).encode()))
        await self._put(letter, target.topic, target.partition, letter.key, letter.value, headers)
        if letter.source is not None and letter.key is not None and target.topic in self._newest:
            self._newest[target.topic].pop(letter.key, None)
        return target

    async def _publish(self, letter: StoredDeadLetter) -> None:
        """Send the messages that a relay could not publish for a journal record."""
        try:
            messages = republish.messages_of(letter, partitions_of(LEAD_LOG, self._settings))
        except PermanentError as error:
            raise NotReplayable(letter, ReplayObstacle.STILL_FAILS, error.reason) from error
        for message in messages:
            if await self._versions.is_newer(message):
                headers = [*message.headers, (REPLAY_OF, str(letter.source).encode())]
                await self._put(letter, message.topic, message.partition, message.key, message.value, headers)

    async def _put(
        self,
        letter: StoredDeadLetter,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: list[ReadHeader],
    ) -> None:
        try:
            await self._producer.send_and_wait(topic, value, key, partition=partition, headers=headers)
        except MessageSizeTooLargeError as error:
            size = len(value or b"") + len(key or b"")
            reason = f"{topic} takes no record of its size ({size} bytes of key and value)"
            raise NotReplayable(letter, ReplayObstacle.TOO_LARGE, reason) from error
        except KafkaError as error:
            raise await failure(self._settings, error, f"{topic}: {error!r}") from error

    async def _check_newest(self, letter: StoredDeadLetter, topic: str) -> None:
        """Refuse a message that a newer one has replaced. Sent again, it would replace the newer one."""
        if letter.source is None:
            return
        if topic in NEWEST_COUNTS and letter.key is not None:
            newest = (await self._newest_of(topic)).get(letter.key, -1)
            if newest > letter.source.offset:
                reason = f"a newer record of its key is in {topic}, at offset {newest}"
                raise NotReplayable(letter, ReplayObstacle.SUPERSEDED, reason)
        if topic == ORG_LOG:
            await self._check_listing(letter)

    async def _newest_of(self, topic: str) -> dict[bytes, int]:
        """Return the offset of the newest record of each key. The topic is read once for each command."""
        offsets = self._newest.get(topic)
        if offsets is None:
            offsets = self._newest[topic] = {}
            async with aclosing(read_topic(self._settings, topic)) as records:
                async for record in records:
                    if record.key is not None:
                        offsets[record.key] = max(record.offset, offsets.get(record.key, -1))
        return offsets

    async def _check_listing(self, letter: StoredDeadLetter) -> None:
        """Refuse an event of the do-not-contact list whose phone or address has a newer record there (X6)."""
        try:
            event = decode_org_event(letter.value or b"")
        except MsgspecError:
            return
        if not isinstance(event, DoNotContactPublished):
            return
        async with aclosing(read_topic(self._settings, DO_NOT_CONTACT)) as records:
            async for record in records:
                if record.offset <= event.version:
                    continue
                try:
                    other = accept_listing(
                        record.key,
                        record.value,
                        dict(record.headers),
                        version=record.offset,
                        at=instant_of(record.timestamp),
                    )
                except PermanentError:
                    continue
                if (other.org, other.handle) == (event.org, event.handle):
                    reason = f"a newer record of its phone or address is in {DO_NOT_CONTACT}, at offset {record.offset}"
                    raise NotReplayable(letter, ReplayObstacle.SUPERSEDED, reason)
