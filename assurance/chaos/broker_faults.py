"""Carries out the faults of the brokers in a chaos run: of one broker, or of a cluster of three."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.errors import KafkaError

from assurance.chaos.broker_isolation import BrokerIsolation
from assurance.chaos.fault_plan import Fault, FaultKind
from assurance.chaos.supervised_processes import Say
from models.errors import RuntimeFailure, StartFailed
from runtime import KafkaBroker
from runtime.kafka_cluster import BROKERS, KafkaCluster
from streams.patches.cluster_admin import ClusterClient
from streams.topics import LEAD_ACTIONS

BROKER_TRIES: Final = 3
LOOK_SECONDS: Final = 0.5
RECOVERED_SECONDS: Final = 120.0
"""How long a cluster may take until every partition is in sync on all brokers again."""


class BrokerFaults:
    """Carries out one fault at a time, and waits after each until the brokers have recovered.

    `isolation`: of the broker that may be cut off, or whose disk may be full.
    """

    def __init__(
        self, kafka: KafkaBroker | KafkaCluster, say: Say, isolation: BrokerIsolation | None = None
    ) -> None:
        self._isolation = isolation
        self._kafka = kafka
        self._say = say
        self._turn = asyncio.Lock()

    async def inject(self, fault: Fault) -> int:
        """Carry out a fault of the brokers; return how many brokers it hit.

        Raises StartFailed if a broker does not come back, and RuntimeFailure if the cluster does not recover.
        """
        async with self._turn:
            if isinstance(self._kafka, KafkaBroker):
                await asyncio.to_thread(self._kafka.kill9)
                await self._restart(self._kafka)
                return 1
            hit = await self._inject(self._kafka, fault)
            await self._recovered(self._kafka)
            return hit

    async def _inject(self, cluster: KafkaCluster, fault: Fault) -> int:
        match fault.act:
            case FaultKind.KILL_LEADER | FaultKind.KILL_CONTROLLER:
                async with self._client(cluster) as client:
                    controller = fault.act is FaultKind.KILL_CONTROLLER
                    node = await (client.active_controller() if controller else _leader(client))
                broker = cluster.broker(node)
                await asyncio.to_thread(broker.kill9)
                await asyncio.sleep(fault.seconds)
                await self._restart(broker)
                return 1
            case FaultKind.PAUSE_LEADER:
                async with self._client(cluster) as client:
                    broker = cluster.broker(await _leader(client))
                broker.suspend()
                try:
                    await asyncio.sleep(fault.seconds)
                finally:
                    broker.resume()
                return 1
            case FaultKind.MOVE_PARTITIONS:
                return await self._move(cluster)
            case FaultKind.RESTART_BROKERS:
                for broker in cluster.brokers:
                    await asyncio.to_thread(broker.stop)
                    await self._restart(broker)
                    await self._recovered(cluster)
                return len(cluster.brokers)
            case FaultKind.CUT_OFF_BROKER | FaultKind.FILL_DISK if self._isolation is not None:
                await self._isolate(self._isolation, fault)
                return 1
            case _:
                raise AssertionError(fault.act)

    async def _isolate(self, isolation: BrokerIsolation, fault: Fault) -> None:
        """Cut the isolated broker off, or fill its disk, for a while. One whose disk was full is restarted."""
        is_cut = fault.act is FaultKind.CUT_OFF_BROKER
        await asyncio.to_thread(isolation.cut_off if is_cut else isolation.fill_disk)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            await asyncio.to_thread(isolation.connect_again if is_cut else isolation.empty_disk)
        if not is_cut:
            state = "still runs" if isolation.broker.running else "has ended, as Kafka does without a disk"
            self._say(f"the broker whose disk was full {state}")
            await asyncio.to_thread(isolation.broker.kill9)
            await self._restart(isolation.broker)

    async def _move(self, cluster: KafkaCluster) -> int:
        """Take every partition of every topic off the first broker, and give it back."""
        async with self._client(cluster) as client:
            topics = await client.list_topics()
            for replicas in ([2, 3], [1, 2, 3]):
                for topic in topics:
                    partitions = await client.replicas(topic)
                    # The leader moves on with each partition, so that all brokers lead some of them.
                    turned = {
                        number: [replicas[(number + index) % len(replicas)] for index in range(len(replicas))]
                        for number in partitions
                    }
                    await client.reassign(topic, turned)
                while await client.is_moving():  # noqa: ASYNC110  # a cluster is asked: it does not tell
                    await asyncio.sleep(LOOK_SECONDS)
        return 1

    async def _recovered(self, cluster: KafkaCluster) -> None:
        """Wait until every partition of every topic is in sync on all brokers."""
        try:
            async with asyncio.timeout(RECOVERED_SECONDS):
                while not await self._is_in_sync(cluster):  # noqa: ASYNC110  # likewise
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            reason = f"not every partition is on all brokers {RECOVERED_SECONDS:g} s after a fault"
            raise RuntimeFailure("kafka", reason) from error

    async def _is_in_sync(self, cluster: KafkaCluster) -> bool:
        try:
            async with self._client(cluster) as client:
                described = await client.describe_topics()
        except KafkaError:
            return False
        return all(
            len(partition["isr"]) == BROKERS for topic in described for partition in topic["partitions"]
        )

    async def _restart(self, broker: KafkaBroker) -> None:
        """Restart a broker. On an overloaded machine this may take several attempts."""
        for attempt in range(BROKER_TRIES):
            try:
                await asyncio.to_thread(broker.start)
            except StartFailed as failed:
                if attempt + 1 == BROKER_TRIES:
                    raise
                self._say(f"the broker is started again: {failed.reason.splitlines()[0]}")
            else:
                return

    @asynccontextmanager
    async def _client(self, cluster: KafkaCluster) -> AsyncIterator[ClusterClient]:
        client = ClusterClient(bootstrap_servers=cluster.bootstrap.split(","))
        await client.start()
        try:
            yield client
        finally:
            await client.close()


async def _leader(client: ClusterClient) -> int:
    """Return the broker that leads the first partition of the actions."""
    leader, _, _ = (await client.replicas(LEAD_ACTIONS))[0]
    return leader
