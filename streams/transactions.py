"""Finds partitions that an open transaction blocks: readers get no record from the transaction's first one on.

Our consumers read committed records only. If a producer dies within a transaction, its partitions are blocked until the
broker aborts it (`transaction.timeout.ms`, 15 minutes at most), or forever if the broker has lost track of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.clients import consumer as make_consumer
from streams.clients import stop_consumer
from streams.kafka_refusals import failure
from streams.patches.consumer_access import high_watermarks, network_client
from streams.settings import Settings
from streams.transaction_requests import DescribeProducersRequest, ListTransactionsRequest

_log = structlog.get_logger(__name__)

HANGING: Final = timedelta(seconds=30)
"""A transaction is reported if its producer has written nothing for this long. Clients commit within seconds."""


@dataclass(frozen=True, slots=True)
class BlockedPartition:
    """A partition that a transaction blocks.

    Records from `offset` up to, not including, `end` are not readable until it ends. `producer_id`, and `since`, the
    time of the producer's last write there, are None if the broker does not give them (it is older than Kafka 2.8, or
    an ACL is missing). `transactional_id` is also None if no broker knows a transaction of that producer; then it never
    ends.
    """

    topic: str
    partition: int
    offset: int
    end: int
    producer_id: int | None = None
    transactional_id: str | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        transaction = self.transactional_id or "no transactional id is known"
        producer = f", producer {self.producer_id} ({transaction})" if self.producer_id is not None else ""
        since = f", which last wrote at {self.since.isoformat(timespec='seconds')}" if self.since else ""
        behind = self.end - self.offset
        return (
            f"{self.topic}-{self.partition}: an open transaction holds back {behind} records from offset "
            f"{self.offset} on{producer}{since}"
        )


async def held_partitions(
    settings: Settings, topics: Iterable[str], *, longer_than: timedelta = HANGING
) -> list[BlockedPartition]:
    """Return the partitions of these topics that a transaction blocks, by topic and partition.

    A transaction whose producer has written within `longer_than` is left out. If the broker does not give the time of
    the last write, the partition is included. Topics that do not exist are left out. Raises `RetryableError` if Kafka
    is away.
    """
    consumer = make_consumer(settings)
    try:
        await consumer.start()
        client = network_client(consumer)
        cluster_metadata = await client.fetch_all_metadata()  # including topics it is not subscribed to
        topic_partitions = [
            TopicPartition(topic, partition)
            for topic in sorted(set(topics))
            for partition in sorted(cluster_metadata.partitions_for_topic(topic) or ())
        ]
        # With this order of requests, a transaction that ends in between is not reported.
        ends = await high_watermarks(consumer, topic_partitions)
        stable = await consumer.end_offsets(topic_partitions)
        blocked = [
            BlockedPartition(tp.topic, tp.partition, stable[tp], ends[tp])
            for tp in topic_partitions
            if stable[tp] < ends[tp]
        ]
        described = [await _with_broker_details(client, partition) for partition in blocked]
    except (KafkaError, OSError) as error:
        raise await failure(settings, error, f"its transactions could not be read: {error!r}") from error
    finally:
        await stop_consumer(consumer)
    oldest = datetime.now(UTC) - longer_than
    return [partition for partition in described if partition.since is None or partition.since <= oldest]


async def _with_broker_details(client: Any, blocked: BlockedPartition) -> BlockedPartition:
    """Add the brokers' information on the transaction; without any, return `blocked` unchanged."""
    try:
        leader = client.cluster.leader_for_partition(TopicPartition(blocked.topic, blocked.partition))
        response = await client.send(leader, DescribeProducersRequest(blocked.topic, blocked.partition))
        producers = [
            (producer_id, last_timestamp)
            for _, partitions, _ in response.topics
            for _, error, _, active, _ in partitions
            if not error
            for producer_id, _, _, last_timestamp, _, begins, _ in active
            if begins == blocked.offset
        ]
        if not producers:
            return blocked
        producer_id, last_ms = producers[0]
        ids = [
            await _transactional_id(client, broker.nodeId, producer_id) for broker in client.cluster.brokers()
        ]
    except (KafkaError, NotImplementedError, OSError) as error:
        _log.info(
            "the broker has no information about a transaction", partition=str(blocked), reason=repr(error)
        )
        return blocked
    transactional_id = next((transaction_id for transaction_id in ids if transaction_id), None)
    since = datetime.fromtimestamp(last_ms / 1000, UTC) if last_ms > 0 else None
    return BlockedPartition(
        blocked.topic, blocked.partition, blocked.offset, blocked.end, producer_id, transactional_id, since
    )


async def _transactional_id(client: Any, node: int, producer_id: int) -> str | None:
    response = await client.send(node, ListTransactionsRequest(producer_id))
    return next((name for name, owner_id, _, _ in response.transactions if owner_id == producer_id), None)
