"""A model of Kafka for the simulation: logs by partition, a clock that may jump, committed offsets with metadata."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.partitioner import murmur2

from models.record_size import MAX_RECORD_BYTES, check_size
from streams.journal import Headers, KeyAndValue
from streams.receipts import Receipt

PARTITIONS = 3


def partition_of(key: bytes) -> int:
    """Return a key's partition, as Java computes it."""
    return int((murmur2(key) & 0x7FFFFFFF) % PARTITIONS)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a consumer sees it. `timestamp`: the broker's, POSIX seconds to the millisecond."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Broker:
    """Everything that survives a crash. `skew`: the clock error of each partition's leader, in seconds."""

    now: float
    skew: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    logs: dict[tuple[str, int], list[Record]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[tuple[str, int], tuple[int, str]] = field(default_factory=dict)

    def append(
        self, topic: str, partition: int, key: bytes, value: bytes | None, headers: Headers | None = None
    ) -> None:
        """Append a record at the broker's time (LogAppendTime)."""
        log = self.logs[topic, partition]
        timestamp = int((self.now + self.skew[partition]) * 1000) / 1000
        log.append(Record(topic, partition, len(log), timestamp, key, value, tuple(headers or ())))


_Sent = tuple[bytes, bytes | None, Headers | None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Records of which either all are appended or none."""

    records: tuple[_Sent, ...]
    receipt: Receipt | None


class Outbox:
    """A journal writer whose records land when the schedule says so: in order within each lane, or not at all."""

    def __init__(self, broker: Broker) -> None:
        self.durable: Callable[[str, int], None] | None = None
        self._broker = broker
        self._lanes: dict[tuple[str, int], deque[_Waiting]] = {}

    def add(
        self,
        topic: str,
        partition: int,
        *,
        key: bytes | None,
        value: bytes | None,
        receipt: Receipt | None = None,
        headers: Headers | None = None,
        most: int | None = MAX_RECORD_BYTES,
        traced: bool = True,
    ) -> None:
        """Append a record, as `JournalWriter.add` does. The simulation has no traces."""
        del traced
        # None: the caller has checked the size. Here it is checked whether that is so.
        check_size(key, value, headers or (), MAX_RECORD_BYTES if most is None else most)
        self._send(topic, partition, ((key or b"", value, headers),), receipt)

    def add_together(
        self, topic: str, partition: int, records: Sequence[KeyAndValue], *, receipt: Receipt | None = None
    ) -> None:
        """Append records as one batch, as `JournalWriter.add_together` does: either all land or none."""
        self._send(topic, partition, tuple((key or b"", value, None) for key, value in records), receipt)

    def _send(self, topic: str, partition: int, records: tuple[_Sent, ...], receipt: Receipt | None) -> None:
        if receipt is not None:
            receipt.expect()
        self._lanes.setdefault((topic, partition), deque()).append(_Waiting(records, receipt))

    @property
    def waiting(self) -> int:
        """The batches that have not landed."""
        return sum(map(len, self._lanes.values()))

    def land(self, most: int, *, acknowledged: bool = True) -> None:
        """Make the first batches of each lane durable.

        If `acknowledged` is false, the sender gets no acknowledgement.
        """
        for (topic, partition), lane in self._lanes.items():
            for _ in range(min(most, len(lane))):
                batch = lane.popleft()
                for key, value, headers in batch.records:
                    self._broker.append(topic, partition, key, value, headers)
                if acknowledged and batch.receipt is not None:
                    batch.receipt.settle()
                if acknowledged and self.durable is not None:
                    self.durable(topic, len(batch.records))


class Delivery:
    """One record handed to a stage. The stage acknowledges it when everything that it caused is durable."""

    __slots__ = ("_acks", "message")

    def __init__(self, message: Record, acks: dict[int, int]) -> None:
        self.message: Any = message
        self._acks = acks

    def ack(self) -> None:
        """Record that all records up to this one are done."""
        self._acks[self.message.partition] = self.message.offset + 1
