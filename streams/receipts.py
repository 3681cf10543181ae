"""Acknowledges the events of a stage. An event is acked when all records that it caused are durable.

Events of one partition are acked in order of arrival (docs/faust.md, what we do).
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from streams import trace_export
from streams.tracing import headers_of_caused

AckTogether = Callable[[list[Any]], None]


def _ack_each(events: list[Any]) -> None:
    for event in events:
        event.ack()


class Receipt:
    """Tracks one event. It is acked when all its records are durable and every event before it is acked.

    `open`: the number of open items: the event's handler, and its records that are not durable. `then` is called once,
    when there are none. `began`: when it was taken, in nanoseconds since the epoch; 0 if nobody watches
    (`streams.trace_export`).
    """

    __slots__ = ("_trace", "began", "event", "open", "partition", "then")

    def __init__(self, partition: "_UnackedReceipts", event: Any) -> None:
        self._trace: tuple[tuple[str, bytes], ...] = ()
        self.began = 0
        self.open = 1
        self.event = event
        self.partition = partition
        self.then: Callable[[], None] | None = None

    @property
    def trace(self) -> tuple[tuple[str, bytes], ...]:
        """The trace headers of each record that the event causes (`streams.tracing`)."""
        if not self._trace:
            self._trace = headers_of_caused(self.event.message)
        return self._trace

    @property
    def settled(self) -> bool:
        """Whether everything that the event caused is durable."""
        return self.open == 0

    def expect(self) -> None:
        """Register one more record of this event."""
        self.open += 1

    def settle(self) -> None:
        """Mark one item as done: a record is durable, or the handler has added all records."""
        self.open -= 1
        if self.open == 0:
            self.end()
            self.partition.advance()

    def end(self) -> None:
        """Call `then`, and report the event as handled. It is not acked yet."""
        if self.then is not None:
            self.then()
        if trace_export.watching:
            trace_export.report_handled(self.event.message, self.began)


class _UnackedReceipts:
    """The receipts of one partition whose events are not acked, in order of arrival."""

    __slots__ = ("_ack", "receipts")

    def __init__(self, ack: AckTogether) -> None:
        self._ack = ack
        self.receipts: deque[Receipt] = deque()

    def advance(self) -> None:
        """Ack the settled events at the head."""
        receipts, settled = self.receipts, []
        while receipts and receipts[0].open == 0:
            settled.append(receipts.popleft().event)
        if settled:
            self._ack(settled)


def settle_together(receipts: Iterable[Receipt]) -> None:
    """Mark one item of each event as done, in order. Then ack the settled events, those of a partition together."""
    advancing: dict[_UnackedReceipts, None] = {}
    watching = trace_export.watching
    for receipt in receipts:
        receipt.open -= 1
        if receipt.open == 0:
            if watching or receipt.then is not None:
                receipt.end()
            advancing[receipt.partition] = None
    for partition in advancing:
        partition.advance()


class Acker:
    """Acks events in order of arrival, each only when all its records are durable (docs/faust.md, what we do).

    `ack` is called with events of one partition, in order.
    """

    def __init__(self, ack: AckTogether = _ack_each) -> None:
        self._ack = ack
        self._partitions: dict[tuple[str, int], _UnackedReceipts] = {}

    def take(self, event: Any) -> Receipt:
        """Register an event. The caller calls `settle` on the receipt when the handler is done."""
        message = event.message
        key = (message.topic, message.partition)
        partition = self._partitions.get(key)
        if partition is None:
            partition = self._partitions[key] = _UnackedReceipts(self._ack)
        receipt = Receipt(partition, event)
        if trace_export.watching:
            receipt.began = time.time_ns()
        partition.receipts.append(receipt)
        return receipt

    def forget(self) -> None:
        """Forget the registered events: their partitions are revoked."""
        self._partitions = {}

    @property
    def waiting(self) -> int:
        """How many events are registered and not acked."""
        return sum(len(partition.receipts) for partition in self._partitions.values())

    @property
    def oldest(self) -> float | None:
        """The time of the oldest event that is registered and not acked, in seconds since the epoch."""
        queues = (partition.receipts for partition in self._partitions.values() if partition.receipts)
        begun = (receipts[0].event.message.timestamp or 0.0 for receipts in queues)
        return min(begun, default=None)
