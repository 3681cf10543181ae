"""Keeps the relay from publishing twice. The last message of each partition shows how far the previous relay got.

A relay that dies may have published more than it committed. If it were published again, a lead's older version would
follow its newer one, and a reader of a compacted topic would see the former owner for a while. Within a partition, a
relay's messages are appended in order and without gaps, so all messages before the last one are there. The
do-not-contact list has one partition, to which the relays of all partitions append (M8).
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import TopicPartition

from models.ids import public_message_position
from models.public import (
    ASSIGNMENTS,
    DO_NOT_CONTACT,
    LEAD_DECISIONS,
    LEAD_EXCEPTIONS,
    NOTIFICATIONS,
    QUEUE_CHANGES,
)
from rules.outbound.public_messages import SOURCE_LOG
from streams.clients import Consumer, stop_consumer
from streams.clients import consumer as make_consumer
from streams.settings import Settings

PUBLIC: Final = (LEAD_DECISIONS, ASSIGNMENTS, LEAD_EXCEPTIONS, QUEUE_CHANGES, NOTIFICATIONS)
SHARED: Final = frozenset({DO_NOT_CONTACT})
"""Topics of one partition that has the messages of every partition of the journal."""
POLL_MS: Final = 1_000
LOOK_SECONDS: Final = 20.0
"""How long a broker may be away. After that the process ends and its supervisor restarts it."""

LOOK_BACK: Final = (1, 100, 10_000)
"""How many offsets before a partition's end the search for our last message begins, one value after the other. Messages
of other producers, and transaction markers, may follow our last message."""

NOTHING: Final = (-1, -1)


class PublishedWatermark:
    """Holds the number of the last message of each topic and partition of the journal: (offset of the event, n)."""

    def __init__(self, topics: Iterable[str] = PUBLIC, shared: Iterable[str] = SHARED) -> None:
        self._shared = frozenset(shared)
        self._topics = (*topics, *self._shared)
        self._last: dict[tuple[str, int], tuple[int, int]] = {}
        self._newest: dict[int, int] = {}

    def may_have(self, partition: int, off: int) -> bool:
        """Tell whether any message of this record may have been public at the start: only of the first ones."""
        return off <= self._newest.get(partition, -1)

    def note(self, topic: str, partition: int, number: tuple[int, int]) -> None:
        """Note the number of the last message of a topic and a partition of the journal."""
        self._last[topic, partition] = number
        self._newest[partition] = max(number[0], self._newest.get(partition, -1))

    def has(self, topic: str, partition: int, off: int, n: int) -> bool:
        """Tell whether this message was already public at the start."""
        return (off, n) <= self._last.get((topic, partition), NOTHING)

    async def read(self, settings: Settings, partitions: Iterable[int]) -> None:
        """Read the ends of these partitions, before the first of their records is relayed.

        Raises KafkaError and TimeoutError.
        """
        self._last.clear()
        self._newest.clear()
        partitions = tuple(partitions)
        topic_partitions = [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in ((0,) if topic in self._shared and partitions else partitions)
        ]
        if not topic_partitions:
            return
        # Our messages are in no transaction, but another producer's open one may hide them. So read uncommitted ones.
        consumer = make_consumer(settings, reset="none", stand_ins=True, committed_only=False)
        await consumer.start()
        try:
            consumer.assign(topic_partitions)
            begin, end = (
                await consumer.beginning_offsets(topic_partitions),
                await consumer.end_offsets(topic_partitions),
            )
            async with asyncio.timeout(LOOK_SECONDS):
                for count in LOOK_BACK:
                    unknown = [
                        tp
                        for tp in topic_partitions
                        if begin[tp] < end[tp] and not self._knows(tp, partitions)
                    ]
                    await self._find_last_message(
                        consumer,
                        partitions,
                        {tp: (max(begin[tp], end[tp] - count), end[tp]) for tp in unknown},
                    )
        finally:
            await stop_consumer(consumer)

    def _knows(self, tp: TopicPartition, partitions: tuple[int, ...]) -> bool:
        published_to = partitions if tp.topic in self._shared else (tp.partition,)
        return all((tp.topic, partition) in self._last for partition in published_to)

    async def _find_last_message(
        self,
        consumer: Consumer,
        partitions: tuple[int, ...],
        spans: dict[TopicPartition, tuple[int, int]],
    ) -> None:
        """Find the last message of each of our `partitions` in these ranges of offsets."""
        consumer.pause(*consumer.assignment())
        for tp, (first, _) in spans.items():
            consumer.seek(tp, first)
            consumer.resume(tp)
        unread = set(spans)
        while unread:
            for tp, records in (await consumer.getmany(*unread, timeout_ms=POLL_MS)).items():
                for record in records:
                    if record.offset >= spans[tp][1]:
                        continue
                    for partition in partitions if tp.topic in self._shared else (tp.partition,):
                        if (number := _number(record, partition)) != NOTHING:
                            self.note(tp.topic, partition, number)
            unread = {tp for tp in unread if await consumer.position(tp) < spans[tp][1]}


def _number(record: Any, partition: int) -> tuple[int, int]:
    """Return the number of a message; `NOTHING` if it is not ours."""
    for name, value in record.headers:
        if name == "ce_id":
            position = public_message_position(SOURCE_LOG, value or b"")
            if position is not None and position[0] == partition:
                return position[1], position[2]
    return NOTHING
