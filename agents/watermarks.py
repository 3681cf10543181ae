"""How far a reader has seen a log through its journal: committed with each offset, so it survives (docs/design.md)."""

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition

from streams.patches.consumer_access import committed_offsets

if TYPE_CHECKING:
    from streams.app import StageApp

NO_MARK: Final = -1


class Watermarks:
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


async def restore(app: "StageApp", topic: str, marks: Watermarks) -> list[int]:
    """Read the marks that were committed with the offsets of our partitions of a topic; return the partitions."""
    consumer: Any = app.consumer
    places = [TopicPartition(tp.topic, tp.partition) for tp in consumer.assignment() if tp.topic == topic]
    committed = await committed_offsets(consumer, places)
    marks.forget()
    for place in places:
        stored = committed.get(place)
        marks.restore(place.partition, int(stored.metadata) if stored and stored.metadata else NO_MARK)
    return [place.partition for place in places]


def keep(app: "StageApp", topic: str, marks: Watermarks) -> None:
    """Commit the marks of a topic with its offsets."""
    others = app.commit_metadata

    def metadata(tp: Any, offset: int) -> str:
        if tp.topic == topic:
            return str(marks.at(tp.partition, offset))
        return others(tp, offset) if others else ""

    app.commit_metadata = metadata
