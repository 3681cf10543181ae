"""Runs three real Apache Kafka brokers on this machine, each also a controller (KRaft), as one cluster.

Every record is on `min.insync.replicas` brokers before it is acknowledged, so the loss of one broker loses nothing.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from models.errors import ConfigError
from runtime.kafka import (
    PROBE_GROUPS,
    PROBE_SECONDS,
    KafkaBroker,
    coordinator_of,
    coordinator_serves,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from runtime.jars import Progress

BROKERS: Final = 3
IN_SYNC: Final = 2
"""On how many brokers a record is before it is acknowledged."""


class ClusterBroker(KafkaBroker):
    """One broker of a cluster. `node_id` counts from 1."""

    def __init__(
        self,
        cluster: KafkaCluster,
        node_id: int,
        folder: Path,
        *,
        cache: Path,
        repository: str | None,
        progress: Progress | None,
    ) -> None:
        super().__init__(folder, cache=cache, repository=repository, progress=progress)
        self.node_id = node_id
        self._cluster = cluster

    def choose_ports(self) -> None:
        """Choose its ports before it starts: the configuration of each broker names the ports of all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._choose_ports()

    def configuration(self) -> dict[str, str | int]:
        """Return the broker's properties: those of a single broker, with every topic on all brokers."""
        count = len(self._cluster.brokers)
        return {
            **super().configuration(),
            "node.id": self.node_id,
            "controller.quorum.voters": ",".join(
                f"{broker.node_id}@{broker.host}:{broker.ports['controller']}"
                for broker in self._cluster.brokers
            ),
            "default.replication.factor": count,
            "min.insync.replicas": IN_SYNC,
            "offsets.topic.replication.factor": count,
            "transaction.state.log.replication.factor": count,
            "transaction.state.log.min.isr": IN_SYNC,
            "share.coordinator.state.topic.replication.factor": count,
            "share.coordinator.state.topic.min.isr": IN_SYNC,
            **self.more_properties,
        }

    def answers(self) -> bool:
        """Tell whether this broker finds every group's coordinator, and that broker serves the group."""
        with _connect(self.host, self.ports["broker"]) as connection:
            return all(_is_served(connection, group) for group in PROBE_GROUPS)


class KafkaCluster:
    """A cluster of `BROKERS` brokers with their data below `folder`. It starts and stops like one server.

    A cluster has no users. Raises ConfigError if `folder` was made by a single broker.
    """

    def __init__(
        self, folder: Path, *, cache: Path, repository: str | None = None, progress: Progress | None = None
    ) -> None:
        if (folder / "data" / "meta.properties").exists():
            reason = f"{folder} was made by one broker: name another state folder, or remove this one"
            raise ConfigError("--brokers", reason)
        self.brokers: list[ClusterBroker] = [
            ClusterBroker(
                self,
                number,
                folder / f"broker-{number}",
                cache=cache,
                repository=repository,
                progress=progress if number == 1 else None,
            )
            for number in range(1, BROKERS + 1)
        ]
        self.cluster_id = new_id()

    @property
    def bootstrap(self) -> str:
        """`host:port` of every broker, separated by commas, for clients."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    @property
    def more_properties(self) -> dict[str, str | int]:
        """Further properties of every broker. Set them before it starts."""
        return self.brokers[0].more_properties

    @more_properties.setter
    def more_properties(self, properties: dict[str, str | int]) -> None:
        for broker in self.brokers:
            broker.more_properties = dict(properties)

    def prepare(self) -> None:
        """Choose all ports, before the first broker starts."""
        for broker in self.brokers:
            broker.cluster_id = self.cluster_id
            broker.choose_ports()

    def start(self) -> Self:
        """Start all brokers, and return once each answers. Raises StartFailed with the end of a broker's log."""
        self.prepare()
        try:
            # Formatting a folder takes seconds, so the brokers are launched side by side.
            self._on_all(lambda broker: broker.launch())
            for broker in self.brokers:
                broker.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all brokers. It has no effect on those that do not run.

        They stop side by side: the last two could not elect a controller for each other.
        """
        self._on_all(lambda broker: broker.stop())

    def broker(self, node_id: int) -> ClusterBroker:
        """Return the broker with this id, counted from 1."""
        return self.brokers[node_id - 1]

    def _on_all(self, act: Callable[[ClusterBroker], object]) -> None:
        with ThreadPoolExecutor(len(self.brokers), thread_name_prefix="kafka") as pool:
            for future in [pool.submit(act, broker) for broker in self.brokers]:
                future.result()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _is_served(connection: socket.socket, group: str) -> bool:
    coordinator = coordinator_of(connection, group)
    if coordinator is None:
        return False
    with _connect(*coordinator) as coordinator_connection:
        return coordinator_serves(coordinator_connection, group)


@contextmanager
def _connect(host: str, port: int) -> Iterator[socket.socket]:
    with socket.create_connection((host, port), PROBE_SECONDS) as connection:
        connection.settimeout(PROBE_SECONDS)
        yield connection
