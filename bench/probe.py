"""Sends messages at a steady rate and measures when their results can be read, by one clock.

The consumers are aiokafka's with its defaults. They take records as they come, so a fetch is always open for every
partition, and neither `fetch_max_wait_ms` nor the prefetch backoff (0.1 s) delays a record.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Self

from models.errors import StartFailed
from streams import clients
from streams.clients import Consumer
from streams.settings import Settings

PATIENCE_SECONDS: Final = 30.0
"""A message whose result is not seen within this time has failed."""

Percentiles = dict[int, float]
"""50, 99 and 100 (the longest) -> milliseconds."""
Message = tuple[str, bytes, bytes]
"""A message's id, key and value."""


class Probe:
    """A producer, and one consumer for each topic with results.

    `read_as`: topic -> a function that returns the id of the message that a record answers; None for other records.
    """

    def __init__(
        self,
        settings: Settings,
        per_s: float,
        warm: int,
        read_as: Mapping[str, Callable[[bytes], str | None]],
    ) -> None:
        self._read_as = read_as
        self._pause = 1 / per_s
        self._warm = warm
        self._partitions = settings.partitions
        self._producer = clients.producer(settings, idempotent=False)
        self._consumers = {topic: clients.consumer(settings, topic) for topic in read_as}
        self._seen_at: dict[str, dict[str, float]] = {topic: {} for topic in read_as}
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        for topic, consumer in self._consumers.items():
            await consumer.start()
            await consumer.seek_to_end()
            # Determine the start position before the first claim, not at the first fetch.
            for tp in consumer.assignment():
                await consumer.position(tp)
            self._readers.append(asyncio.create_task(self._read(topic, consumer)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for consumer in self._consumers.values():
            await consumer.stop()
        await self._producer.stop()

    async def _read(self, topic: str, consumer: Consumer) -> None:
        read, seen_at = self._read_as[topic], self._seen_at[topic]
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.perf_counter()
                for record in records:
                    answered = None if record.value is None else read(record.value)
                    if answered is not None:
                        seen_at.setdefault(answered, now)

    async def round(
        self, messages: Sequence[Message], log: str, seen_on: tuple[str, ...]
    ) -> dict[str, Percentiles]:
        """Send messages to a log, evenly spaced; return the percentiles for each topic on which they were seen."""
        sent: dict[str, float] = {}
        due = time.perf_counter()
        for message_id, key, value in messages:
            due += self._pause
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent[message_id] = time.perf_counter()
            await self._producer.send(log, value, key, partition=clients.partition_of(key, self._partitions))
        counted = [message_id for message_id, _, _ in messages[self._warm :]]
        return {topic: percentiles(await self._waits(topic, sent, counted)) for topic in seen_on}

    async def _waits(self, topic: str, sent: dict[str, float], counted: list[str]) -> list[float]:
        """Return how long each counted message took, in milliseconds."""
        seen_at, give_up = self._seen_at[topic], time.perf_counter() + PATIENCE_SECONDS
        while missing := [message_id for message_id in counted if message_id not in seen_at]:
            if time.perf_counter() > give_up:
                raise StartFailed(topic, f"{len(missing)} of {len(counted)} messages stay unanswered")
            await asyncio.sleep(0.1)
        return [(seen_at[message_id] - sent[message_id]) * 1000 for message_id in counted]


def percentiles(waits: list[float]) -> Percentiles:
    """Return the median, the 99th percentile and the longest of some waits."""
    return dict(_ranked(sorted(waits)))


def _ranked(waits: list[float]) -> Iterator[tuple[int, float]]:
    for percent in (50, 99, 100):
        yield percent, waits[min(len(waits) - 1, len(waits) * percent // 100)]
