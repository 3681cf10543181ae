"""Tracks the watermark of a journal's reader: the highest log offset it has read. It is committed with each offset.

So it survives a crash. docs/design.md explains why readers need it.
"""

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition

from streams.patches.consumer_access import committed_offsets

if TYPE_CHECKING:
    from streams.app import StageApp

NO_WATERMARK: Final = -1


class Watermarks:
    """Holds the highest log offset seen in each journal partition, and its value at each uncommitted offset."""

    def __init__(self) -> None:
        self.highest: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        # The journal's offsets and the log offsets of what was read since, in order.
        self._read: dict[int, tuple[list[int], list[int]]] = {}

    def restore(self, partition: int, watermark: int) -> None:
        """Initialise a partition with the watermark that was committed with its offset."""
        self.highest[partition] = self._committed[partition] = watermark
        self._read[partition] = [], []

    def forget(self) -> None:
        """Remove all partitions."""
        self.highest.clear()
        self._committed.clear()
        self._read.clear()

    def advance(self, partition: int, journal_offset: int, off: int) -> bool:
        """Record a log offset; return whether it is new."""
        if off <= self.highest.get(partition, NO_WATERMARK):
            return False
        self.highest[partition] = off
        read = self._read.get(partition)
        if read is None:
            read = self._read[partition] = [], []
        read[0].append(journal_offset)
        read[1].append(off)
        return True

    def at(self, partition: int, journal_offset: int) -> int:
        """Return the watermark for a commit of this journal offset: it covers the records before the offset only."""
        journal_offsets, offs = self._read.get(partition) or ([], [])
        if covered := bisect_left(journal_offsets, journal_offset):
            self._committed[partition] = offs[covered - 1]
            del journal_offsets[:covered], offs[:covered]
        return self._committed.get(partition, NO_WATERMARK)


async def restore(app: "StageApp", topic: str, watermarks: Watermarks) -> list[int]:
    """Read the watermarks committed with our offsets in a topic; return our partitions of the topic."""
    consumer: Any = app.consumer
    own_partitions = [
        TopicPartition(tp.topic, tp.partition) for tp in consumer.assignment() if tp.topic == topic
    ]
    committed = await committed_offsets(consumer, own_partitions)
    watermarks.forget()
    for tp in own_partitions:
        stored = committed.get(tp)
        watermarks.restore(tp.partition, int(stored.metadata) if stored and stored.metadata else NO_WATERMARK)
    return [tp.partition for tp in own_partitions]


def commit_with_offsets(app: "StageApp", topic: str, watermarks: Watermarks) -> None:
    """Commit the watermarks of a topic with its offsets."""
    others = app.commit_metadata

    def metadata(tp: Any, offset: int) -> str:
        if tp.topic == topic:
            return str(watermarks.at(tp.partition, offset))
        return others(tp, offset) if others else ""

    app.commit_metadata = metadata
