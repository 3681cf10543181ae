"""Stopping a consumer ends the consumer, and nothing and nobody else."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 10.0
"""Without a group there is nobody to say goodbye to; with Kafka away a stop waits for requests to fail."""


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer; never raises because of it.

    aiokafka 0.14's `Fetcher.close` cancels its fetches and awaits them, so while Kafka is away their
    `CancelledError` comes out of `stop()`: whoever called it ends as if cancelled, and the client stays open.
    """
    if not await _ended_well(consumer.stop()):
        # What its own stop did not come to.
        await _ended_well(consumer._client.close())  # noqa: SLF001  # there is no public way to it


async def _ended_well(work: Coroutine[Any, Any, None]) -> bool:
    """Let something end in a task of its own; tell whether it did, in time and without an exception."""
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait([task], timeout=STOP_SECONDS)
    if not done:
        task.cancel()
        return False
    if task.cancelled():
        return False
    if error := task.exception():
        log.info("a consumer did not stop well", reason=repr(error))
    return task.exception() is None
