"""Clients notice a Kafka that is suspended: it keeps its connections open and answers nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from aiokafka.errors import KafkaTimeoutError

from streams import clients
from streams.settings import Settings
from streams.topics import DO_NOT_CONTACT, LEAD_ARRIVALS, provision
from tests.fixtures.servers import make_kafka
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from runtime.kafka import KafkaBroker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Run a broker that these tests may suspend."""
    with make_kafka(tmp_path_factory.mktemp("silent") / "kafka") as broker:
        asyncio.run(provision(Settings.read(kafka_bootstrap_servers=broker.address)))
        yield broker


async def test_a_producer_gives_up_what_a_silent_kafka_does_not_take(broker: KafkaBroker) -> None:
    """An idempotent producer of aiokafka sends without end, and its `stop` waits for that."""
    producer = clients.producer(Settings.read(kafka_bootstrap_servers=broker.address))
    await producer.start()
    await producer.send_and_wait(DO_NOT_CONTACT, b"{}", b"default/phone/1")
    broker.suspend()
    try:
        sent = await producer.send(DO_NOT_CONTACT, b"{}", b"default/phone/2")
        with pytest.raises(KafkaTimeoutError, match="has not taken 1 records"):
            await clients.durable([sent], seconds=0.5)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await clients.stop_producer(producer, seconds=0.5)
    finally:
        broker.resume()


async def test_a_follower_says_that_kafka_is_silent_and_goes_on_after_it(broker: KafkaBroker) -> None:
    settings = Settings.read(kafka_bootstrap_servers=broker.address)
    lost = asyncio.Event()
    reading = clients.follow(settings, LEAD_ARRIVALS, from_end=True, lost=lambda _: lost.set())
    async with aclosing(reading) as batches, asyncio.timeout(PATIENCE_SECONDS):
        assert (await anext(batches)).caught_up
        broker.suspend()
        try:
            following = asyncio.create_task(first_record(batches))
            await lost.wait()
        finally:
            broker.resume()
        async with clients.started_client(clients.producer(settings)) as producer:
            await producer.send_and_wait(LEAD_ARRIVALS, b"after")
        assert await following == b"after"


async def first_record(batches: AsyncIterator[clients.Batch]) -> bytes:
    """Return the value of the first record that comes."""
    async for batch in batches:
        for record in batch.records:
            return bytes(record.value)
    raise AssertionError
