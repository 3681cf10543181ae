"""Patches the delivery of fetched messages to agents, to remove unneeded work per message (docs/faust.md 17).

No patch in this file changes which messages are delivered, or their order.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from faust.events import Event
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer

YIELD_EVERY: Final = 100
"""Messages delivered to the agents between two turns of the loop."""
BUFFERED: Final = 4_000
"""Messages that may wait in the agents' buffers before fetching pauses; aiokafka buffers the same number again."""


def at_once(handler: Any) -> Callable[[Any], bool]:
    """Return a function that delivers a message without a coroutine, as a handler of our patches does.

    It returns False, and does nothing, if the handler itself must be awaited.
    """
    deliver: Callable[[Any], bool] = getattr(handler, "at_once", _never)
    return deliver


def _never(_: Any) -> bool:
    return False


class UncountedEvent(Event):
    """The event of a message with only one reader. Acking it acks the message, and readers are not counted."""

    def __init__(self, app: Any, message: Any) -> None:
        self.app, self.message = app, message
        self.key, self.value = message.key, message.value
        self.acked = False

    @property
    def headers(self) -> dict[str, bytes]:  # type: ignore[override]  # Faust builds them for each event, needed or not
        """The message's headers by name."""
        return dict(self.message.headers or ())

    def ack(self) -> bool:
        """Mark the message as handled."""
        acked: bool = self.app.consumer.ack(self.message)
        return acked


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
        app, flow, put = self.app, self.app.flow_control, only.queue.force_put_nowait
        flows = flow.is_active

        def deliver(message: Any) -> bool:
            if len(channels) != 1 or only not in channels or not flows():
                return False
            message.refcount = 1
            put(UncountedEvent(app, message))
            return True

        async def handle(message: Any) -> None:
            while not deliver(message):
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

        def deliver(message: Any) -> bool:
            return not locked() and at_once(handler_of(message.tp))(message)

        on_message.at_once = deliver  # type: ignore[attr-defined]  # see `at_once`
        return on_message

    Conductor._compile_message_handler = _compile_message_handler


def getmany() -> None:
    """Yield the fetched records, alternating between partitions, without getting the topic's end for each message.

    Only Faust's monitor uses that figure, and `streams.app.StageApp` removes the monitor.
    """

    async def getmany(self: Any, timeout: float) -> AsyncIterator[tuple[Any, Any]]:  # noqa: ASYNC109  # Faust's name
        records, active = await self._wait_next_records(timeout)
        app, to_message = self.app, self._to_message
        generation = app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            # A rebalance has begun. The records are fetched again, from the committed offset.
            try:
                await self.perform_seek()
            except Exception as error:  # noqa: BLE001  # as in Faust: the rebalance seeks again at its end
                self.log.warning("seek failed while the flow is not active: %r", error)
            return
        for tp, record in self.scheduler.iterate(records):
            if not self.flow_active or app.consumer_generation_id != generation:
                break
            if active is None or tp in active or tp in self._buffered_partitions:
                yield tp, to_message(tp, record)

    Consumer.getmany = getmany


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
        callback, getmany, deliver = self.callback, self.getmany, at_once(self.callback)
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
                    # Faust tests `read` for truth. A gap after offset 0 would then block commits forever.
                    if read is not None and offset - read > 1 and acks_enabled_for(message.topic):
                        await self._add_gap(tp, read + 1, offset)
                    if suspended():
                        # A rebalance has begun. It ends with a seek to the committed offset, so this message comes
                        # again. Delivered now, it could reach an agent that no longer owns its partition.
                        await self.can_resume_flow.wait()
                        break
                    if not deliver(message):
                        await callback(message)
                    read_offset[tp] = offset
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise

    Consumer._drain_messages = _drain_messages
