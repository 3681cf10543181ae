"""The relay: what a journal record decided becomes public, each record once in order, no older version after a newer.

Within a partition of the journal the log offset only grows, except for what a zombie or an overlapping rebalance
repeats. The relay skips what does not exceed the highest it saw, and commits that mark with its offsets (DESIGN.md).
"""

from collections import deque
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from mode.supervisors import CrashingSupervisor
from msgspec import MsgspecError

from agents.told import Told
from models.wire import decode_row
from rules.effects import effects
from streams.app import StageApp, bulks, raw_topic
from streams.dead_letters import bury, verdict
from streams.journal import Acker, JournalWriter, check_size
from streams.metrics import EVENTS, REPEATS_SKIPPED
from streams.topics import LEAD_JOURNAL

_log = structlog.get_logger(__name__)
_HANDLED: Final = EVENTS.labels(stage="relay")

NO_MARK: Final = -1


class Marks:
    """The highest log offset seen in each journal partition, and what it was at each offset not yet committed."""

    def __init__(self) -> None:
        self.highest: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._steps: dict[int, deque[tuple[int, int]]] = {}

    def restore(self, partition: int, mark: int) -> None:
        """Begin a partition with the mark that was committed with its offset."""
        self.highest[partition] = self._committed[partition] = mark
        self._steps[partition] = deque()

    def forget(self) -> None:
        """Forget all partitions."""
        self.highest.clear()
        self._committed.clear()
        self._steps.clear()

    def advance(self, partition: int, journal_offset: int, off: int) -> bool:
        """See one record; say whether it is new."""
        if off <= self.highest.get(partition, NO_MARK):
            return False
        self.highest[partition] = off
        self._steps.setdefault(partition, deque()).append((journal_offset, off))
        return True

    def at(self, partition: int, journal_offset: int) -> int:
        """Return the mark that holds for a commit of this journal offset: of the records before it, not after."""
        steps = self._steps.get(partition)
        while steps and steps[0][0] < journal_offset:
            self._committed[partition] = steps.popleft()[1]
        return self._committed.get(partition, NO_MARK)


class RelayStage:
    """Splits journal records into the public topics."""

    def __init__(self, app: StageApp) -> None:
        self.app = app
        self.partitions = app.settings.partitions
        self.acker = Acker()
        self.writer = JournalWriter(app.settings, lease=app.lease)
        self.marks = Marks()
        self.told = Told()
        app.commit_metadata = lambda tp, offset: str(self.marks.at(tp.partition, offset))
        app.agent(raw_topic(app, LEAD_JOURNAL), name="relay", supervisor_strategy=CrashingSupervisor)(
            self.run
        )
        app.on_partitions_revoked.connect(self.revoked)
        app.on_rebalance_complete.connect(self.assigned)

    async def run(self, stream: Any) -> None:
        """Relay the records of our partitions in order."""
        async for events in bulks(self.app, stream):
            for event in events:
                self.handle(event)
            _HANDLED.inc(len(events))
            await self.writer.room()

    def handle(self, event: Any) -> None:
        """Turn one journal record into its messages."""
        message = event.message
        receipt = self.acker.take(event)
        partition = message.partition
        try:
            row = decode_row(message.value or b"")
            if self.marks.advance(partition, message.offset, row.off):
                told = effects(row, message.key, partition)
                for effect in told:
                    check_size(effect.key, effect.value, effect.headers)
            else:
                told = []
                REPEATS_SKIPPED.labels(reader="relay").inc()
        except MsgspecError as error:
            bury(self.writer, message, "unreadable_row", str(error), self.partitions, receipt)
        except Exception as error:  # noqa: BLE001  # one record must never stop those behind it
            bury(self.writer, message, *verdict(error), self.partitions, receipt)
        else:
            for n, effect in enumerate(told):
                if self.told.has(effect.topic, partition, row.off, n):
                    continue
                # Every public topic has the journal's partitions, and the same key: the same partition.
                self.writer.add(
                    effect.topic,
                    partition,
                    key=effect.key,
                    value=effect.value,
                    headers=effect.headers,
                    receipt=receipt,
                )
        receipt.settle()

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Let partitions go when all that was relayed is durable."""
        await self.writer.settled()
        self.acker = Acker()

    async def assigned(self, *_: Any, **__: Any) -> None:
        """Read the marks that were committed with the offsets of our partitions, before the first record is read."""
        consumer: Any = self.app.consumer
        thread = consumer._thread  # noqa: SLF001  # Faust offers no other way to a commit's metadata
        coordinator = thread._ensure_consumer()._coordinator  # noqa: SLF001
        partitions = [
            TopicPartition(tp.topic, tp.partition)
            for tp in self.app.consumer.assignment()
            if tp.topic == LEAD_JOURNAL
        ]
        committed = await thread.call_thread(coordinator.fetch_committed_offsets, partitions)
        self.marks.forget()
        for tp in partitions:
            stored = committed.get(tp)
            self.marks.restore(tp.partition, int(stored.metadata) if stored and stored.metadata else NO_MARK)
        await self.told.read(self.app.settings, [tp.partition for tp in partitions])
        _log.info("marks restored", marks=dict(self.marks.highest))
