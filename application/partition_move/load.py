"""Writes the file of a move to an empty Kafka, and sets the workers' positions behind what they need not read again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from application.audit.entry import operator
from application.audit.write import audited
from application.erasure.receipts import write_purge
from application.lag import Lags
from application.partition_move.at_rest import check_stopped, check_unmoved, ends_of_all
from application.partition_move.move_file import FileHeader, MovedRecord, check_whole, read_head, records
from models.codec import decode_row, directory_key
from models.errors import ConfigError, RuntimeFailure
from models.lead import DirectoryRow
from streams import clients
from streams.clients import Producer, partition_of
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topics import (
    BY_NAME,
    DO_NOT_CONTACT,
    LEAD_JOURNAL,
    ORG_JOURNAL,
    WORKER_GROUP,
    provision,
)

Say = Callable[[str], None]

UNDER_WAY: Final = 2_000
"""The most records that are sent and not acknowledged."""
LARGEST_REQUEST_BYTES: Final = 4 * 1024 * 1024
MAX_OFFSETS: Final = 10_000_000
"""The largest end of `directory` and `do-not-contact`. Each offset before a record is filled with a small one."""
FILLS_LIST: Final = b"default/email/nobody@firstclaim.invalid"
"""The key of the records without a value that fill offsets of `do-not-contact`: they remove what is not there."""


async def load(settings: Settings, path: Path, *, say: Say) -> dict[str, int]:
    """Make the topics and write the file to them; return the number of records of the file by topic.

    Raises `ConfigError` for an unusable file, `RuntimeFailure` if a process runs, a topic has records, or somebody
    writes meanwhile, and `RetryableError` without Kafka. If it fails later, it has to begin again with an empty Kafka.
    The audit gets an entry.
    """
    head = read_head(path)
    total = check_whole(path)
    if (highest := max(head.ends.values(), default=0)) > MAX_OFFSETS:
        raise ConfigError(
            "FILE", f"{path} has an offset of {highest:,}; a move takes at most {MAX_OFFSETS:,}"
        )
    settings = await provision(settings)
    lags = Lags(settings)
    producer = clients.producer(settings, max_request_size=LARGEST_REQUEST_BYTES)
    try:
        await lags.start()
        await check_stopped(lags, say)
        for tp, end in (await ends_of_all(lags)).items():
            if end:
                raise RuntimeFailure(tp.topic, "has records already; a move needs an empty Kafka")
        say(f"{total:,} records from {head.partitions} partitions to {settings.partitions}")
        async with audited(settings, operator(""), "state_imported", f"file/{path.name}") as entry:
            entry.add("partitions", settings.partitions, head.partitions)
            entry.add("records", total)
            async with clients.started_client(producer):
                loading = _Loading(settings, producer, head)
                counts = await loading.run(path, say)
            check_unmoved(loading.ends, await ends_of_all(lags))
            await _skip(settings, loading.read)
            # What happened before is in no log here. This tells `verify` from when on it can compare.
            await write_purge(settings, {})
    except (KafkaError, OSError) as error:
        raise await failure(settings, error, f"the state cannot be written: {error!r}") from error
    finally:
        await lags.close()
    return counts


class _Loading:
    """One run. `read`: (topic, partition) -> where the workers begin to read. `ends`: how many records each got."""

    def __init__(self, settings: Settings, producer: Producer, head: FileHeader) -> None:
        self._settings = settings
        self._producer = producer
        self._head = head
        self._now_ms = int(datetime.now(UTC).timestamp() * 1000)
        self._sent: list[tuple[Any, MovedRecord]] = []
        self.read: dict[TopicPartition, int] = {}
        self.ends: Counter[TopicPartition] = Counter()

    async def run(self, path: Path, say: Say) -> dict[str, int]:
        counts: dict[str, int] = {}
        for topic, topic_records in groupby(records(path), key=lambda record: record.topic):
            say(topic)
            if topic in self._head.ends:
                counts[topic] = await self._in_place(topic, topic_records)
                continue
            count = 0
            for record in topic_records:
                count += 1
                for partition, key in self._targets(record):
                    await self._send(record, partition, key)
            counts[topic] = counts.get(topic, 0) + count
        for topic in self._head.ends.keys() - counts.keys():
            counts[topic] = await self._in_place(topic, iter(()))
        await self._settle()
        return counts

    async def _in_place(self, topic: str, topic_records: Iterable[MovedRecord]) -> int:
        """Write the records of a topic whose offsets are versions, each at its own offset."""
        count, at = 0, 0
        end = self._head.ends[topic]
        last: MovedRecord | None = None
        for record in topic_records:
            for filling in _fillings(topic, record, record.offset - at):
                await self._send(filling, 0, filling.key)
            await self._send(record, 0, record.key)
            at, last, count = record.offset + 1, record, count + 1
        # The list's fillings need not be read. The last object of the directory is published again with each of its
        # repeats, so the workers read those.
        self.read[TopicPartition(topic, 0)] = end if topic == DO_NOT_CONTACT else at
        if at < end:
            filling = _last_filling(topic, last)
            for _ in range(end - at):
                await self._send(filling, 0, filling.key)
        await self._settle()
        return count

    def _targets(self, record: MovedRecord) -> Iterator[tuple[int, bytes | None]]:
        """Yield the partitions that get a record, with its key in each."""
        count = self._settings.partitions
        if record.key is None and record.topic in (LEAD_JOURNAL, ORG_JOURNAL):
            row = decode_row(record.value or b"")
            assert isinstance(row, DirectoryRow)  # noqa: S101  # `export` writes no other row without a key
            of_org = (partition_of(row.org.encode(), count),)
            for partition in range(count) if record.topic == LEAD_JOURNAL else of_org:
                yield partition, directory_key(partition, row.org, row.kind, row.object_id)
        elif record.topic == ORG_JOURNAL:
            org = (record.key or b"").split(b"/", 1)[0]
            yield partition_of(org, count), record.key
        else:
            only = BY_NAME[record.topic].partitions or count
            yield partition_of(record.key or b"", only), record.key

    async def _send(self, record: MovedRecord, partition: int, key: bytes | None) -> None:
        # A row has the time of its writing: it is compacted only when every reader had a day to read it.
        future = await self._producer.send(
            record.topic,
            record.value,
            key,
            partition=partition,
            headers=[(name, value or b"") for name, value in record.headers],
            timestamp_ms=record.timestamp_ms or self._now_ms,
        )
        self.ends[TopicPartition(record.topic, partition)] += 1
        self._sent.append((future, record))
        if len(self._sent) >= UNDER_WAY:
            await self._settle()

    async def _settle(self) -> None:
        """Wait until everything sent is durable and is where it must be."""
        sent, self._sent = self._sent, []
        for written, (_, record) in zip(
            await clients.durable([future for future, _ in sent]), sent, strict=True
        ):
            if record.offset not in (-1, written.offset):
                reason = f"a record is at offset {written.offset} and must be at {record.offset}: did a process run?"
                raise RuntimeFailure(record.topic, reason)


def _fillings(topic: str, record: MovedRecord, count: int) -> Iterator[MovedRecord]:
    """Yield the records that fill the offsets before a record. The record replaces what they say."""
    key = FILLS_LIST if topic == DO_NOT_CONTACT else record.key
    for _ in range(count):
        yield MovedRecord(topic=topic, key=key, value=None)


def _last_filling(topic: str, last: MovedRecord | None) -> MovedRecord:
    if topic == DO_NOT_CONTACT:
        return MovedRecord(topic=topic, key=FILLS_LIST, value=None)
    if last is None:
        raise RuntimeFailure(
            topic, "has no record left, so its versions cannot go on; publish an object before the export"
        )
    return MovedRecord(topic=topic, key=last.key, value=last.value, headers=last.headers)


async def _skip(settings: Settings, read: dict[TopicPartition, int]) -> None:
    """Set the workers' positions behind the records whose effects are in the journals already."""
    consumer = clients.consumer(settings, group=WORKER_GROUP, reset="none")
    # aiokafka waits for a group's coordinator for ever.
    async with clients.started_client(consumer), asyncio.timeout(clients.DURABLE_SECONDS):
        consumer.assign(list(read))
        await consumer.commit({tp: OffsetAndMetadata(offset, "") for tp, offset in read.items()})
