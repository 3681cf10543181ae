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

    def has(self, topic: str, partition: int, off: int, n: int) -> bool:
        """Tell whether this message was already public at the start."""
        return (off, n) <= self._last.get((topic, partition), NOTHING)

    async def read(self, settings: Settings, partitions: Iterable[int]) -> None:
        """Read the ends of these partitions, before the first of their records is relayed.

        Raises KafkaError and TimeoutError.
        """
        self._last.clear()
        partitions = tuple(partitions)
        places = [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in ((0,) if topic in self._shared and partitions else partitions)
        ]
        if not places:
            return
        # Our messages are in no transaction, but another producer's open one may hide them. So read uncommitted ones.
        consumer = make_consumer(settings, reset="none", stand_ins=True, committed_only=False)
        await consumer.start()
        try:
            consumer.assign(places)
            begin, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
            async with asyncio.timeout(LOOK_SECONDS):
                for back in LOOK_BACK:
                    unknown = [
                        place
                        for place in places
                        if begin[place] < end[place] and not self._knows(place, partitions)
                    ]
                    await self._find_last_message(
                        consumer,
                        partitions,
                        {place: (max(begin[place], end[place] - back), end[place]) for place in unknown},
                    )
        finally:
            await stop_consumer(consumer)

    def _knows(self, place: TopicPartition, partitions: tuple[int, ...]) -> bool:
        mine = partitions if place.topic in self._shared else (place.partition,)
        return all((place.topic, partition) in self._last for partition in mine)

    async def _find_last_message(
        self,
        consumer: Consumer,
        partitions: tuple[int, ...],
        spans: dict[TopicPartition, tuple[int, int]],
    ) -> None:
        """Find the last message of each of our `partitions` in these ranges of offsets."""
        consumer.pause(*consumer.assignment())
        for place, (first, _) in spans.items():
            consumer.seek(place, first)
            consumer.resume(place)
        unread = set(spans)
        while unread:
            for place, records in (await consumer.getmany(*unread, timeout_ms=POLL_MS)).items():
                for record in records:
                    if record.offset >= spans[place][1]:
                        continue
                    for partition in partitions if place.topic in self._shared else (place.partition,):
                        if (number := _number(record, partition)) != NOTHING:
                            self._last[place.topic, partition] = number
            unread = {place for place in unread if await consumer.position(place) < spans[place][1]}


def _number(record: Any, partition: int) -> tuple[int, int]:
    """Return the number of a message; `NOTHING` if it is not ours."""
    for name, value in record.headers:
        if name == "ce_id":
            place = public_message_position(SOURCE_LOG, (value or b"").decode(errors="replace"))
            if place is not None and place[0] == partition:
                return place[1], place[2]
    return NOTHING
