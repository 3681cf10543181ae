"""Sees the broker as a client does: the records of a topic and the commits of a group."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams import clients
from streams.settings import Settings
from streams.topic_reader import read_topic
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

Record = tuple[int, bytes | None, bytes | None]
"""(partition, key, value) of a record to send."""
POLL_MS: Final = 200


class Cluster:
    """One broker at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.settings = Settings.read(kafka_bootstrap_servers=address)
        self._followed: dict[str, tuple[AIOKafkaConsumer, list[Any]]] = {}

    async def create(self, topic: str, partitions: int = 2, **config: str) -> str:
        """Create a topic. Dots in the names of its configs are written as underscores."""
        configs = {name.replace("_", "."): value for name, value in config.items()}
        async with self.admin() as admin:
            response = await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
        assert not any(code for _, code, *_ in response.topic_errors), response
        return topic

    async def send(self, topic: str, records: Iterable[Record]) -> None:
        """Append records; all are durable on return."""
        async with AIOKafkaProducer(bootstrap_servers=self.address, acks="all") as producer:
            sent = [
                await producer.send(topic, value, key, partition=partition)
                for partition, key, value in records
            ]
            for future in sent:
                await future

    async def send_with_holes(self, topic: str, partition: int, values: Iterable[bytes]) -> None:
        """Append records with a missing offset after each, as compaction leaves.

        Here a commit marker takes the offset.
        """
        async with AIOKafkaProducer(bootstrap_servers=self.address, transactional_id=topic) as producer:
            for value in values:
                async with producer.transaction():
                    await producer.send(topic, value, partition=partition)

    async def records(self, topic: str) -> list[Any]:
        """Return all current records of a topic, in order within each partition."""
        async with aclosing(read_topic(self.settings, topic)) as reading:
            return [record async for record in reading]

    async def records_so_far(self, topic: str) -> list[Any]:
        """Return the same as `records`, for repeated calls on one topic: each call reads only new records.

        Records that were compacted away since are still in the result. Close the cluster afterwards.
        """
        if topic not in self._followed:
            consumer = clients.consumer(self.settings, topic, reset="earliest")
            await clients.start_at_rest(consumer)
            self._followed[topic] = consumer, []
        consumer, collected = self._followed[topic]
        ends = await consumer.end_offsets(consumer.assignment())
        behind = [tp for tp, end in ends.items() if await consumer.position(tp) < end]
        consumer.resume(*behind)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any([await consumer.position(tp) < ends[tp] for tp in behind]):
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    collected += records
        consumer.pause(*behind)  # a fetch would delay the next request for offsets
        return list(collected)

    async def close(self) -> None:
        """Stop the consumers of `records_so_far`."""
        while self._followed:
            _, (consumer, _) = self._followed.popitem()
            await consumer.stop()

    async def records_once(
        self, topic: str, enough: Callable[[list[Any]], Any], expectation: str
    ) -> list[Any]:
        """Return all records of a topic as soon as there are enough."""

        async def enough_records() -> list[Any]:
            records = await self.records(topic)
            return records if enough(records) else []

        return list(await eventually(enough_records, expectation))

    async def ends(self, topic: str) -> dict[int, int]:
        """Return the end offset of each partition."""
        async with AIOKafkaConsumer(topic, bootstrap_servers=self.address) as consumer:
            consumer.pause(*consumer.assignment())
            ends = await consumer.end_offsets(consumer.assignment())
        return {tp.partition: offset for tp, offset in ends.items()}

    async def commits(self, group: str, topic: str) -> dict[int, tuple[int, str]]:
        """Return (offset, metadata) of each partition that the group has committed."""
        async with self.admin() as admin:
            committed = await admin.list_consumer_group_offsets(group)
        return {
            tp.partition: (stored.offset, stored.metadata)
            for tp, stored in committed.items()
            if tp.topic == topic and stored.offset >= 0
        }

    async def committed(self, group: str, topic: str, partition: int = 0) -> int | None:
        """Return the committed offset of a group in one partition, or None."""
        stored = (await self.commits(group, topic)).get(partition)
        return stored[0] if stored else None

    async def commits_reach(self, group: str, topic: str, offsets: dict[int, int]) -> None:
        """Wait until the group has committed exactly these offsets."""

        async def are_committed() -> bool:
            committed = await self.commits(group, topic)
            return all(
                committed.get(partition, (None,))[0] == offset for partition, offset in offsets.items()
            )

        await eventually(are_committed, f"{group} commits {offsets} of {topic}")

    async def group_is_empty(self, group: str) -> None:
        """Wait until the group has no members."""

        async def is_empty() -> bool:
            async with self.admin() as admin:
                (response,) = await admin.describe_consumer_groups([group])
            return all(state == "Empty" for _, _, state, *_ in response.groups)

        await eventually(is_empty, f"{group} is empty")

    async def commit(self, group: str, topic: str, offsets: dict[int, int]) -> None:
        """Commit for a group that has no members now, and nothing else: an automatic commit would store the end."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.address, group_id=group, enable_auto_commit=False)
        async with consumer:
            positions = {TopicPartition(topic, partition): offset for partition, offset in offsets.items()}
            consumer.assign(list(positions))
            await consumer.commit(positions)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """Yield an admin client."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()
