"""What stock Faust 0.15.3 loses, it loses in the few functions below; each is replaced once, for its stated reason.

========  =============================================  =====================================================
patch     replaces                                       because (facts of docs/faust.md)
========  =============================================  =====================================================
P1        `FlowControlEvent.resume`                      it clears buffers that were never suspended: events lost
P2        `Consumer._new_offset`                         it commits past events still in flight
P3        `Consumer.on_partitions_revoked`               it forgets what was acked before it commits it
P4        `AIOKafkaConsumerThread._fetch_records`        a fetch that is overtaken, or for nothing, drops what it took
P5        `Consumer.on_partitions_assigned`              it fetches before agents and tables know their partitions
P6        `Recovery.on_recovery_completed`               what is fetched before its last seek is done is lost for good
drain     `Consumer._drain_messages`                     two tasks for each message, stalls at buffer pressure
deliver   `Conductor._build_handler`                     decoding, settings, readers counted each time (`streams.pace`)
look_up   `Conductor._compile_message_handler`           a lock taken for each message (`streams.pace`)
getmany   `Consumer.getmany`                             its topic's end asked for each message (`streams.pace`)
slurp     `Recovery._slurp_changelogs`                   a task and a timer for each changelog record
prefetch  `Fetcher.__init__`                             0.1 s and 1.5 s stalls while another partition's records wait
commit    `Consumer._commit_offsets`                     it draws a table for its log at every commit
mark      `AIOKafkaConsumerThread._commit`               a reader's mark is committed with its offset (docs/design.md)
lease     `GroupCoordinator._do_heartbeat`               see `streams.lease`
committed `AIOKafkaConsumerThread._create_worker_consumer` aborted records come in, and one bad batch ends it
ends      `AIOKafkaConsumerThread._highwaters`           its tables would end where a transaction hangs
========  =============================================  =====================================================

Applied to exactly the versions in `TESTED`: any other is refused, because a patch that fits by chance is worse than
none. Each has a test in tests/streams that fails without it.
"""

import asyncio
import importlib.metadata
from collections import defaultdict
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

import faust.streams
import faust.transport.drivers.aiokafka as driver
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import Consumer
from mode.utils.queues import FlowControlEvent

from models.errors import ConfigError
from streams import consuming, lease, pace, recovering
from streams.inflate import missing_codecs

TESTED: Final = MappingProxyType(
    {"faust-streaming": ("0.15.3",), "mode-streaming": ("0.7.1",), "aiokafka": ("0.14.0",)}
)
YIELD_EVERY: Final = 100
"""Messages handed to the agents between two turns of the loop."""
BUFFERED: Final = 4_000
"""Messages that may wait in the agents' buffers before fetching holds; aiokafka holds as much again."""

_applied: set[str] = set()


def check_versions() -> None:
    """Raise `ConfigError` unless the installed Faust is one the patches were tested with, and has its C parts."""
    for package, tested in TESTED.items():
        found = importlib.metadata.version(package)
        if found not in tested:
            raise ConfigError(
                package, f"version {found} is untested here; the patches fit {', '.join(tested)}"
            )
    if missing := missing_codecs():
        raise ConfigError("cramjam", f"is not installed, and Kafka's codecs {', '.join(missing)} need it")
    # Missing from the build, or left out by the environment's NO_CYTHON: Faust falls back without a word.
    if vars(faust.streams)["_CStreamIterator"] is None:
        raise ConfigError("faust-streaming", "runs without its C extensions, with which it was tested")


def apply(*, only: frozenset[str] | None = None) -> None:
    """Apply the patches, once. `only` names some of them: for the tests that show what each is for."""
    check_versions()
    for name, patch in _PATCHES.items():
        if name not in _applied and (only is None or name in only):
            patch()
            _applied.add(name)


# -- P1 -----------------------------------------------------------------------------------------------------------


def _p1() -> None:
    def resume(self: Any) -> None:
        was_suspended = self._suspend.is_set()
        self._suspend.clear()
        self._resume.set()
        if was_suspended:
            self.clear()

    FlowControlEvent.resume = resume


# -- P2 -----------------------------------------------------------------------------------------------------------


def _p2() -> None:
    new_offset = Consumer._new_offset
    init = Consumer.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        deliver = self.callback
        delivered: defaultdict[Any, set[int]] = defaultdict(set)
        self._delivered = delivered
        acks_enabled_for = self.app.topics.acks_enabled_for

        async def callback(message: Any) -> None:
            if acks_enabled_for(message.topic):
                delivered[message.tp].add(message.offset)
            await deliver(message)

        self.callback = callback

    def _new_offset(self: Any, tp: Any) -> int | None:
        """Commit no further than the first delivered event that is not acked."""
        in_flight = self._delivered[tp]
        acked = self._acked[tp]
        in_flight.difference_update(acked)
        # What is committed may be delivered again by a seek; Faust takes no ack for it, so none is waited for.
        committed = self._committed_offset[tp] or 0
        in_flight.difference_update([offset for offset in in_flight if offset < committed])
        first = min(in_flight) if in_flight else None
        if first is None:
            return new_offset(self, tp)
        low = [offset for offset in acked if offset < first]
        if not low:
            return None
        high = [offset for offset in acked if offset >= first]
        acked[:] = low
        offset = new_offset(self, tp)
        acked[:] = [offset for offset in acked if offset < first] + high
        return None if offset is None else min(offset, first)

    Consumer.__init__ = __init__
    Consumer._new_offset = _new_offset


# -- P3 -----------------------------------------------------------------------------------------------------------


def _p3() -> None:
    async def on_partitions_revoked(self: Any, revoked: set[Any]) -> None:
        """1. nothing more is fetched; 2. what is under way becomes durable and is committed; 3. only then forget."""
        if self._active_partitions is not None:
            self._active_partitions.difference_update(revoked)
        self._paused_partitions.difference_update(revoked)
        await self._on_partitions_revoked(revoked)
        books = [
            self._gap,
            self._acked,
            self._acked_index,
            self._read_offset,
            self._committed_offset,
            getattr(self, "_delivered", {}),
        ]
        for tp in revoked:
            for book in books:
                book.pop(tp, None)

    Consumer.on_partitions_revoked = on_partitions_revoked


# -- drain --------------------------------------------------------------------------------------------------------


def _buffered(app: Any) -> int:
    # The conductor's topics are the agents' channels.
    return sum(channel.queue.qsize() for channel in app.topics._topics)


def _drain() -> None:
    async def room(self: Any) -> None:
        """Hold fetching while the agents have enough to do; a suspended flow ends the wait."""
        while _buffered(self.app) > BUFFERED and not self.suspend_flow.is_set() and not self.should_stop:
            await asyncio.sleep(0.002)

    async def _drain_messages(self: Any, fetcher: Any) -> None:
        callback, getmany = self.callback, self.getmany
        stopped, fetcher_stopped = self._stopped.is_set, fetcher._stopped.is_set
        read_offset = self._read_offset
        acks_enabled_for = self.app.topics.acks_enabled_for
        suspended = self.suspend_flow.is_set
        since_yield = 0
        try:
            while not (stopped() or fetcher_stopped()):
                messages = getmany(timeout=1.0)
                await asyncio.sleep(0)
                if self.should_stop:
                    continue
                async for tp, message in messages:
                    since_yield += 1
                    if since_yield > YIELD_EVERY:
                        since_yield = 0
                        await asyncio.sleep(0)
                        await room(self)
                    offset, read = message.offset, read_offset[tp]
                    if read is not None and offset < read:
                        continue
                    # Faust tests `read` for truth: a hole behind offset 0 would hold the commits for ever.
                    if read is not None and offset - read > 1 and acks_enabled_for(message.topic):
                        await self._add_gap(tp, read + 1, offset)
                    if suspended():
                        # A rebalance began. It ends with a seek to what is committed, so this message comes again;
                        # delivered now it could reach an agent that no longer owns its partition.
                        await self.can_resume_flow.wait()
                        break
                    await callback(message)
                    read_offset[tp] = offset
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise

    Consumer._drain_messages = _drain_messages


# -- mark ---------------------------------------------------------------------------------------------------------


def _mark() -> None:
    async def _commit(self: Any, offsets: dict[Any, int]) -> bool:
        """Commit offsets, each with what `app.commit_metadata(tp, offset)` says of it, if the app says anything."""
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        now = monotonic()
        metadata = getattr(self.consumer.app, "commit_metadata", None)
        batch = {}
        for tp, offset in offsets.items():
            if tp in assigned:
                said = metadata(tp, offset) if metadata else ""
                batch[TopicPartition(tp.topic, tp.partition)] = OffsetAndMetadata(offset, said)
                self.tp_last_committed_at[tp] = now
        if not batch:
            return False
        try:
            await consumer.commit(batch)
        except CommitFailedError:
            # The group has moved on; whoever owns the partition now will read these events again.
            return False
        except Exception as error:
            self.log.exception("committing failed")
            await self.crash(error)
            return False
        return True

    driver.AIOKafkaConsumerThread._commit = _commit


# -- commit -------------------------------------------------------------------------------------------------------


def _commit() -> None:
    async def _commit_offsets(self: Any, offsets: dict[Any, int], start_new_transaction: bool = True) -> bool:  # noqa: ARG001
        """Commit what is still ours, and draw no table of it: once a second a claim waited behind that drawing.

        There is nothing to flush: what is acked is durable already, and our writers are not Faust's.
        """
        assigned = self.assignment()
        ours = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not ours:
            return False
        committed: bool = await self._commit(ours)
        if committed:
            self.app.tables.on_commit(ours)
        self._committed_offset.update(ours)
        return committed

    Consumer._commit_offsets = _commit_offsets


_PATCHES: Final = {
    "P1": _p1,
    "P2": _p2,
    "P3": _p3,
    "P4": recovering.p4,
    "P5": recovering.p5,
    "P6": recovering.p6,
    "drain": _drain,
    "deliver": pace.deliver,
    "look_up": pace.look_up,
    "getmany": pace.getmany,
    "slurp": recovering.slurp,
    "prefetch": consuming.prefetch,
    "mark": _mark,
    "commit": _commit,
    "lease": lease.install,
    "committed": consuming.committed,
    "ends": consuming.highwaters,
}
