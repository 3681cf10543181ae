"""Reads the journal from the positions stored in the database, after every start, outage and rebalance.

There is one way to begin, and the reader returns to it after every failure: read the positions from the database,
seek to them, and read. Kafka stores no offsets for this group. A partition without a position is read from its start.
To begin too early is harmless, because `CrmWriter` leaves out what is already applied. To begin too late is impossible.

While one batch is stored, the next one is fetched and its rows are made. A batch made before a failure or a rebalance
is dropped, because it begins after records that may not be stored. Its records are read again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from time import perf_counter, time_ns
from typing import Any, Final, TypeVar

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from models.errors import RetryableError
from sink.writer import DATABASE, AppliedBatch, CrmWriter, JournalRecord, PreparedBatch
from streams import clients, metrics, trace_export
from streams.clients import Consumer
from streams.kafka_refusals import refusal_of
from streams.readiness import Readiness
from streams.retries import WRITE_CRM
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL

_log = structlog.get_logger(__name__)
_Result = TypeVar("_Result")

GROUP: Final = "firstclaim-sink"
KAFKA: Final = "Kafka"
REBALANCING: Final = "rebalancing"
BATCH_RECORDS: Final = 2_000
"""The most records in one transaction. It takes a tenth of a second on a laptop."""
POLL_MS: Final = 200
"""How long one poll waits for records. It also bounds how long a stop can go unnoticed."""
IDLE_CHECK_S: Final = 2.0
"""How often a sink without new records checks that the database is there and has its positions."""
SESSION_MS: Final = 6_000
HEARTBEAT_MS: Final = 1_000
REBALANCE_MS: Final = 30_000
"""How long the group waits in a rebalance for a member that is still storing its batch."""
SLOW_DATABASE_S: Final = 10.0
"""After so long without an answer of the database, `/ready` says so. A batch usually takes a tenth of a second."""
DRAIN_S: Final = 15.0
"""How long the revocation of a partition waits for the current batch. A batch that ends later is safe as well: the
writer finds its records already applied."""
METADATA_MS: Final = 30_000


def make_consumer(settings: Settings, instance_id: str | None) -> Consumer:
    """Return a consumer of the sink's group, not started. `instance_id` turns on static membership."""
    return clients.consumer(
        settings,
        group=GROUP,
        group_instance_id=instance_id,
        reset="earliest",
        stand_ins=True,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        rebalance_timeout_ms=REBALANCE_MS,
        metadata_max_age_ms=METADATA_MS,
    )


def not_filled_from(partition: int, end: int, applied: int) -> str:
    """Return the error message for a database that is ahead of Kafka. It says what to do."""
    return (
        f"partition {partition} ends at offset {end}, and the CRM database has it up to {applied}: Kafka's data is not "
        "what this database was filled from; `firstclaim crm rebuild` fills it anew from this Kafka"
    )


class JournalReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka's class is untyped
    """Copies the journal into the database until it is stopped, through every outage and rebalance."""

    def __init__(self, consumer: Consumer, writer: CrmWriter, readiness: Readiness) -> None:
        self._consumer = consumer
        self._writer = writer
        self._readiness = readiness
        self._unsought: set[TopicPartition] = set()
        self._generation = 0
        """How often the reader has begun again. A batch that was fetched in another generation is dropped."""
        self._storing = asyncio.Lock()
        self._store_task: asyncio.Task[None] | None = None
        self._unstored = Counter[int]()
        """Partition -> records that were fetched in this generation and are not stored yet."""
        self._pauses = WRITE_CRM.pauses()
        self._checked_at = 0.0
        self._asked_at: float | None = None
        """Since when an answer of the database is waited for; None: it is not asked."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set, then finish the current batch. Raises `ConfigError` where Kafka refuses access."""
        self._readiness.blocked(REBALANCING, "no partitions yet")
        self._consumer.subscribe([LEAD_JOURNAL], listener=self)
        try:
            while not stop.is_set():
                try:
                    await self._read_once(stop)
                except RetryableError as later:
                    if (refusal := refusal_of(None, later)) is not None:
                        raise refusal from later
                    await self._wait(later, stop)
            with suppress(RetryableError):
                await self._stored()
        finally:
            if self._store_task is not None:
                self._store_task.cancel()

    async def _read_once(self, stop: asyncio.Event) -> None:
        with _translated():
            if self._unsought:
                await self._stored()
                await self._seek()
            generation = self._generation
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
        if fetched and not stop.is_set():
            await self._store_next(_records_of(fetched), generation, stop)
        elif self._store_task is not None and self._store_task.done():
            await self._stored()
        elif self._store_task is None and not self._unsought:
            await self._check_idle()

    async def _check_idle(self) -> None:
        """Check that the database still has what was stored. Raises RetryableError if it is away or behind.

        A standby that was promoted may lack the last transactions, of partitions that have no new record either.
        """
        now = asyncio.get_running_loop().time()
        if now - self._checked_at < IDLE_CHECK_S:
            return
        await self._in_database(self._writer.check_positions)
        self._checked_at = now
        self._readiness.cleared(DATABASE)

    async def on_partitions_revoked(self, revoked: AbstractSet[TopicPartition]) -> None:
        """Wait until the current batch ends, so that the next owner begins after it."""
        self._generation += 1
        self._unsought.clear()
        for partition in revoked:
            _forget_lag(partition)
        self._readiness.blocked(REBALANCING, "the group assigns its partitions again")
        try:
            async with asyncio.timeout(DRAIN_S), self._storing:
                pass
        except TimeoutError:
            _log.warning("partitions given up while a batch is under way", seconds=DRAIN_S)

    async def on_partitions_assigned(self, assigned: AbstractSet[TopicPartition]) -> None:
        """Pause these partitions until their positions are set."""
        self._begin_again(assigned)
        if not assigned:  # there are more sinks than partitions: this one is a standby
            self._readiness.cleared(REBALANCING)

    async def measure(self) -> None:
        """Read the partitions' end offsets from Kafka. This measures the lag and whether Kafka answers.

        Also say at `/ready` if the database has not answered for long.
        """
        try:
            with _translated():
                generation, assigned = self._generation, self._consumer.assignment()
                async with asyncio.timeout(SESSION_MS / 1000):
                    ends = await self._consumer.end_offsets(assigned) if assigned else {}
                for partition, end in ends.items():
                    if generation == self._generation and partition not in self._unsought:
                        at = await self._consumer.position(partition)
                        number = partition.partition
                        metrics.SINK_LAG.labels(number).set(end - at + self._unstored[number])
        except RetryableError as later:
            if later.what == KAFKA:
                self._readiness.blocked(KAFKA, later.reason)
        except TimeoutError:
            self._readiness.blocked(KAFKA, f"has not answered for {SESSION_MS / 1000:.0f} s")
        else:
            self._readiness.cleared(KAFKA)
        waits = 0.0 if self._asked_at is None else asyncio.get_running_loop().time() - self._asked_at
        if waits > SLOW_DATABASE_S:
            self._readiness.blocked(DATABASE, f"has not answered for {waits:.0f} s")

    async def _in_database(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        """Do blocking work with the database, one at a time. It waits as long as the server is silent."""
        self._asked_at = asyncio.get_running_loop().time()
        try:
            return await asyncio.to_thread(work, *arguments)
        finally:
            self._asked_at = None

    def _begin_again(self, partitions: AbstractSet[TopicPartition]) -> None:
        self._generation += 1
        self._unstored.clear()
        self._unsought = set(partitions)
        self._consumer.pause(*partitions)

    async def _seek(self) -> None:
        """Seek each partition to its position in the database. Raises RetryableError if Kafka ends before that."""
        generation, partitions = self._generation, set(self._unsought)
        positions = await self._in_database(self._writer.positions)
        ends = await self._consumer.end_offsets(partitions)
        if generation != self._generation:
            return  # a rebalance has assigned others meanwhile
        behind = False
        for partition in partitions:
            end, position = ends[partition], positions.get(partition.partition)
            applied = position.next_offset if position else 0
            behind = behind or applied < end
            if applied > end:
                # Continuing would skip every new record up to `applied` as if it had been stored.
                raise RetryableError(LEAD_JOURNAL, not_filled_from(partition.partition, end, applied))
        for partition in partitions:
            position = positions.get(partition.partition)
            # Without a position the database has nothing of it, or nothing any more: this reader may be further.
            self._consumer.seek(partition, position.next_offset if position else 0)
            self._consumer.resume(partition)
        self._unsought.clear()
        self._readiness.cleared(REBALANCING, LEAD_JOURNAL)
        if not behind:
            self._succeeded()

    async def _store_next(self, batch: list[JournalRecord], generation: int, stop: asyncio.Event) -> None:
        """Make the rows of a batch, wait until the batch before it is stored, and begin to store this one.

        Raises RetryableError if the batch before it could not be stored. Then, after a rebalance, or if `stop` is set,
        this one is dropped.
        """
        if generation != self._generation:
            return
        self._unstored.update(record.partition for record in batch)
        rows = await asyncio.to_thread(self._writer.prepared, batch)
        await self._stored()
        if generation == self._generation and not stop.is_set():
            self._store_task = asyncio.create_task(self._store(rows, generation))

    async def _stored(self) -> None:
        """Wait until the current batch is stored. Raises RetryableError if it could not be stored."""
        task, self._store_task = self._store_task, None
        if task is not None:
            await task

    async def _store(self, batch: PreparedBatch, generation: int) -> None:
        async with self._storing:
            if generation != self._generation:
                return  # a rebalance began before this batch
            began, began_ns = perf_counter(), time_ns()
            applied = await self._in_database(self._writer.store, batch)
        metrics.SINK_BATCH_SECONDS.observe(perf_counter() - began)
        metrics.SINK_BATCH_RECORDS.observe(len(batch.records))
        if trace_export.watching:
            for prepared in batch.records:
                trace_export.report_handled(prepared.record, began_ns, "sink")
        _count(applied)
        if generation != self._generation:
            self._readiness.cleared(DATABASE)  # what else is in the way came after this batch began
            return
        self._unstored.subtract(prepared.record.partition for prepared in batch.records)
        self._succeeded()
        if applied.stale == len(batch.records):
            # Another sink is ahead of this one, or the topic was created anew. Read the positions again.
            self._begin_again(self._consumer.assignment())

    def _succeeded(self) -> None:
        self._pauses = WRITE_CRM.pauses()
        rebalancing = bool(self._unsought)
        self._readiness.cleared()
        if rebalancing:
            self._readiness.blocked(REBALANCING, "partitions are not sought yet")

    async def _wait(self, later: RetryableError, stop: asyncio.Event) -> None:
        """Keep the partitions and the membership for a while without reading, then begin again."""
        pause = next(self._pauses)
        _log.warning("tried again later", what=later.what, reason=later.reason, seconds=round(pause, 1))
        metrics.SINK_RETRIES.labels(later.what).inc()
        self._readiness.blocked(later.what, later.reason)
        self._begin_again(self._consumer.assignment())
        loop = asyncio.get_running_loop()
        until = loop.time() + pause
        while not stop.is_set() and (remaining := until - loop.time()) > 0:
            try:
                # The partitions are paused, so this returns nothing. Without the call the group would consider this
                # member idle.
                await self._consumer.getmany(timeout_ms=int(min(remaining * 1000, POLL_MS)) + 1)
            except KafkaError:
                await asyncio.sleep(min(remaining, POLL_MS / 1000))


def _records_of(fetched: dict[TopicPartition, list[Any]]) -> list[JournalRecord]:
    return [
        JournalRecord(
            record.partition,
            record.offset,
            record.key,
            record.value,
            tuple(record.headers),
            record.timestamp,
        )
        for records in fetched.values()
        for record in records
    ]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IllegalStateError as error:  # a rebalance took a partition between two lines
        raise RetryableError(REBALANCING, str(error)) from error
    except KafkaError as error:
        raise RetryableError(KAFKA, repr(error)) from error


def _count(applied: AppliedBatch) -> None:
    for outcome in ("leads", "repeats", "stale", "passed", "buried"):
        if number := getattr(applied, outcome):
            metrics.SINK_RECORDS.labels(outcome).inc(number)
    if applied.repeats:
        metrics.REPEATS_SKIPPED.labels("sink").inc(applied.repeats)
    for table, rows in applied.rows:
        metrics.SINK_ROWS.labels(table).inc(rows)


def _forget_lag(partition: TopicPartition) -> None:
    try:
        metrics.SINK_LAG.remove(partition.partition)
    except KeyError:
        return  # it was never measured
