"""Writes record batches, each appended whole or not at all. An event is acked when all its records are durable.

Each target partition has one lane, which keeps the order. While a batch is being sent, the next one fills until the
sender takes it. So batches grow under load, and an idle lane sends a record at once (docs/design.md, the journal;
docs/faust.md 17).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaError

from models.errors import PermanentError
from models.record_size import (
    BATCH_OVERHEAD_BYTES,
    MAX_RECORD_BYTES,
    RECORD_OVERHEAD_BYTES,
    Header,
    check_size,
    header_size,
)
from streams.clients import Producer
from streams.clients import producer as make_producer
from streams.kafka_refusals import failure, refusal_of
from streams.membership_lease import Lease
from streams.patches.filling_batch import FillingBatch
from streams.patches.heartbeats import send_only_awake
from streams.process_exit import ExitCode, leave
from streams.receipts import Receipt, settle_together
from streams.settings import Settings
from streams.tracing import (
    MAX_STATE_BYTES,
    TRACEPARENT,
    TRACEPARENT_BYTES,
    TRACESTATE,
)

MAX_BATCH_BYTES: Final = 512 * 1024
"""Half of a broker's default limit, so that one large row still fits."""
MAX_WAITING: Final = 20_000
"""The maximum of records added and not yet durable. `room` waits at this number, so memory is bounded."""
REQUEST_TIMEOUT_MS: Final = 20_000
"""How long a broker may be away before a worker ends and is restarted (faust.md, settings). The writer measures this
itself, because an idempotent producer of aiokafka retries forever."""

_TRACE_SIZE: Final = header_size(TRACEPARENT, bytes(TRACEPARENT_BYTES)) + header_size(
    TRACESTATE, bytes(MAX_STATE_BYTES)
)

Headers = list[tuple[str, bytes]]
"""The headers of records that stages send."""
KeyAndValue = tuple[bytes | None, bytes | None]


class _Batch:
    """One record batch. `handed`: how many records it had when it was handed to the sender."""

    __slots__ = ("builder", "handed", "receipts")

    def __init__(self, on_close: "Callable[[_Batch], None]") -> None:
        self.builder = FillingBatch(MAX_BATCH_BYTES, partial(on_close, self))
        self.receipts: list[Receipt] = []
        self.handed = 0

    @property
    def records(self) -> int:
        """How many records it has."""
        count: int = self.builder.record_count()
        return count


class _Lane:
    """One target partition: its batches in order, of which one at a time is being sent.

    `batches`: those that the sender has not been handed. `newest`: the one that fills, handed over or not.
    """

    __slots__ = ("batches", "name", "newest", "pumping", "target")

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.name = f"append to {target[0]}-{target[1]}"
        self.batches: deque[_Batch] = deque()
        self.newest: _Batch | None = None
        self.pumping = False


class _Lanes(dict[tuple[str, int], _Lane]):
    """The lanes of a writer. A lane is made when its first record is added."""

    def __missing__(self, target: tuple[str, int]) -> _Lane:
        lane = self[target] = _Lane(target)
        return lane


class JournalWriter:
    """An idempotent producer that appends records in batches and settles their receipts.

    `lease` is checked before every batch. It ends the process unless this worker is certainly still a member of its
    group. A failed batch also ends the process: its events are not acked, so they are read again (docs/faust.md 6).
    `durable` is called for each batch that is durable, with its topic and the number of its records.
    """

    def __init__(self, settings: Settings, *, lease: Lease | None = None) -> None:
        self._settings = settings
        self._lease = lease
        self.durable: Callable[[str, int], None] | None = None
        self._producer: Producer | None = None
        self._lanes = _Lanes()
        self._waiting = 0
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect. Raises `RetryableError` if Kafka is away, `ConfigError` if it refuses the client."""
        producer = make_producer(
            self._settings, max_batch_size=MAX_BATCH_BYTES, request_timeout_ms=REQUEST_TIMEOUT_MS
        )
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise await failure(self._settings, error, repr(error)) from error
        self._producer = producer
        if self._lease is not None:
            send_only_awake(producer, self._lease)

    async def stop(self) -> None:
        """Wait until everything added is durable, then disconnect."""
        await self.settled()
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    @property
    def waiting(self) -> int:
        """The number of records added and not yet durable."""
        return self._waiting

    async def settled(self) -> None:
        """Wait until everything added so far is durable."""
        await self._idle.wait()

    async def room(self) -> None:
        """Wait until there is room for more records; usually returns at once."""
        await self._room.wait()

    def add(
        self,
        topic: str,
        partition: int,
        *,
        key: bytes | None,
        value: bytes | None,
        receipt: Receipt | None = None,
        headers: Sequence[Header] | None = None,
        most: int | None = MAX_RECORD_BYTES,
        traced: bool = True,
    ) -> None:
        """Append a record. It is sent when the caller next yields to the loop. `receipt` is settled when it is durable.

        The record continues the trace of its receipt's event, unless `traced` is False. `most` does not count
        the trace's headers, which every topic has room for. None: the caller has checked the size.

        Raises `PermanentError` (`record_too_large`) for a record of more than `most` bytes, and appends nothing. The
        broker would otherwise refuse its batch, and so the event, again and again.
        """
        if most is not None:
            check_size(key, value, headers or (), most)
        trace = receipt.trace if receipt is not None and traced else ()
        sent = [*headers, *trace] if headers else list(trace)
        lane = self._lanes[topic, partition]
        batch = lane.newest
        if batch is None or not batch.builder.add(key, value, sent):
            batch = self._open(lane)
            batch.builder.add(key, value, sent)
        if receipt is not None:
            receipt.open += 1
            batch.receipts.append(receipt)
        self._waiting += 1
        if self._waiting >= MAX_WAITING:
            self._room.clear()

    def add_together(
        self, topic: str, partition: int, records: Sequence[KeyAndValue], *, receipt: Receipt | None = None
    ) -> None:
        """Append all records of one event in one record batch: either all are written or none.

        The first record continues the trace of its receipt's event.

        Raises `PermanentError` (`record_too_large`), and appends none, if they do not fit into a batch.
        """
        size = _TRACE_SIZE
        for key, value in records:
            size += RECORD_OVERHEAD_BYTES + len(key or b"") + len(value or b"")
        if size + BATCH_OVERHEAD_BYTES > MAX_BATCH_BYTES:
            raise PermanentError(
                "record_too_large", f"{size} bytes in {len(records)} records, more than a batch takes"
            )
        lane = self._lanes[topic, partition]
        batch = lane.newest
        if batch is None or batch.builder.closed() or batch.builder.size() + size > MAX_BATCH_BYTES:
            batch = self._open(lane)
        headers = [] if receipt is None else list(receipt.trace)
        add = batch.builder.add
        for key, value in records:
            add(key, value, headers)
            headers = []
        if receipt is not None:
            receipt.open += 1
            batch.receipts.append(receipt)
        self._waiting += len(records)
        if self._waiting >= MAX_WAITING:
            self._room.clear()

    def _open(self, lane: _Lane) -> _Batch:
        """Open the lane's next batch, and hand it to the sender when the caller next yields to the loop."""
        if self._producer is None:
            raise RuntimeError("the journal writer is not started")
        batch = lane.newest = _Batch(partial(self._check_late_records, lane))
        lane.batches.append(batch)
        self._idle.clear()
        if not lane.pumping:
            lane.pumping = True
            task = asyncio.get_running_loop().create_task(self._pump(lane))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)
        return batch

    async def _pump(self, lane: _Lane) -> None:
        topic, partition = lane.target
        loop = asyncio.get_running_loop()
        try:
            while lane.batches:
                batch = lane.batches.popleft()
                if self._lease is not None:
                    self._lease.check(lane.name)
                batch.handed = batch.records
                patience = loop.call_later(REQUEST_TIMEOUT_MS / 1000, self._overdue, lane)
                assert self._producer is not None  # noqa: S101  # `add` has checked it
                durable = await self._producer.send_batch(batch.builder, topic, partition=partition)
                durable.add_done_callback(
                    lambda future, batch=batch, patience=patience: self._settle(lane, batch, patience, future)
                )
            lane.pumping = False
        except Exception as error:  # noqa: BLE001  # after any error the records are not durable
            if refusal := refusal_of(self._settings, error):
                leave(ExitCode.CONFIG, refusal.field, f"append to {topic}: {refusal.reason}")
            leave(ExitCode.SOFTWARE, lane.name, repr(error))

    def _check_late_records(self, lane: _Lane, batch: _Batch) -> None:
        """Check the lease for records that were added after the batch was handed to the sender, which takes it now."""
        if self._lease is not None and batch.records != batch.handed:
            self._lease.check(lane.name)

    def _overdue(self, lane: _Lane) -> None:
        if self._lease is not None:
            self._lease.check_awake(lane.name)
        leave(ExitCode.SOFTWARE, lane.name, f"not durable after {REQUEST_TIMEOUT_MS / 1000:.0f} s")

    def _settle(
        self, lane: _Lane, batch: _Batch, patience: asyncio.TimerHandle, future: "asyncio.Future[Any]"
    ) -> None:
        patience.cancel()
        if lane.newest is batch:
            lane.newest = None
        if not future.cancelled() and (refusal := refusal_of(self._settings, future.exception())):
            leave(ExitCode.CONFIG, refusal.field, f"append to {lane.target[0]}: {refusal.reason}")
        if future.cancelled() or (error := future.exception()):
            leave(ExitCode.SOFTWARE, lane.name, "cancelled" if future.cancelled() else repr(error))
        try:
            settle_together(batch.receipts)
            if self.durable is not None:
                self.durable(lane.target[0], batch.records)
        except Exception as failure:  # noqa: BLE001  # a callback's error would only be logged, and the lane would stall
            leave(ExitCode.SOFTWARE, "acknowledging an event", repr(failure))
        self._waiting -= batch.records
        if self._waiting < MAX_WAITING:
            self._room.set()
        if self._waiting == 0:
            self._idle.set()
