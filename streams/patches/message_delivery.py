"""How a fetched message reaches an agent, without work for each message that nobody needs (docs/faust.md 17).

What is delivered, and in which order, must not change by anything in this file.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from faust.events import Event
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer

YIELD_EVERY: Final = 100
"""Messages handed to the agents between two turns of the loop."""
BUFFERED: Final = 4_000
"""Messages that may wait in the agents' buffers before fetching holds; aiokafka holds as much again."""


class UncountedEvent(Event):
    """The event of a message that one agent has to itself: its ack is the message's, and no readers are counted."""

    def __init__(self, app: Any, message: Any) -> None:
        self.app, self.message = app, message
        self.key, self.value = message.key, message.value
        self.acked = False

    @property
    def headers(self) -> dict[str, bytes]:  # type: ignore[override]  # Faust makes them for each event, asked or not
        """The message's headers by name."""
        return dict(self.message.headers or ())

    def ack(self) -> bool:
        """Say that the message is handled."""
        acked: bool = self.app.consumer.ack(self.message)
        return acked


def handle_raw_messages() -> None:
    """Put bytes that only one agent wants straight into its queue.

    Faust decodes, asks its settings twice and its own producer's buffer for each message. Raw bytes need no decoding,
    what we write goes through no buffer of Faust's, and `drain_messages` bounds the queue. Nor are its readers counted,
    under a lock of all threads, three times for each message.
    """
    build_handler = Conductor._build_handler

    def _build_handler(self: Any, tp: Any, channels: Any) -> Any:
        stock = build_handler(self, tp, channels)
        (only,) = channels if len(channels) == 1 else (None,)
        if only is None or {only.schema.key_serializer, only.schema.value_serializer} != {"raw"}:
            return stock
        app, flow, put = self.app, self.app.flow_control.acquire, only.queue.force_put_nowait

        async def handle(message: Any) -> None:
            if len(channels) != 1 or only not in channels:
                await stock(message)
                return
            await flow()
            message.refcount = 1
            put(UncountedEvent(app, message))

        return handle

    Conductor._build_handler = _build_handler


def look_up_without_lock() -> None:
    """Find a partition's handler without a lock, unless somebody is changing the handlers right now."""
    compile_handler = Conductor._compile_message_handler

    def _compile_message_handler(self: Any) -> Any:
        stock = compile_handler(self)
        if self.app.client_only:
            return stock
        handler_of, locked = self._tp_to_callback.__getitem__, self._tp_to_callback_lock.locked

        async def on_message(message: Any) -> None:
            # Nothing is awaited between the two, so nobody takes the lock between them.
            await (stock if locked() else handler_of(message.tp))(message)

        return on_message

    Conductor._compile_message_handler = _compile_message_handler


def getmany() -> None:
    """Give what was fetched, in turns of the partitions, without asking for each message how far its topic goes.

    That figure is for Faust's monitor, which we let go (`streams.app.StageApp`).
    """

    async def getmany(self: Any, timeout: float) -> AsyncIterator[tuple[Any, Any]]:  # noqa: ASYNC109  # Faust's name
        records, active = await self._wait_next_records(timeout)
        app, to_message = self.app, self._to_message
        generation = app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            # A rebalance began meanwhile. What was fetched comes again, from what is committed.
            try:
                await self.perform_seek()
            except Exception as error:  # noqa: BLE001  # as Faust does: the rebalance seeks once more at its end
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
    """Hand messages to the agents without a task for each, and hold fetching while they have enough to do."""

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
