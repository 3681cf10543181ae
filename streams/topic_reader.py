"""Reads a topic from its beginning to its end at the time of the call, without a group and without commits."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from models.errors import RetryableError
from streams.clients import Consumer, stop_consumer
from streams.clients import consumer as make_consumer
from streams.kafka_refusals import failure
from streams.settings import Settings

STALL_SECONDS: Final = 30.0
"""Reading ends with an error if no record comes for this long before the end; longer than a broker's restart."""

START_SECONDS: Final = 30.0
"""How long Kafka may take to connect and to say where a topic is, as Kafka's own tools wait for a request. On a busy
machine it takes more than ten seconds. A Kafka that is not there refuses the connection, which is said at once."""

_POLL_MS: Final = 500
_RECORDS: Final = 2000

Progress = Callable[[int, int], None]
"""Called with (offsets passed, offsets in all). With compaction there are fewer records than offsets."""


async def read_topic(
    settings: Settings,
    topic: str,
    *,
    until_end: bool = True,
    partitions: Collection[int] | None = None,
    progress: Progress | None = None,
) -> AsyncGenerator[Any, None]:
    """Yield a topic's records (aiokafka's), in order within each partition; partitions are mixed.

    `until_end`: stop at the end offsets at the time of the call; otherwise continue with records appended later.
    `partitions`: the default is all. Raises `RetryableError` if Kafka is away, the topic does not exist, or no record
    came for `STALL_SECONDS` before the end. A caller that leaves the iterator early must close it (`aclosing`).
    """
    consumer = make_consumer(settings, topic, reset="none", max_partition_fetch_bytes=4 << 20)
    try:
        await _start(consumer, topic)
        topic_partitions = await _begin(consumer, topic, partitions)
        ends = await consumer.end_offsets(topic_partitions)
        begin = await consumer.beginning_offsets(topic_partitions)
        for tp, offset in begin.items():
            consumer.seek(tp, offset)
        total = sum(ends[tp] - begin[tp] for tp in topic_partitions)
        while True:
            if until_end:
                at = {tp: await consumer.position(tp) for tp in topic_partitions}
                if progress:
                    progress(sum(min(at[p], ends[p]) - begin[p] for p in topic_partitions), total)
                if all(at[tp] >= ends[tp] for tp in topic_partitions):
                    return
            async for record in _next(consumer, topic, at if until_end else None):
                if not until_end or record.offset < ends[TopicPartition(topic, record.partition)]:
                    yield record
    except (KafkaError, OSError) as error:
        raise await failure(settings, error, f"topic {topic} could not be read: {error!r}") from error
    finally:
        await stop_consumer(consumer)


async def read_positions(settings: Settings, topic: str, positions: Collection[tuple[int, int]]) -> list[Any]:
    """Return the records at these partitions and offsets, by partition and offset; missing ones are left out.

    No record before them is read. Raises `RetryableError` if Kafka is away or a record does not come for
    `STALL_SECONDS`.
    """
    records: list[Any] = []
    bounds = await extent(settings, topic)
    existing = [
        (partition, offset)
        for partition, offset in sorted(positions)
        if partition in bounds and bounds[partition][0] <= offset < bounds[partition][1]
    ]
    if not existing:
        return records
    consumer = make_consumer(settings, reset="none")
    try:
        await _start(consumer, topic)
        consumer.assign(sorted({TopicPartition(topic, partition) for partition, _ in existing}))
        for partition, offset in existing:
            tp = TopicPartition(topic, partition)
            consumer.seek(tp, offset)
            record = await _at(consumer, tp, offset)
            if record is not None:
                records.append(record)
    except (KafkaError, OSError, TimeoutError) as error:
        raise await failure(settings, error, f"topic {topic} could not be read: {error!r}") from error
    finally:
        await stop_consumer(consumer)
    return records


async def extent(settings: Settings, topic: str) -> dict[int, tuple[int, int]]:
    """Return the first offset and the end offset of each partition of a topic. Raises `RetryableError`."""
    consumer = make_consumer(settings, topic, reset="none")  # without positions it fetches nothing
    try:
        await _start(consumer, topic)
        topic_partitions = sorted(consumer.assignment())
        begin, end = (
            await consumer.beginning_offsets(topic_partitions),
            await consumer.end_offsets(topic_partitions),
        )
    except (KafkaError, OSError) as error:
        raise await failure(settings, error, f"topic {topic} could not be queried: {error!r}") from error
    finally:
        await stop_consumer(consumer)
    return {tp.partition: (begin[tp], end[tp]) for tp in topic_partitions}


async def _at(consumer: Consumer, tp: TopicPartition, offset: int) -> Any:
    """Return the record at an offset; None if no readable record is there. Raises TimeoutError."""
    async with asyncio.timeout(STALL_SECONDS):
        # If there is none, the position moves on without a record.
        while await consumer.position(tp) <= offset:
            for records in (await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=1)).values():
                for record in records:
                    return record if record.offset == offset else None
    return None


async def _start(consumer: Consumer, topic: str) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            await consumer.start()
    except TimeoutError as error:
        raise RetryableError("Kafka", f"it does not answer or has no topic {topic}") from error


async def _begin(consumer: Consumer, topic: str, partitions: Collection[int] | None) -> list[TopicPartition]:
    """Assign the partitions asked for; without them, keep the assignment of all."""
    if partitions is None:
        return sorted(consumer.assignment())
    topic_partitions = [TopicPartition(topic, partition) for partition in sorted(partitions)]
    consumer.unsubscribe()
    consumer.assign(topic_partitions)
    return topic_partitions


async def _next(consumer: Consumer, topic: str, at: dict[TopicPartition, int] | None) -> AsyncIterator[Any]:
    """Yield the next records. `at`: the current positions, if more records must come; `RetryableError` if none do."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + STALL_SECONDS
    while True:
        batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
        for records in batches.values():
            for record in records:
                yield record
        if batches or at is None:
            return
        # If the last records were compacted away, the position moves on without a record.
        if any([await consumer.position(tp) != offset for tp, offset in at.items()]):
            return
        if loop.time() > give_up:
            raise RetryableError(
                "Kafka", f"topic {topic}: nothing came for {STALL_SECONDS:.0f} s before its end"
            )
