"""Runs a stack of Kafka, Valkey and a CRM database for one run, whose servers the run may hurt."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from assurance.chaos.broker_isolation import BrokerIsolation
from models.errors import ConfigError
from runtime import KafkaBroker, LocalStack
from runtime.kafka_cluster import KafkaCluster
from runtime.kafka_users import ADMIN
from streams.settings import Settings
from streams.topics import provision

PARTITIONS: Final = 4
NOTHING: Final[Mapping[str, str | int]] = MappingProxyType({})

Say = Callable[[str], None]


@asynccontextmanager
async def own_stack(
    folder: Path,
    *,
    secure: bool = False,
    brokers: int = 1,
    failover: bool = False,
    broker: Mapping[str, str | int] = NOTHING,
    prepare: Callable[[LocalStack], None] = lambda _: None,
) -> AsyncIterator[tuple[LocalStack, Settings]]:
    """Yield a stack of Kafka, Valkey and an SQLite file in `folder`, with topics. Ignores the environment's.

    `failover`: Valkey has a replica and sentinels, and a Postgres with a standby replaces the file.
    `brokers`: 1 or 3. `broker`: further properties of each broker. `prepare`: gets the stack before it starts.
    """
    environment = Settings.read()
    base = Settings.model_construct(
        state_dir=folder,
        cache_dir=environment.cache_dir,
        maven_repository=environment.maven_repository,
        partitions=PARTITIONS,
        replication_factor=brokers,
    )
    stack = LocalStack(
        folder, settings=base, secure=secure, brokers=brokers, failover=failover, postgres=failover
    )
    kafka = kafka_of(stack)
    kafka.more_properties = dict(broker)
    prepare(stack)
    try:
        settings = await asyncio.to_thread(stack.start)
        if not failover:
            settings = settings.model_copy(update={"database_url": f"sqlite:///{folder / 'crm.sqlite'}"})
        settings = stack.as_user(settings, ADMIN)
        await provision(settings)
        yield stack, settings
    finally:
        await asyncio.to_thread(stack.stop)


def isolate_brokers(stack: LocalStack, removal: ExitStack, say: Say) -> list[BrokerIsolation]:
    """Isolate a broker of a cluster that has not started; say why not where it cannot be done here.

    `removal`: gets what removes the isolation, to be left after the cluster has stopped.
    """
    if stack.cluster is None:
        return []
    isolation = BrokerIsolation(stack.cluster)
    try:
        isolation.prepare()
    except ConfigError as error:
        say(f"no broker is cut off, and no disk is full: {error}")
        return []
    removal.callback(isolation.close)
    return [isolation]


def kafka_of(stack: LocalStack) -> KafkaBroker | KafkaCluster:
    """Return the broker or the cluster of a stack of our own."""
    kafka = stack.kafka or stack.cluster
    assert kafka is not None  # noqa: S101  # the settings name no other one
    return kafka
