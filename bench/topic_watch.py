"""Reads a topic from outside and by the broker's clock, in the same way for every contestant."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition

from models.errors import StartFailed
from runtime import ChildProcess
from streams import clients
from streams.clients import Consumer
from streams.settings import Settings

POLL_SECONDS: Final = 0.1
"""How often end offsets are requested. This is seldom enough not to slow down a measured process."""
STALL_SECONDS: Final = 60.0
"""A contestant that appends nothing for this long has failed."""

Ends = dict[TopicPartition, int]


class Watch:
    """A consumer without a group. Create it with `watching`."""

    def __init__(self, consumer: Consumer, partitions: int) -> None:
        self._consumer = consumer
        self._partitions = partitions

    async def ends(self, *topics: str) -> Ends:
        """Return the offset after the last record of each partition."""
        topic_partitions = [TopicPartition(topic, n) for topic in topics for n in range(self._partitions)]
        ends: Ends = await self._consumer.end_offsets(topic_partitions)
        return ends

    async def until(self, topic: str, count: int, child: ChildProcess) -> Ends:
        """Wait until a topic holds `count` records, and return its ends.

        Raises StartFailed with the end of the child's log if the child ends, or if no more records come.
        """
        last_total, since = -1, time.monotonic()
        while True:
            ends = await self.ends(topic)
            total = sum(ends.values())
            if total >= count:
                return ends
            if total != last_total:
                last_total, since = total, time.monotonic()
            if child.pid is None or time.monotonic() - since > STALL_SECONDS:
                reason = f"stays at {total} of {count} records in {topic}{child.log_tail()}"
                raise StartFailed(child.name, reason)
            await asyncio.sleep(POLL_SECONDS)

    async def records(self, begin: Mapping[TopicPartition, int], end: Ends) -> AsyncIterator[Any]:
        """Yield the records between two ends of one topic."""
        topic_partitions = [tp for tp in end if end[tp] > begin[tp]]
        self._consumer.assign(topic_partitions)
        for tp in topic_partitions:
            self._consumer.seek(tp, begin[tp])
        unread = set(topic_partitions)
        while unread:
            for tp, records in (await self._consumer.getmany(timeout_ms=1000)).items():
                for record in records:
                    if record.offset < end[tp]:
                        yield record
            # A transaction marker, which is not a record, may follow the last record.
            unread = {tp for tp in unread if await self._consumer.position(tp) < end[tp]}


@contextlib.asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Watch]:
    """Yield a connected watch."""
    consumer = clients.consumer(settings, max_partition_fetch_bytes=4 << 20)
    await consumer.start()
    try:
        yield Watch(consumer, settings.partitions)
    finally:
        await consumer.stop()


class Rate:
    """Records per second between the first and the last append time on the broker.

    The broker stamps whole batches. Records with the first timestamp were produced before the measurement starts, so
    they are not counted.
    """

    def __init__(self) -> None:
        self.stamps: dict[int, int] = {}

    def add(self, timestamp_ms: int) -> None:
        """Count one record."""
        self.stamps[timestamp_ms] = self.stamps.get(timestamp_ms, 0) + 1

    @property
    def per_s(self) -> float:
        """Records per second; 0 if there are too few timestamps."""
        if len(self.stamps) < 2:
            return 0.0
        first, last = min(self.stamps), max(self.stamps)
        return (sum(self.stamps.values()) - self.stamps[first]) * 1000 / (last - first)


async def count(records: AsyncIterator[Any], won: Callable[[bytes], bool]) -> tuple[float, int]:
    """Return the rate of answers, and how many of them are wins."""
    rate, wins = Rate(), 0
    async for record in records:
        rate.add(record.timestamp)
        wins += won(record.value)
    return rate.per_s, wins
