"""Where Faust 0.15.3 is slow for each message and nothing is gained by it, it is quick here (docs/faust.md 17).

What is delivered, and in which order, must not change by anything in this file.
"""

from collections.abc import AsyncIterator
from typing import Any

from faust.events import Event
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer


class LoneEvent(Event):
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


def deliver() -> None:
    """Put bytes that only one agent wants straight into its queue.

    Faust decodes, asks its settings twice and its own producer's buffer for each message. Raw bytes need no decoding,
    what we write goes through no buffer of Faust's, and `drain` bounds the queue. Nor are its readers counted, under a
    lock of all threads, three times for each message.
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
            put(LoneEvent(app, message))

        return handle

    Conductor._build_handler = _build_handler


def look_up() -> None:
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
