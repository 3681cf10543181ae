"""Kafka's clients for processes that run step by step. The broker serves each request in a step of its own."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from streams.topics import DO_NOT_CONTACT
from tests.simulation.broker import PARTITIONS, Broker, Record
from tests.simulation.step_loop import loop_now

ALONE = frozenset({DO_NOT_CONTACT})
"""Topics of one partition."""


def partitions_of(topic: str) -> range:
    """Return a topic's partitions."""
    return range(1 if topic in ALONE else PARTITIONS)


class News:
    """Wakes those who wait for records of a topic."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Event]] = defaultdict(list)

    def watch(self, topics: Iterable[str]) -> asyncio.Event:
        """Return an event that is set at each new record of these topics."""
        event = asyncio.Event()
        for topic in topics:
            self._waiting[topic].append(event)
        return event

    def entered_names(self, topic: str) -> None:
        """Wake whoever waits for a topic."""
        for event in self._waiting[topic]:
            event.set()


@dataclass
class Kafka:
    """The broker with what its clients share."""

    broker: Broker
    news: News = field(default_factory=News)

    def append(self, topic: str, partition: int, records: Iterable[Any]) -> None:
        """Append records and wake who waits for them."""
        for key, value, headers in records:
            self.broker.append(topic, partition, key, value, headers)
        self.news.entered_names(topic)


class StepProducer:
    """The producer of a `JournalWriter`: aiokafka's batches as bytes, each appended whole in a step of the broker."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> "asyncio.Future[None]":
        """Send a batch; return a future that is done when it is durable. It fills until the broker's step."""
        await asyncio.sleep(0)

        def land() -> None:
            batch._set_producer_state(-1, -1, 0)
            data = bytes(batch._build())
            records = [
                (record.key, record.value, list(record.headers)) for record in DefaultRecordBatch(data)
            ]
            self._kafka.append(topic, partition, records)

        return loop_now().serve(land)


class StepConsumer:
    """A consumer without other members in its group. `listener` gets all partitions at the first fetch."""

    def __init__(self, kafka: Kafka, *topics: str) -> None:
        self._kafka = kafka
        self._listener: Any = None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        if topics:
            self.assign([TopicPartition(topic, n) for topic in topics for n in partitions_of(topic)])

    async def start(self) -> None:
        """Connect."""
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Disconnect."""
        await asyncio.sleep(0)

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions from their beginning."""
        self._positions = dict.fromkeys(partitions, 0)
        self._watch = self._kafka.news.watch({partition.topic for partition in self._positions})

    def subscribe(self, topics: list[str], listener: Any) -> None:
        """Join a group. The partitions come with the first fetch."""
        self._topics, self._listener = topics, listener

    def assignment(self) -> frozenset[TopicPartition]:
        """Return our partitions."""
        return frozenset(self._positions)

    def pause(self, *partitions: TopicPartition) -> None:
        """Fetch nothing from these partitions."""
        self._paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch from these partitions again."""
        self._paused.difference_update(partitions)
        self._watch.set()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read a partition from an offset."""
        self._positions[partition] = offset

    async def position(self, partition: TopicPartition) -> int:
        """Return the next offset."""
        await asyncio.sleep(0)
        return self._positions[partition]

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offset of each partition: nothing is removed here."""
        return await loop_now().serve(lambda: dict.fromkeys(partitions, 0))

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset after the last record of each partition."""
        logs = self._kafka.broker.logs
        return await loop_now().serve(lambda: {p: len(logs[p.topic, p.partition]) for p in partitions})

    def last_stable_offset(self, partition: TopicPartition) -> int:
        """Return the end of a partition as of the last fetch."""
        return len(self._kafka.broker.logs[partition.topic, partition.partition])

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int = 500
    ) -> dict[TopicPartition, list[Any]]:
        """Return the next records of our partitions; wait until there are any. `timeout_ms` never passes here."""
        del timeout_ms
        if self._listener is not None and not self._positions:
            self.assign([TopicPartition(topic, n) for topic in self._topics for n in partitions_of(topic)])
            await self._listener.on_partitions_assigned(set(self._positions))
            return {}
        while True:
            self._watch.clear()
            records: dict[TopicPartition, list[Any]] = await loop_now().serve(
                lambda: self._next(partitions, max_records)
            )
            if records:
                return records
            await self._watch.wait()

    def _next(self, partitions: tuple[TopicPartition, ...], most: int) -> dict[TopicPartition, list[Any]]:
        by_partition: dict[TopicPartition, list[Any]] = {}
        for partition in partitions or tuple(self._positions):
            begin = self._positions[partition]
            log = self._kafka.broker.logs[partition.topic, partition.partition]
            if partition not in self._paused and (records := log[begin : begin + most]):
                by_partition[partition] = [fetched_record(record) for record in records]
                self._positions[partition] = begin + len(records)
        return by_partition


@dataclass(slots=True)
class Fetched:
    """A record as aiokafka and Faust return it. `timestamp`: ms for aiokafka's readers, seconds for Faust's."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    generation_id: int = 1
    tracked: bool = False


def fetched_record(record: Record, *, faust: bool = False) -> Fetched:
    """Return a record of the broker as a client gets it."""
    at = record.timestamp if faust else int(record.timestamp * 1000)
    return Fetched(
        record.topic, record.partition, record.offset, at, record.key or None, record.value, record.headers
    )


@dataclass(slots=True)
class FaustEvent:
    """One record for an agent. `ack` tells the commit how far the agent is."""

    message: Any
    acked: Callable[[Fetched], None]

    def ack(self) -> None:
        """Record that everything up to this record is done."""
        self.acked(self.message)
