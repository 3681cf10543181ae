"""Patches the delivery of fetched messages to agents, to remove unneeded work per message (docs/faust.md 17).

No patch in this file changes which messages are delivered, or their order.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from faust.events import Event
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from streams.patches.fetched_messages import FetchedMessage

YIELD_EVERY: Final = 100
"""Messages delivered to the agents between two turns of the loop."""
RUN: Final = 25
"""Messages of one partition delivered together, before it is another partition's turn."""
FETCH_SECONDS: Final = 1.0
"""How long a fetch waits for records."""
BUFFERED: Final = 4_000
"""Messages that may wait in the agents' buffers before fetching pauses; aiokafka buffers the same number again."""


def at_once(handler: Any) -> Callable[[list[Any]], bool]:
    """Return a function that delivers messages of one partition without a coroutine, as a handler of our patches does.

    It returns False, and delivers none, if the handler itself must be awaited for each.
    """
    deliver: Callable[[list[Any]], bool] = getattr(handler, "at_once", _never)
    return deliver


_new: Final[Callable[[Any], Any]] = object.__new__


def _never(_: Any) -> bool:
    return False


class UncountedEvent(Event):
    """The event of a message with only one reader. Acking it acks the message, and readers are not counted."""

    acked = False

    def __init__(self, app: Any, message: Any) -> None:
        self.app, self.message = app, message

    @property
    def key(self) -> bytes | None:  # type: ignore[override]  # Faust stores it in each event
        """The message's key."""
        key: bytes | None = self.message.key
        return key

    @property
    def value(self) -> bytes | None:  # type: ignore[override]  # as above
        """The message's value."""
        value: bytes | None = self.message.value
        return value

    @property
    def headers(self) -> dict[str, bytes]:  # type: ignore[override]  # Faust builds them for each event, needed or not
        """The message's headers by name."""
        return dict(self.message.headers or ())

    def ack(self) -> bool:
        """Mark the message as handled."""
        acked: bool = self.app.consumer.ack(self.message)
        return acked


def ack_together(consumer: Any, messages: list[Any]) -> None:
    """Mark messages of one partition as handled, as Faust's `Consumer.ack` does with each of them."""
    tp, newly_acked = messages[0].tp, 0
    tracked: list[Any] = []
    enabled = consumer.app.topics.acks_enabled_for(tp.topic)
    with ack_lock:
        committed, acked_index, acked = (
            consumer._committed_offset[tp],
            consumer._acked_index[tp],
            consumer._acked[tp],
        )
        for message in messages:
            if message.acked:
                continue
            # As `decref`, which would take the lock for each message, and we have it.
            message.refcount = refcount = max(message.refcount - 1, 0)
            if refcount:
                continue  # another reader of the message has not handled it yet
            message.acked, offset = True, message.offset
            if enabled and (committed is None or offset >= committed) and offset not in acked_index:
                acked_index.add(offset)
                acked.append(offset)
                newly_acked += 1
                if message.tracked:
                    tracked.append(message)
        consumer._n_acked += newly_acked
        # It is a set of weak references. Each look at it takes as long as half of the rest.
        consumer._unacked_messages.difference_update(tracked)
        notify(consumer._waiting_for_ack)


def handle_raw_messages() -> None:
    """Put raw bytes that only one agent reads directly into its queue.

    For each message, Faust decodes it, reads its settings twice and checks its own producer's buffer. Raw bytes need no
    decoding, our writes do not use Faust's buffer, and `drain_messages` bounds the queue. The patch also skips the
    count of readers, which takes a lock shared by all threads three times for each message.
    """
    build_handler = Conductor._build_handler

    def _build_handler(self: Any, tp: Any, channels: Any) -> Any:
        stock = build_handler(self, tp, channels)
        (only,) = channels if len(channels) == 1 else (None,)
        if only is None or {only.schema.key_serializer, only.schema.value_serializer} != {"raw"}:
            return stock
        app, flow, queue = self.app, self.app.flow_control, only.queue
        flows = flow.is_active

        def deliver(messages: list[Any]) -> bool:
            if len(channels) != 1 or only not in channels or not flows():
                return False
            events = []
            for message in messages:
                message.refcount = 1
                event = _new(UncountedEvent)  # its `__init__` would take as long as all the rest
                event.app, event.message = app, message
                events.append(event)
            _put(queue, events)
            return True

        async def handle(message: Any) -> None:
            while not deliver([message]):
                if len(channels) != 1 or only not in channels:
                    await stock(message)
                    return
                await flow.acquire()

        handle.at_once = deliver  # type: ignore[attr-defined]  # see `at_once`
        return handle

    Conductor._build_handler = _build_handler


def look_up_without_lock() -> None:
    """Look up a partition's handler without a lock, unless the handlers are being changed."""
    compile_handler = Conductor._compile_message_handler

    def _compile_message_handler(self: Any) -> Any:
        stock = compile_handler(self)
        if self.app.client_only:
            return stock
        handler_of, locked = self._tp_to_callback.__getitem__, self._tp_to_callback_lock.locked

        async def on_message(message: Any) -> None:
            # There is no await between the check and the lookup, so nothing can take the lock between them.
            await (stock if locked() else handler_of(message.tp))(message)

        def deliver(messages: list[Any]) -> bool:
            return not locked() and at_once(handler_of(messages[0].tp))(messages)

        on_message.at_once = deliver  # type: ignore[attr-defined]  # see `at_once`
        return on_message

    Conductor._compile_message_handler = _compile_message_handler


def _put(queue: Any, events: list[Event]) -> None:
    """Put events into an agent's queue, as its `force_put_nowait` does with each."""
    queue._queue.extend(events)
    queue._unfinished_tasks += len(events)
    queue._finished.clear()
    queue._wakeup_next(queue._getters)


def take_waiting(queue: Any, limit: int, generation: int, taken: list[Event]) -> list[Any]:
    """Move up to `limit` events that wait in an agent's queue to `taken`. Return the last message of each partition.

    Events of another generation are dropped. Nobody waits for room in the queue (see `drain_messages`).
    """
    waiting = queue._queue
    last: dict[int, Any] = {}
    for _ in range(min(limit, len(waiting))):
        event = waiting.popleft()
        message = event.message
        if message.generation_id == generation:
            last[message.partition] = message
            taken.append(event)
    return list(last.values())


def _runs(records: list[Any]) -> Iterator[list[Any]]:
    """Yield a partition's records in order, at most `RUN` with consecutive offsets at a time."""
    begin = 0
    while begin < len(records):
        run = records[begin : begin + RUN]
        while run[-1].offset - run[0].offset >= len(run):  # an offset is missing
            run = run[: (len(run) + 1) // 2]
        yield run
        begin += len(run)


async def _fetched(consumer: Any) -> AsyncIterator[tuple[Any, list[Any]]]:
    """Yield what is fetched next: messages of a partition with consecutive offsets, in turns of the partitions.

    Faust gives one message at a time, and gets the topic's end for each. Only its monitor uses that figure, and
    `streams.app.StageApp` removes the monitor.
    """
    records, active = await consumer._wait_next_records(FETCH_SECONDS)
    app, to_message = consumer.app, consumer._to_message
    generation = app.consumer_generation_id
    if records is None or consumer.should_stop:
        return
    if not consumer.flow_active:
        # A rebalance has begun. The records are fetched again, from the committed offset.
        try:
            await consumer.perform_seek()
        except Exception as error:  # noqa: BLE001  # as in Faust: the rebalance seeks again at its end
            consumer.log.warning("seek failed while the flow is not active: %r", error)
        return
    for tp, run in consumer.scheduler.iterate(
        {tp: _runs(partition_records) for tp, partition_records in records.items()}
    ):
        if not consumer.flow_active or app.consumer_generation_id != generation:
            break
        if active is None or tp in active or tp in consumer._buffered_partitions:
            if type(run[0]) is not FetchedMessage:  # of Faust without the patch `read_committed`
                yield tp, [to_message(tp, record) for record in run]
                continue
            for message in run:
                message.generation_id = generation
            yield tp, run


def _buffered(app: Any) -> int:
    # The conductor's topics are the agents' channels.
    return sum(channel.queue.qsize() for channel in app.topics._topics)


def drain_messages() -> None:
    """Deliver messages to the agents without a task for each, and pause fetching while their buffers are full."""

    async def room(self: Any) -> None:
        """Pause fetching while the agents' buffers are full. A suspended flow ends the wait."""
        while _buffered(self.app) > BUFFERED and not self.suspend_flow.is_set() and not self.should_stop:
            await asyncio.sleep(0.002)

    async def _drain_messages(self: Any, fetcher: Any) -> None:
        callback, deliver = self.callback, at_once(self.callback)
        stopped, fetcher_stopped = self._stopped.is_set, fetcher._stopped.is_set
        read_offset = self._read_offset
        acks_enabled_for = self.app.topics.acks_enabled_for
        suspended = self.suspend_flow.is_set
        since_yield = 0
        try:
            while not (stopped() or fetcher_stopped()):
                fetched = _fetched(self)
                await asyncio.sleep(0)
                if self.should_stop:
                    continue
                async for tp, messages in fetched:
                    since_yield += len(messages)
                    if since_yield > YIELD_EVERY:
                        since_yield = 0
                        await asyncio.sleep(0)
                        await room(self)
                    first, read = messages[0].offset, read_offset[tp]
                    unread = messages if read is None else messages[max(0, read - first) :]
                    if not unread:
                        continue
                    # Faust tests `read` for truth. A gap after offset 0 would then block commits forever. And it counts
                    # `first` as missing, too: then each commit ends at the next gap, and gaps grow faster than commits.
                    if read is not None and first - read > 1 and acks_enabled_for(tp.topic):
                        await self._add_gap(tp, read + 1, first - 1)
                    if suspended() or messages[0].generation_id != self.app.consumer_generation_id:
                        # A rebalance has begun, or is over already. It ends with a seek to the committed offset, so
                        # these messages come again. Delivered now, they could reach an agent that no longer owns
                        # their partition.
                        if suspended():
                            await self.can_resume_flow.wait()
                        break
                    if deliver(unread):
                        read_offset[tp] = unread[-1].offset
                        continue
                    for message in unread:
                        await callback(message)
                        if suspended() or message.generation_id != self.app.consumer_generation_id:
                            break  # as above; the agent drops a message of an earlier generation
                        read_offset[tp] = message.offset
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise

    Consumer._drain_messages = _drain_messages
