"""How long a fetch waits: long only if it asks for every partition in use, and never for partitions of before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import faust.transport.drivers.aiokafka as driver
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher

from streams import clients
from streams.patches.fetcher import (
    FETCH_SLICE_SECONDS,
    FULL_FETCH_WAIT_MS,
    PARTIAL_FETCH_WAIT_MS,
    RECOVERY_SLICE_SECONDS,
    prefetch_other_partitions,
    put_back_overtaken,
)
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


async def test_fetch_after_taking_the_next_fetch_asks_for_the_partition_whose_records_came(
    cluster: Cluster, launch: Launch
) -> None:
    """Fact 36: while the loop is slow, aiokafka sends the next fetch before the records of the last one are taken."""
    one_by_one = 40

    async def partial_fetches(without: str) -> int:
        topic = await cluster.create(unique("taken"), 2)
        async with launch(
            "reader", TOPIC=topic, COUNT=1, RACE="turns_that_take_long", WITHOUT=without
        ) as reader:
            await reader.wait_for_report(owns=[0, 1])
            await fetch_waits(reader)
            for number in range(one_by_one):
                await cluster.send(topic, [(0, None, b"%d" % number)])
                await reader.wait_for_report(got=[0, number])
            await fetch_waits(reader)
            count: int = reader.newest_value("fetches")["partial"]
            return count

    patched, unpatched = await asyncio.gather(partial_fetches(""), partial_fetches("fetch_after_taking"))
    assert patched < one_by_one / 4
    assert unpatched > one_by_one / 2


def apply_patches(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Apply the patches of fetches until the test ends; return how long Faust is asked to wait each time."""
    timeouts: list[float] = []
    stock = driver.AIOKafkaConsumerThread._fetch_records

    async def _fetch_records(self: Any, consumer: Any, in_use: Any, *, timeout: float, **options: Any) -> Any:  # noqa: ASYNC109
        timeouts.append(timeout)
        return await stock(self, consumer, in_use, timeout=timeout, **options)

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", _fetch_records)
    for name in ("__init__", "_get_actions_per_node"):
        monkeypatch.setattr(Fetcher, name, getattr(Fetcher, name))
    put_back_overtaken()
    prefetch_other_partitions()
    return timeouts


def thread_of(*changelogs: TopicPartition) -> Any:
    """Return what a fetch needs of the thread of Faust's consumer, in an app with these changelogs."""
    tables = SimpleNamespace(recovery=SimpleNamespace(active_tps=set(changelogs)))
    app = SimpleNamespace(consumer_generation_id=1, tables=tables)
    return SimpleNamespace(consumer=SimpleNamespace(flow_active=True, app=app))


@pytest.mark.parametrize(
    ("in_recovery", "wait_ms", "slice_seconds"),
    [
        (True, PARTIAL_FETCH_WAIT_MS, RECOVERY_SLICE_SECONDS),
        (False, FULL_FETCH_WAIT_MS, FETCH_SLICE_SECONDS),
    ],
)
async def test_a_fetch_of_a_recovery_is_not_held_long(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    *,
    in_recovery: bool,
    wait_ms: int,
    slice_seconds: float,
) -> None:
    """Fact 33: the last fetch of a recovery gets nothing more, and the first fetch of events waits for its end."""
    slices = apply_patches(monkeypatch)
    topic = await cluster.create(unique("recovery"))
    in_use = TopicPartition(topic, 0)
    thread = thread_of(*((in_use,) if in_recovery else ()))

    async def fetch() -> Any:
        return await driver.AIOKafkaConsumerThread._fetch_records(thread, consumer, {in_use}, timeout=3_600.0)

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with clients.started_client(
            clients.consumer(cluster.settings, topic, reset="earliest")
        ) as consumer:
            for value in (b"first", b"second"):
                fetching = asyncio.create_task(fetch())
                await cluster.send(topic, [(0, b"key", value)])
                assert [record.value for record in (await fetching)[in_use]] == [value]
            assert await consumer.position(TopicPartition(topic, 1)) == 0
            # The next request leaves no partition out, and knows what is in use.
            fetching = asyncio.create_task(fetch())
            consumer._fetcher._fetch_max_wait_ms = None
            await eventually(lambda: consumer._fetcher._fetch_max_wait_ms is not None, "a fetch is sent")
            assert consumer._fetcher._fetch_max_wait_ms == wait_ms
            assert set(slices) == {slice_seconds}
            fetching.cancel()
            await asyncio.wait([fetching])


async def test_a_fetch_ends_when_other_partitions_are_in_use(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fact 33: the last fetch of a recovery asks for changelogs, and no event that comes meanwhile ends it."""
    apply_patches(monkeypatch)
    topic = await cluster.create(unique("in-use"))
    changelog, events = TopicPartition(topic, 0), TopicPartition(topic, 1)
    in_use = {changelog}
    thread = thread_of(changelog)

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
