"""Clients notice a Kafka that is suspended: it keeps its connections open and answers nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import pytest
from aiokafka.errors import KafkaTimeoutError

from streams import clients, silence
from streams.settings import Settings
from streams.topics import ASSIGNMENTS, DO_NOT_CONTACT, LEAD_ARRIVALS, provision
from tests.fixtures.servers import make_kafka
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from runtime.kafka import KafkaBroker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MANY: Final = 20_000


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
    away = asyncio.Event()
    reading = clients.follow(settings, LEAD_ARRIVALS, from_end=True, on_failure=lambda _: away.set())
    async with aclosing(reading) as batches, asyncio.timeout(PATIENCE_SECONDS):
        assert (await anext(batches)).caught_up
        broker.suspend()
        try:
            following = asyncio.create_task(first_record(batches))
            await away.wait()
        finally:
            broker.resume()
        async with clients.started_client(clients.producer(settings)) as producer:
            await producer.send_and_wait(LEAD_ARRIVALS, b"after")
        assert await following == b"after"


async def test_a_follower_that_reads_many_records_at_once_does_not_call_kafka_silent(
    broker: KafkaBroker,
) -> None:
    """They come from few fetches, and each poll of them ends at once."""
    settings = Settings.read(kafka_bootstrap_servers=broker.address)
    async with clients.started_client(clients.producer(settings)) as producer:
        await clients.durable([await producer.send(ASSIGNMENTS, b"{}", b"%d" % n) for n in range(MANY)])
    errors: list[Exception] = []
    reading = clients.follow(settings, ASSIGNMENTS, poll_ms=5_000, on_failure=errors.append)
    count = 0
    async with aclosing(reading) as batches, asyncio.timeout(PATIENCE_SECONDS):
        async for batch in batches:
            count += len(batch.records)
            if count >= MANY:
                break
    assert count == MANY
    assert errors == []


def test_kafka_stays_silent_when_a_connection_without_answer_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest answer is then one of another connection, and older."""
    last_heard = [7.0]
    monkeypatch.setattr(silence, "heard_at", lambda _: last_heard[0])
    silent = silence.Silence(object())
    assert not silent.lasts(silence.UNHEARD_SECONDS / 2)
    assert silent.lasts(silence.UNHEARD_SECONDS / 2)
    last_heard[0] = 0.0
    assert silent.lasts(1.0)
    last_heard[0] = 8.0
    assert not silent.lasts(1.0)


async def first_record(batches: AsyncIterator[clients.Batch]) -> bytes:
    """Return the value of the first record that comes."""
    async for batch in batches:
        for record in batch.records:
            return bytes(record.value)
    raise AssertionError
