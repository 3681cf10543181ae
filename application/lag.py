"""Measures how far each stage is behind, by partition: intake, leads, orgs, relays, sink, board and couriers."""

import asyncio
from collections.abc import Iterable
from typing import Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import NoError, for_code
from sqlalchemy.exc import SQLAlchemyError

from application.sink_positions import SinkPositions
from board.connection import connect as connect_valkey
from board.writer import BoardWriter
from couriers.channels import NAMES, group_of
from models.errors import FirstclaimError, RetryableError
from sink.consumer import GROUP as SINK_GROUP
from sink.db_errors import reason_of
from streams import clients
from streams.clients import stop_consumer
from streams.patches.consumer_access import high_watermarks
from streams.settings import Settings
from streams.topics import (
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_JOURNAL,
    LEAD_LOG,
    NOTIFICATIONS,
    ORG_JOURNAL,
    ORG_LOG,
    QUEUE_CHANGES,
    RELAY_GROUP,
    TOPICS,
    WORKER_GROUP,
)

STAGES: Final = {
    "intake": (WORKER_GROUP, (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT)),
    "leads": (WORKER_GROUP, (LEAD_LOG,)),
    "orgs": (WORKER_GROUP, (ORG_LOG,)),
    "relay": (RELAY_GROUP, (LEAD_JOURNAL,)),
    "org_relay": (RELAY_GROUP, (ORG_JOURNAL,)),
}
"""Stage -> its consumer group and its topics, for the stages that store their offsets in Kafka."""
SINK: Final = "sink"
"""The sink's offsets are in the CRM database, in the transaction of the rows."""
BOARD: Final = "board"
"""The board's offsets are in Valkey, in the same step as the changes."""
READS: Final = {
    **{stage: topics for stage, (_, topics) in STAGES.items()},
    SINK: (LEAD_JOURNAL,),
    BOARD: (QUEUE_CHANGES,),
}
GROUPS: Final = (WORKER_GROUP, RELAY_GROUP, SINK_GROUP)
REQUEST_MS: Final = 20_000
"""How long Kafka may take to answer. A loaded machine needs seconds."""
_PROBE_SECONDS: Final = 5.0
_PROBE_MS: Final = 500
_TOPIC_UNKNOWN: Final = 3


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """One partition as one stage sees it. `handled`: the first offset not handled yet. `end`: after the last record.

    `readable`: the offset of the first record that an open transaction holds back, or else the end.
    """

    stage: str
    topic: str
    partition: int
    handled: int
    readable: int
    end: int

    @property
    def records(self) -> int:
        """The number of records that are not handled yet."""
        return max(0, self.end - self.handled)

    @property
    def topic_partition(self) -> TopicPartition:
        """The partition."""
        return TopicPartition(self.topic, self.partition)


class Lags:
    """Measures how far each stage is behind, over one connection. Call `close` afterwards.

    `read_errors`: what could not be read at the last measurement, by stage or topic. `missing`: topics that do not
    exist. `readable`: the topics whose records this process may read; None: all.
    """

    def __init__(self, settings: Settings, *, readable: frozenset[str] | None = None) -> None:
        self._readable = readable
        self._sink = SinkPositions(settings.database_url)
        self._admin = clients.admin(settings, request_timeout_ms=REQUEST_MS)
        # A consumer that reads only committed records learns from Kafka where the first open transaction begins.
        self._consumer = clients.consumer(settings, request_timeout_ms=REQUEST_MS)
        self._valkey = connect_valkey(settings.redis_url)
        self._counts: dict[str, int] = {}
        self._last: dict[tuple[str, TopicPartition], Backlog] = {}
        self._empty: dict[tuple[str, TopicPartition], tuple[int, int]] = {}
        self.read_errors: dict[str, str] = {}
        self.missing: list[str] = []

    async def start(self) -> None:
        """Connect. Raises KafkaError."""
        await self._admin.start()
        await self._consumer.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._admin.close()
        await stop_consumer(self._consumer)
        await self._valkey.aclose()
        self._sink.close()

    async def ends(self, *topics: str) -> dict[TopicPartition, int]:
        """Return the end offset of each partition of the topics. A missing topic has none."""
        topic_partitions = await self._topic_partitions(topics)
        return await high_watermarks(self._consumer, topic_partitions) if topic_partitions else {}

    async def begins(self, *topics: str) -> dict[TopicPartition, int]:
        """Return the first offset of each partition of the topics. A missing topic has none."""
        topic_partitions = await self._topic_partitions(topics)
        offsets: dict[TopicPartition, int] = (
            await self._consumer.beginning_offsets(topic_partitions) if topic_partitions else {}
        )
        return offsets

    async def of_stages(self) -> dict[str, int]:
        """Return the records not handled yet, by stage. A stage whose store is unreachable is only in `read_errors`.

        From the second measurement on, records that no reader gets (a transaction's end, aborted records) do not
        count. In a topic that this process may not read, they do.
        """
        lags: dict[str, int] = {}
        for backlog in await self.backlogs():
            key = (backlog.stage, backlog.topic_partition)
            unmoved = self._last.get(key) == backlog
            self._last[key] = backlog
            nothing = backlog.records and unmoved and await self.is_empty(backlog)
            lags[backlog.stage] = lags.get(backlog.stage, 0) + (0 if nothing else backlog.records)
        return lags

    async def backlogs(self) -> list[Backlog]:
        """Return every partition of every stage that can be read. Raises KafkaError where Kafka is unreachable."""
        self.read_errors.clear()
        topics = sorted({topic for read in READS.values() for topic in read})
        begins, ends = await self.begins(*topics), await self.ends(*topics)
        readable = await self._consumer.end_offsets(list(ends)) if ends else {}
        backlogs = []
        for stage, handled in (await self._handled()).items():
            for tp, end in ends.items():
                if tp.topic in READS[stage]:
                    at = max(handled.get(tp, 0), begins[tp])
                    backlogs.append(
                        Backlog(
                            stage=stage,
                            topic=tp.topic,
                            partition=tp.partition,
                            handled=at,
                            readable=readable[tp],
                            end=end,
                        )
                    )
        return backlogs

    async def of_couriers(self) -> dict[str, int]:
        """Return the requests that are not finished, by courier, such as `courier_mail`. Raises KafkaError.

        A request may wait for hours, for the end of a rep's quiet times. A courier that never ran has no entry.
        """
        counts = {}
        ends = await self.ends(NOTIFICATIONS)
        for name in NAMES:
            committed = await self._admin.list_consumer_group_offsets(group_of(name))
            at = {tp: stored.offset for tp, stored in committed.items() if stored.offset >= 0}
            if at:
                counts[f"courier_{name}"] = sum(
                    max(0, ends[tp] - offset) for tp, offset in at.items() if tp in ends
                )
        return counts

    async def members(self, groups: Iterable[str] = GROUPS) -> dict[str, int]:
        """Return group -> number of members, 0 for a group that does not exist. Raises KafkaError."""
        counts = {}
        for group_id in groups:  # one at a time: aiokafka 0.14 cannot parse an answer about several
            (response,) = await self._admin.describe_consumer_groups([group_id])
            for code, group, _state, _kind, _protocol, members, *_ in response.groups:
                if (error := for_code(code)) is not NoError:
                    raise error(group)
                counts[group] = len(members)
        return counts

    async def is_empty(self, backlog: Backlog) -> bool:
        """Return whether readers get no record of this backlog, only ends of transactions or aborted records."""
        if self._readable is not None and backlog.topic not in self._readable:
            return False
        key, at = (backlog.stage, backlog.topic_partition), (backlog.handled, backlog.readable)
        if self._empty.get(key) == at:
            return backlog.readable == backlog.end
        loop = asyncio.get_running_loop()
        until = loop.time() + _PROBE_SECONDS
        tp = backlog.topic_partition
        self._consumer.assign([tp])
        self._consumer.seek(tp, backlog.handled)
        try:
            while await self._consumer.position(tp) < backlog.readable:
                if (
                    await self._consumer.getmany(tp, timeout_ms=_PROBE_MS, max_records=1)
                ) or loop.time() > until:
                    return False
        except Exception:  # noqa: BLE001  # an unreadable record is a record
            return False
        finally:
            self._consumer.unsubscribe()
        self._empty[key] = at
        return backlog.readable == backlog.end

    async def _topic_partitions(self, topics: tuple[str, ...]) -> list[TopicPartition]:
        if not self._counts or self.missing:
            await self._count()
        return [TopicPartition(topic, n) for topic in topics for n in range(self._counts.get(topic, 0))]

    async def _count(self) -> None:
        """Read the partition counts of the topics, so that no call waits for a missing topic."""
        self.missing.clear()
        for topic in await self._admin.describe_topics([topic.name for topic in TOPICS]):
            name, code = topic["topic"], topic["error_code"]
            if code == _TOPIC_UNKNOWN:
                self.missing.append(name)
            elif (error := for_code(code)) is not NoError:
                raise error(f"topic {name}")
            else:
                self._counts[name] = len(topic["partitions"])

    async def _handled(self) -> dict[str, dict[TopicPartition, int]]:
        """Return the handled offsets of each stage that can be read."""
        groups = {}
        for group in {group for group, _ in STAGES.values()}:
            committed = await self._admin.list_consumer_group_offsets(group)
            groups[group] = {tp: stored.offset for tp, stored in committed.items()}
        handled = {stage: groups[group] for stage, (group, _) in STAGES.items()}
        try:
            handled[SINK] = await asyncio.to_thread(self._sink.read)
        except (FirstclaimError, SQLAlchemyError, OSError) as error:
            self.read_errors[SINK] = _error_text(error)
        try:
            generation = await BoardWriter(self._valkey).generation()
            at = generation.offsets if generation else {}
            handled[BOARD] = {TopicPartition(QUEUE_CHANGES, n): offset for n, offset in at.items()}
        except RetryableError as error:
            self.read_errors[BOARD] = str(error)
        return handled


def _error_text(error: Exception) -> str:
    return str(error) if isinstance(error, FirstclaimError) else f"CRM database: {reason_of(error)}"
