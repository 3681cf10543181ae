"""Follows `queue-changes` and applies each change to the lists within milliseconds, once and in order.

The board's offsets are stored only in Valkey, in the same step as the changes. So whatever happens to Valkey is
noticed at the next batch or within a second. If it is unreachable, the board waits and applies the same batch again.
If it lost its last writes, because it was killed or because a replica was promoted that lacked them, the board reads
those again, in every partition: a script writes only to the life of the server that the board began with. Readers of
the feeds are told to read their lists again. If it was wiped, the board rebuilds from the journal.
The same holds for a second board beside this one: it applies nothing twice, and takes over when this one is gone.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import redis.asyncio
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from board import metrics
from board.connection import connect
from board.expected import SOURCES, BoardTopics
from board.rebuild import RebuildInProgressError, rebuild
from board.refusals import AccessRefusedError
from board.writer import (
    BoardChange,
    BoardReplaced,
    BoardWriter,
    Generation,
    OffsetsMoved,
    ServerChanged,
    read_change,
)
from models.errors import ConfigError, RetryableError
from streams import trace_export
from streams.clients import Consumer, stop_consumer
from streams.clients import consumer as make_consumer
from streams.kafka_refusals import refusal
from streams.retries import FOLLOW_BOARD
from streams.settings import Settings
from streams.unreadable import records_of

log = structlog.get_logger(__name__)

BATCH: Final = 500
"""The most changes in one script. The script blocks Valkey and its readers for about seven milliseconds."""

_IDLE_SECONDS: Final = 1.0
"""How often an idle board checks that Valkey still has its lists."""
_ANSWER_SECONDS: Final = 5.0
"""How long Kafka may take to return a topic's ends. It normally takes milliseconds; after this it counts as
unreachable."""
_LOGGED_REASONS: Final = 8
"""How many reasons for waiting are remembered. Each is logged once, even if several alternate."""


class BoardState(msgspec.Struct, kw_only=True):
    """The state of the board. `caught_up`: it has read to the end since it last (re)started to follow."""

    generation: str | None = None
    caught_up: bool = False
    lag: int = 0
    applied: int = 0
    trouble: str | None = "starting"

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the lists can be relied on, and the state as a JSON object."""
        return self.caught_up and self.trouble is None, msgspec.structs.asdict(self)


class Board:
    """Follows `queue-changes` until cancelled. `state` is its current state."""

    def __init__(
        self, settings: Settings, client: redis.asyncio.Redis, sources: BoardTopics = SOURCES
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._client = client
        self._writer = BoardWriter(client)
        self._gap: str | None = None
        self._logged: deque[str] = deque(maxlen=_LOGGED_REASONS)
        self.state = BoardState()

    async def follow(self) -> None:
        """Follow until cancelled. Wait for unreachable servers, and rebuild what is lost.

        Raises `ConfigError` where Valkey or Kafka refuses access, because only other settings, users or ACLs help.
        """
        pauses = FOLLOW_BOARD.pauses()
        while True:
            try:
                generation = await self._current()
                pauses = FOLLOW_BOARD.pauses()
                await self._follow(generation)
            except (BoardReplaced, OffsetsMoved, ServerChanged, NoOffsetForPartitionError) as news:
                self.state.caught_up = False
                log.info("the board goes on from where it is", reason=str(news))
            except (OffsetOutOfRangeError, _Gap) as gap:
                self._gap = f"changes are missing from Kafka: {gap}"
            except AccessRefusedError as refused:
                raise ConfigError("REDIS_URL", refused.reason) from refused
            except (RetryableError, RebuildInProgressError, KafkaError, OSError) as error:
                if (access_error := await refusal(self._settings, error)) is not None:
                    raise access_error from error
                self._reports_an_error(str(error) or repr(error))
                await asyncio.sleep(next(pauses))

    async def _current(self) -> Generation:
        """Return the current generation. Rebuild if there is none or it cannot continue."""
        await self._check_eviction()
        current = None if self._gap else await self._writer.generation()
        if current is None:
            self._reports_an_error(f"{self._gap or 'Valkey has no board'}; rebuilding")
            await rebuild(self._settings, client=self._client, sources=self._sources)
            self._gap = None
            current = await self._writer.generation()
        if current is None:
            raise RetryableError("Valkey", "its new board was deleted")
        generation, is_new_life = await self._writer.resume(current.id)
        if is_new_life:
            metrics.RESUMED.inc()
            log.info(
                "Valkey was started or promoted; the board goes on from what it has",
                offsets=generation.offsets,
            )
        return generation

    async def _check_eviction(self) -> None:
        """Raise `RetryableError` while Valkey may evict rows. The lists are made anew afterwards."""
        if (policy := await self._writer.evicts()) is not None:
            self._gap = f"rows may be missing, because maxmemory-policy was {policy}"
            raise RetryableError(
                "Valkey", f"maxmemory-policy is {policy}, which drops rows of the lists; set it to noeviction"
            )

    async def _follow(self, generation: Generation) -> None:
        """Apply changes to one generation. Ends only with an exception."""
        consumer = make_consumer(self._settings, self._sources.changes, reset="none", stand_ins=True)
        try:
            await consumer.start()
            positions, ends = await _seek(consumer, generation)
            self.state.generation, self.state.caught_up = generation.id, False
            self._note_lag(positions, ends)
            while True:
                batches = await consumer.getmany(timeout_ms=int(_IDLE_SECONDS * 1000), max_records=BATCH)
                await self._apply(generation, batches, positions)
                await self._measure(consumer, positions, idle=not batches)
        finally:
            await stop_consumer(consumer)

    async def _apply(
        self, generation: Generation, batches: dict[TopicPartition, list[Any]], positions: dict[int, int]
    ) -> None:
        """Apply one batch of the consumer. An empty batch checks whether the board still exists."""
        offsets = {
            p.partition: (positions[p.partition], rs[-1].offset + 1) for p, rs in batches.items() if rs
        }
        # The offsets also pass records that are unreadable.
        changes = readable(
            generation, records_of(record for records in batches.values() for record in records)
        )
        began = time.time_ns()
        for pause in FOLLOW_BOARD.pauses():
            try:
                applied = await self._writer.apply(generation.id, changes, offsets)
                break
            except AccessRefusedError:
                raise
            except RetryableError as away:
                self._reports_an_error(str(away))
                await asyncio.sleep(pause)
        if trace_export.watching:
            for records in batches.values():
                for record in records:
                    trace_export.report_handled(record, began, "board")
        positions.update({partition: following for partition, (_, following) in offsets.items()})
        self.state.applied += applied
        metrics.APPLIED.inc(applied)
        metrics.SKIPPED.inc(len(changes) - applied)

    async def _measure(self, consumer: Consumer, positions: dict[int, int], *, idle: bool) -> None:
        """Compare with the topic's ends: those of the last fetch, or those read now if nothing came.

        Reading them also tells an idle Kafka from an unreachable one, for which `RetryableError` is raised.
        """
        topic_partitions = sorted(consumer.assignment())
        # Records of an open transaction do not count as lag, because no consumer gets them yet.
        ends = {tp: consumer.last_stable_offset(tp) for tp in topic_partitions}
        if idle:
            await self._check_eviction()
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    ends = await consumer.end_offsets(topic_partitions)
            except (TimeoutError, KafkaError) as error:
                raise RetryableError(
                    "Kafka", f"the ends of {self._sources.changes} could not be read"
                ) from error
        self._note_lag(positions, ends)

    def _note_lag(self, positions: dict[int, int], ends: Mapping[TopicPartition, int | None]) -> None:
        """Note how far the board is behind the ends of the topic, of which None is not known yet."""
        self.state.lag = sum(max(0, (end or 0) - positions.get(tp.partition, 0)) for tp, end in ends.items())
        self.state.caught_up |= self.state.lag == 0 and None not in ends.values()
        self.state.trouble = None
        self._logged.clear()
        metrics.LAG.set(self.state.lag)
        metrics.UP.set(1)

    def _reports_an_error(self, reason: str) -> None:
        if reason not in self._logged:
            self._logged.append(reason)
            log.warning("the board waits", reason=reason)
        self.state.trouble, self.state.caught_up = reason, False
        metrics.UP.set(0)


class _Gap(Exception):  # noqa: N818  # it is caught three steps above and never leaves this file
    """The offset to continue from is not in the topic, or not any more."""


async def _seek(
    consumer: Consumer, generation: Generation
) -> tuple[dict[int, int], dict[TopicPartition, int]]:
    """Seek to the generation's offsets; return them and the topic's ends. Raise `_Gap` if the topic lacks them."""
    topic_partitions = sorted(consumer.assignment())
    begin, end = (
        await consumer.beginning_offsets(topic_partitions),
        await consumer.end_offsets(topic_partitions),
    )
    positions = {}
    for tp in topic_partitions:
        at = generation.offsets.get(tp.partition, 0)
        if not begin[tp] <= at <= end[tp]:
            raise _Gap(f"partition {tp.partition} has {begin[tp]} to {end[tp]}, the board is at {at}")
        consumer.seek(tp, at)
        positions[tp.partition] = at
    return positions, end


def readable(generation: Generation, records: Iterable[Any]) -> Sequence[BoardChange]:
    """Return the changes that the generation does not have yet. Other records are counted and left out."""
    changes = []
    for record in records:
        if record.value is None or _contained(generation.floor, record.headers):
            continue
        try:
            changes.append(read_change(record.value))
        except msgspec.MsgspecError as error:
            metrics.UNREADABLE.inc()
            position = f"{record.topic}-{record.partition}-{record.offset}"
            log.warning("this is no queue change and was left out", place=position, reason=str(error))
    return changes


def _contained(floor: dict[int, int], headers: Iterable[tuple[str, bytes]]) -> bool:
    """Return whether the rebuild already contains a change, by its id `<log>-<partition>-<offset>-<n>`."""
    for name, value in headers:
        if name == "ce_id":
            _, partition, offset, _ = value.rsplit(b"-", 3)
            return int(offset) <= floor.get(int(partition), -1)
    return False


async def run(settings: Settings) -> None:
    """Run the board until cancelled, inside another process's loop. `process.py` runs it as a process."""
    client = connect(settings.redis_url)
    try:
        await Board(settings, client).follow()
    finally:
        metrics.UP.set(0)
        await client.aclose()
