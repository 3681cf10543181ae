"""Reads `notifications` for one channel, hands requests over, and commits what is finished (N1).

A commit has the first record without a fate, and where the fates of later records begin (`couriers.positions`). After
every start, rebalance and outage the reader begins from there. So a fate and the position never contradict each other:
a record is passed only after its fate is durable, and a record with a fate is not handed over again.
"""

import asyncio
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from couriers import metrics
from couriers.deliverer import Deliverer
from couriers.fates import FateWriter, finished_records
from couriers.port import Channel
from couriers.positions import CommittedPosition, PartitionProgress, read_commit
from models.public import Notification
from streams.clients import Consumer
from streams.clients import consumer as make_consumer
from streams.kafka_refusals import refusal, refusal_of
from streams.patches.consumer_access import group_commits
from streams.readiness import Readiness
from streams.retries import FOLLOW_BOARD
from streams.settings import Settings
from streams.silence import SILENT, Silence
from streams.topics import NOTIFICATIONS
from streams.tracing import headers_of_caused
from streams.unreadable import StandIn, Unreadable

_log = structlog.get_logger(__name__)

POLL_MS: Final = 100
COMMIT_SECONDS: Final = 0.5
"""How often finished records are committed."""
WATCH_SECONDS: Final = 1.0
"""How often it is checked that brokers answer. They answer heartbeats at least as often."""
BATCH_RECORDS: Final = 500
SESSION_MS: Final = 6_000
HEARTBEAT_MS: Final = 1_000
REBALANCE_MS: Final = 30_000
DRAIN_SECONDS: Final = 20.0
"""How long a revocation and a stop wait for what is being sent."""
KAFKA: Final = "Kafka"
REBALANCING: Final = "rebalancing"


def reader_consumer(settings: Settings, group: str, instance_id: str | None) -> Consumer:
    """Return a consumer of a channel's group, not started. `instance_id` turns on static membership."""
    return make_consumer(
        settings,
        group=group,
        group_instance_id=instance_id,
        reset="earliest",
        stand_ins=True,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        rebalance_timeout_ms=REBALANCE_MS,
    )


class RequestReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka's class is untyped
    """Reads requests for one channel until it is stopped, through every outage and rebalance."""

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        channel: Channel,
        fates: FateWriter,
        readiness: Readiness,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._channel = channel
        self._fates = fates
        self._readiness = readiness
        self._progress: dict[TopicPartition, PartitionProgress] = {}
        self._committed: dict[TopicPartition, CommittedPosition] = {}
        self._unsought: set[TopicPartition] = set()
        self._letters_under_way: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._generation = 0
        self._full = False
        self._accepting = False
        self._is_silent = False

    def finished(self, tp: TopicPartition, offset: int, fate: int | None) -> None:
        """Note that a record is finished. `fate`: the offset of its fate on `deliveries`."""
        progress = self._progress.get(tp)
        if progress is not None:
            if fate is not None:
                progress.fate_written(fate)
            progress.finish(offset)

    async def run(self, deliverer: Deliverer, stop: asyncio.Event) -> None:
        """Read until `stop` is set. Raises `ConfigError` where Kafka refuses access, and errors of our own code."""
        self._deliverer = deliverer
        if stop.is_set():  # while Kafka was away, so the consumer is not started
            return
        self._readiness.blocked(REBALANCING, "no partitions yet")
        self._consumer.subscribe([NOTIFICATIONS], listener=self)
        # A commit and a seek wait for Kafka as long as it is away, so a stop cancels them.
        reading = asyncio.create_task(self._read_on())
        watching = asyncio.create_task(self._watch_kafka())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()  # it ends only with an exception
        finally:
            for task in (reading, watching, stopping):
                task.cancel()
            await asyncio.gather(reading, watching, stopping, return_exceptions=True)
            await self._end()

    async def _read_on(self) -> None:
        """Read and commit until cancelled."""
        pauses = FOLLOW_BOARD.pauses()
        commit_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                if self._unsought:
                    await self._seek()
                await self._read()
                if loop.time() >= commit_at:
                    await self._commit()
                    commit_at = loop.time() + COMMIT_SECONDS
                if not self._is_silent:
                    self._readiness.cleared(KAFKA)
                pauses = FOLLOW_BOARD.pauses()
            except (CommitFailedError, IllegalStateError) as error:  # a rebalance between two lines
                _log.info("the group assigns its partitions again", reason=repr(error))
            except (KafkaError, OSError) as error:
                if (access_error := await refusal(self._settings, error)) is not None:
                    raise access_error from error
                self._readiness.blocked(KAFKA, repr(error))
                await asyncio.sleep(next(pauses))
            for failure in (self._failure, self._deliverer.failure):
                if failure is not None:
                    raise refusal_of(self._settings, failure) or failure

    async def _watch_kafka(self) -> None:
        """Say at `/ready` when no broker answers, until cancelled. A poll then gives nothing, and a commit waits."""
        silence = Silence(self._consumer)
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            was_silent, self._is_silent = self._is_silent, silence.lasts(WATCH_SECONDS)
            if self._is_silent and not was_silent:
                _log.warning("Kafka is silent", reason=SILENT)
                self._readiness.blocked(KAFKA, SILENT)
            elif was_silent and not self._is_silent:
                self._readiness.cleared(KAFKA)

    async def _end(self) -> None:
        await self._deliverer.drop(DRAIN_SECONDS)
        try:
            async with asyncio.timeout(SESSION_MS / 1000):
                await self._commit()
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            _log.info("not committed at the end; these records are read again", reason=repr(error))

    async def on_partitions_revoked(self, revoked: AbstractSet[TopicPartition]) -> None:
        """Finish what is being sent and commit, so that the next owner begins after it."""
        self._generation += 1
        self._accepting = False
        self._readiness.blocked(REBALANCING, "the group assigns its partitions again")
        await self._deliverer.drop(DRAIN_SECONDS)
        try:
            await self._commit()
        except (KafkaError, IllegalStateError) as error:
            _log.info("not committed; the next owner reads the fates", reason=repr(error))
        self._progress.clear()
        self._committed.clear()
        self._unsought.clear()
        for tp in revoked:
            _forget_lag(self._channel.name, tp)

    async def on_partitions_assigned(self, assigned: AbstractSet[TopicPartition]) -> None:
        """Pause these partitions until their positions are known."""
        self._generation += 1
        self._unsought = set(assigned)
        self._consumer.pause(*assigned)
        if not assigned:  # there are more couriers than partitions: this one is a standby
            self._readiness.cleared(REBALANCING)

    async def _seek(self) -> None:
        """Begin each partition at its commit, and leave out what has a fate already."""
        generation, topic_partitions = self._generation, sorted(self._unsought)
        commits = await group_commits(self._consumer, topic_partitions)
        begins = await self._consumer.beginning_offsets(topic_partitions)
        starts = {
            tp: read_commit(*commits[tp]) if tp in commits else CommittedPosition(begins[tp], 0)
            for tp in topic_partitions
        }
        finished = await finished_records(
            self._settings, self._channel.name, {tp.partition: at for tp, at in starts.items()}
        )
        if generation != self._generation:
            return
        for tp, at in starts.items():
            self._progress[tp] = PartitionProgress(at, finished[tp.partition])
            self._consumer.seek(tp, max(at.position, begins[tp]))
        self._consumer.resume(*topic_partitions)
        self._unsought.clear()
        self._full, self._accepting = False, True
        self._readiness.cleared(REBALANCING)

    async def _read(self) -> None:
        room = self._deliverer.room
        topic_partitions = self._consumer.assignment()
        if (room <= 0) != self._full and topic_partitions and not self._unsought:
            self._full = room <= 0
            (self._consumer.pause if self._full else self._consumer.resume)(*topic_partitions)
        fetched = await self._consumer.getmany(
            timeout_ms=POLL_MS, max_records=max(1, min(room, BATCH_RECORDS))
        )
        for tp, records in fetched.items():
            for record in records:
                self._take(tp, record)

    def _take(self, tp: TopicPartition, record: Any) -> None:
        progress = self._progress.get(tp)
        if not self._accepting or progress is None or not progress.begin(record.offset):
            return
        if record.value is None or (
            isinstance(record.value, StandIn) and not isinstance(record.value, Unreadable)
        ):
            progress.finish(record.offset)
            return
        if isinstance(record.value, Unreadable):
            self._dead_letter(tp, record, record.value.error_class, record.value.reason)
            return
        try:
            notification = msgspec.json.decode(record.value, type=Notification)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._dead_letter(tp, record, "invalid_notification", str(error))
            return
        if notification.kind != self._channel.kind:
            progress.finish(record.offset)
            return
        at = datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC)
        self._deliverer.take(notification, tp, record.offset, at, trace=headers_of_caused(record))

    def _dead_letter(self, tp: TopicPartition, record: Any, error_class: str, reason: str) -> None:
        async def write() -> None:
            await self._fates.write_dead_letter(record, error_class, reason)
            self.finished(tp, record.offset, None)

        task = asyncio.create_task(write())
        self._letters_under_way.add(task)
        task.add_done_callback(self._letter_written)

    def _letter_written(self, task: asyncio.Task[None]) -> None:
        self._letters_under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _commit(self) -> None:
        commits = {tp: progress.commit for tp, progress in self._progress.items()}
        news = {
            tp: OffsetAndMetadata(at.position, at.metadata)
            for tp, at in commits.items()
            if self._committed.get(tp) != at
        }
        assigned = self._consumer.assignment()
        for tp, progress in self._progress.items():
            end = self._consumer.highwater(tp) if tp in assigned else None
            if end is not None:
                metrics.LAG.labels(self._channel.name, tp.partition).set(
                    max(0, end - progress.commit.position)
                )
        if news:
            await self._consumer.commit(news)
            self._committed |= {tp: commits[tp] for tp in news}


def _forget_lag(channel: str, tp: TopicPartition) -> None:
    try:
        metrics.LAG.remove(channel, tp.partition)
    except KeyError:
        return  # it was never measured
