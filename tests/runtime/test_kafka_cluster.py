"""Three brokers are one cluster: it keeps what it acknowledged while any one of them is killed, and says who leads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError

from models.errors import ConfigError
from runtime import LocalStack
from runtime.kafka_cluster import KafkaCluster
from streams.patches.cluster_admin import ClusterClient
from streams.settings import Settings
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
COUNT = 40


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Yield a running cluster."""
    settings = Settings.read()
    with KafkaCluster(
        tmp_path_factory.mktemp("cluster") / "kafka",
        cache=settings.cache_dir / "jars",
        repository=settings.maven_repository,
    ) as running:
        yield running


async def test_a_cluster_keeps_what_it_acknowledged_while_its_leaders_are_killed(
    cluster: KafkaCluster,
) -> None:
    servers = cluster.bootstrap.split(",")
    client = ClusterClient(bootstrap_servers=servers)
    await client.start()
    await client.create_topics([NewTopic("kept", 1, 3)])
    await client.close()
    sent = 0
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:
        for _ in cluster.brokers:
            killed = cluster.broker(await _leader(cluster, "kept"))
            for _ in range(COUNT):
                await producer.send_and_wait("kept", str(sent).encode())
                sent += 1
            await asyncio.to_thread(killed.kill9)
            for _ in range(COUNT):
                await producer.send_and_wait("kept", str(sent).encode())
                sent += 1
            await asyncio.to_thread(killed.start)
            await eventually(lambda: _in_sync(cluster, "kept", 3), "the killed broker has caught up")
    consumer = AIOKafkaConsumer("kept", bootstrap_servers=servers, auto_offset_reset="earliest")
    async with consumer:
        numbers = [int((await consumer.getone()).value) for _ in range(sent)]
    assert numbers == list(range(sent))


async def test_another_controller_is_elected_and_partitions_move(cluster: KafkaCluster) -> None:
    client = ClusterClient(bootstrap_servers=cluster.bootstrap.split(","))
    await client.start()
    await client.create_topics([NewTopic("moved", 2, 3)])
    await eventually(lambda: _in_sync(cluster, "moved", 3), "every broker has the topic")
    assignment = {0: [2, 3], 1: [3, 2]}
    await client.reassign("moved", assignment)

    async def moved() -> bool:
        # Any broker may answer, and one that has not heard yet still says where they were.
        states = await client.replicas("moved")
        return {number: replicas for number, (_, replicas, _) in states.items()} == assignment

    await eventually(moved, "the partitions have moved")
    await eventually(lambda: _has_stopped_moving(client), "no partition is on its way")
    await client.close()
    former = await eventually(lambda: _controller(cluster, not_this=-1), "a controller is active")
    await asyncio.to_thread(cluster.broker(former).kill9)
    successor = await eventually(
        lambda: _controller(cluster, not_this=former), "another controller is elected"
    )
    assert successor in {1, 2, 3} - {former}
    await asyncio.to_thread(cluster.broker(former).start)


async def _has_stopped_moving(client: ClusterClient) -> bool:
    return not await client.is_moving()


async def _leader(cluster: KafkaCluster, topic: str) -> int:
    client = ClusterClient(bootstrap_servers=cluster.bootstrap.split(","))
    await client.start()
    try:
        return (await client.replicas(topic))[0][0]
    finally:
        await client.close()


async def _in_sync(cluster: KafkaCluster, topic: str, count: int) -> bool:
    client = ClusterClient(bootstrap_servers=cluster.bootstrap.split(","))
    await client.start()
    try:
        return len((await client.replicas(topic))[0][2]) == count
    except (KafkaError, KeyError):  # the broker that was asked does not know yet
        return False
    finally:
        await client.close()


async def _controller(cluster: KafkaCluster, *, not_this: int) -> int | None:
    client = ClusterClient(bootstrap_servers=cluster.bootstrap.split(","))
    await client.start()
    try:
        controller = await client.active_controller()
    except KafkaError:  # it asked the broker that is away
        return None
    finally:
        await client.close()
    return controller if controller not in {-1, not_this} else None


def test_a_cluster_refuses_what_it_cannot_be(tmp_path: Path) -> None:
    settings = Settings.read(state_dir=tmp_path)
    with pytest.raises(ConfigError, match="must be 1 or 3"):
        LocalStack(tmp_path, settings=settings, brokers=2)
    with pytest.raises(ConfigError, match="leave out --secure"):
        LocalStack(tmp_path, settings=settings, brokers=3, secure=True)
    with pytest.raises(ConfigError, match="the local Kafka has 3 brokers"):
        LocalStack(tmp_path, settings=settings.model_copy(update={"replication_factor": 4}), brokers=3)
    data_folder = tmp_path / "kafka" / "data"
    data_folder.mkdir(parents=True)
    (data_folder / "meta.properties").touch()
    with pytest.raises(ConfigError, match="was made by one broker"):
        LocalStack(tmp_path, settings=settings, brokers=3)
