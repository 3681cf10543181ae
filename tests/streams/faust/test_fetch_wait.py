"""How long a fetch waits: long only if it asks for every partition in use, and never for partitions of before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import faust.transport.drivers.aiokafka as driver
import pytest
from aiokafka import TopicPartition

from streams import clients
from streams.patches.fetcher import FULL_FETCH_WAIT_MS, PARTIAL_FETCH_WAIT_MS, put_back_overtaken
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from tests.streams.faust.cluster import Cluster
    from tests.streams.faust.conftest import Launch
    from tests.streams.faust.program import Program

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def fetch_waits(reader: Program) -> Any:
    """Return the waits of the fetches since the last call."""
    before = len(reader.reports)
    reader.tell(count=True)
    await reader.until(
        lambda: any("fetch_waits" in report for report in reader.reports[before:]), "it counts"
    )
    return reader.newest_value("fetch_waits")


async def test_a_fetch_is_held_long_only_if_it_leaves_no_partition_out(
    cluster: Cluster, launch: Launch
) -> None:
    """Fact 23. The journal's partition is assigned too. Its records wait for ever, which shortens no fetch."""
    topic, journal = await cluster.create(unique("waits")), await cluster.create(unique("waits-journal"))
    environment = {"TOPIC": topic, "JOURNAL": journal, "COUNT": 1, "GATE": 1, "BUFFERED": 1}
    async with launch("reader", **environment) as reader:
        await reader.wait_for_report(owns=[0, 1])
        await cluster.send(journal, [(0, b"key", b"not taken after the recovery")])

        async def idle() -> bool:
            waits = await fetch_waits(reader)
            assert set(waits["partial"]) <= {PARTIAL_FETCH_WAIT_MS}
            return bool(waits == {"full": [FULL_FETCH_WAIT_MS], "partial": []})

        async def busy() -> bool:
            waits = await fetch_waits(reader)
            return bool(waits == {"full": [], "partial": [PARTIAL_FETCH_WAIT_MS]})

        await eventually(idle, "only full fetches are sent, and held long")
        sent = 0
        while not await busy():  # the first records fill the buffer, the later ones wait in the consumer
            await cluster.send(topic, [(0, b"key", b"%d" % sent)])
            sent += 1
        reader.tell(open=True)
        await cluster.send(topic, [(1, b"key", b"last")])
        await reader.until(
            lambda: len([report for report in reader.reports if "got" in report]) == sent + 1, "all come"
        )
        await eventually(idle, "only full fetches are sent again")


async def test_a_fetch_ends_when_other_partitions_are_in_use(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fact 33: the last fetch of a recovery asks for changelogs, and no event that comes meanwhile ends it."""
    monkeypatch.setattr(
        driver.AIOKafkaConsumerThread, "_fetch_records", driver.AIOKafkaConsumerThread._fetch_records
    )
    put_back_overtaken()
    topic = await cluster.create(unique("in-use"))
    changelog, events = TopicPartition(topic, 0), TopicPartition(topic, 1)
    in_use = {changelog}
    thread: Any = SimpleNamespace(
        consumer=SimpleNamespace(flow_active=True, app=SimpleNamespace(consumer_generation_id=1))
    )

    async def fetch() -> Any:
        return await driver.AIOKafkaConsumerThread._fetch_records(thread, consumer, in_use, timeout=3_600.0)

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with clients.started_client(
            clients.consumer(cluster.settings, topic, reset="earliest")
        ) as consumer:
            fetching = asyncio.create_task(fetch())
            await cluster.send(topic, [(1, b"key", b"an event")])
            assert not fetching.done()
            in_use.clear()
            in_use.add(events)
            assert await fetching == {}
            fetched = await fetch()
    assert [record.value for record in fetched[events]] == [b"an event"]
