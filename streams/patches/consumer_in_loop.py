"""Patches Faust's consumer to run in the agents' loop, not in a thread of its own (docs/faust.md 13, 35)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import faust
import faust.transport.drivers.aiokafka as driver
from mode import Service

from streams.clients import stop_consumer


class LoopConsumer(driver.AIOKafkaConsumerThread):
    """Faust's Kafka consumer as a service of the loop that runs the agents.

    It is Faust's consumer thread with the lifecycle of an ordinary service. What Faust lets the thread do, for example
    fetch, seek and commit, is awaited where it is called, and ends if its caller is cancelled. So nobody waits for
    Python's lock, and heartbeats are sent only while the loop runs.
    """

    wait_for_shutdown = False

    def __init__(self, consumer: Any, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=loop, **options)

    async def call_thread(self, fun: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Call a function, and return its result. Some of Faust's calls are of functions that return no awaitable."""
        result = fun(*args, **kwargs)
        return await result if isinstance(result, Awaitable) else result

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Release partitions, while the consumer waits."""
        await self.consumer.on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[Any], generation_id: int = 0) -> None:
        """Take over partitions, while the consumer waits."""
        await self.consumer.on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        """Leave the group and disconnect, also while Kafka is away."""
        if self._consumer is not None:
            await stop_consumer(self._consumer)

    @faust.Service.task
    async def _thread_keepalive(self) -> None:
        """Do nothing: Faust wakes an idle thread once a second, and the loop wakes itself."""

    # These are the steps of a service in place of those of a thread.
    start = Service.start
    maybe_start = Service.maybe_start
    stop = Service.stop
    crash = Service.crash
    set_shutdown = Service.set_shutdown
    _stopped_set = Service._stopped_set
    _stop_children = Service._stop_children
    _stop_futures = Service._stop_futures
    _stop_exit_stacks = Service._stop_exit_stacks


def consume_in_agents_loop() -> None:
    """Let Faust's consumers be `LoopConsumer`s."""

    def _new_consumer_thread(self: Any) -> LoopConsumer:
        return LoopConsumer(self, loop=self.loop, beacon=self.beacon)

    driver.Consumer._new_consumer_thread = _new_consumer_thread
