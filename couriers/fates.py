"""Writes the fates of requests to `deliveries`, and reads after a restart which records have one (N1)."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final, get_args

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from couriers import metrics
from couriers.port import MAX_DETAIL, FateName
from couriers.positions import CommittedPosition
from models.ids import public_message_id, public_message_position
from models.public import Delivery, Fate, Notification
from streams.clients import Producer, stop_consumer
from streams.clients import consumer as make_consumer
from streams.dead_letters import count, make_letter
from streams.retries import WRITE_FATE
from streams.settings import Settings
from streams.topics import DEAD_LETTERS, DELIVERIES, NOTIFICATIONS
from streams.tracing import Header

_HEADERS: Final = (
    ("ce_source", b"/firstclaim/couriers"),
    ("ce_type", b"firstclaim.delivery.v1"),
    ("ce_specversion", b"1.0"),
    ("content-type", b"application/json"),
)
NUMBERS: Final = {"sent": 0, "delivered": 1, "bounced": 2, "withdrawn": 3, "failed": 4}
"""status -> the last number of the fate's `ce_id`."""
STAGE: Final = "courier"
READ_MS: Final = 1_000


class FateWriter:
    """Writes fates and dead letters. It retries while Kafka is away, so it returns only when the record is durable.

    Raises TopicAuthorizationFailedError if an ACL is missing.
    """

    def __init__(self, producer: Producer, channel: FateName) -> None:
        self._producer = producer
        self._channel = channel
        for status in get_args(Fate):
            metrics.FATES.labels(channel, status)  # so that each has a 0 before the first one

    async def write(
        self,
        notification: Notification,
        org: str,
        status: Fate,
        provider: str,
        detail: str,
        *,
        source: TopicPartition | None = None,
        offset: int = 0,
        trace: tuple[Header, ...] = (),
    ) -> int:
        """Write a fate and return its offset. `source`, `offset`: the record of `notifications` that it finishes.

        `trace`: the trace headers of the fate.
        """
        at = datetime.now(UTC)
        delivery = Delivery(
            notification_id=notification.notification_id,
            channel=self._channel,
            status=status,
            provider=provider,
            detail=" ".join(detail.split())[:MAX_DETAIL],
            at=at,
            lead_id=notification.lead_id,
            rep_id=notification.rep_id,
            org=org,
        )
        if source is None:
            identity = f"{self._channel}-{notification.notification_id}-{status}"
        else:
            identity = public_message_id(
                f"{NOTIFICATIONS}-{self._channel}", source.partition, offset, NUMBERS[status]
            )
        headers = [("ce_id", identity.encode()), ("ce_time", at.isoformat().encode()), *_HEADERS, *trace]
        written = await self._append(
            DELIVERIES,
            msgspec.json.encode(delivery),
            notification.lead_id.encode(),
            headers,
            None if source is None else source.partition,
        )
        metrics.FATES.labels(self._channel, status).inc()
        return int(written.offset)

    async def write_dead_letter(self, record: Any, error_class: str, reason: str) -> None:
        """Write a record that is no request to the dead letters."""
        letter = make_letter(record, error_class, reason, stage=STAGE, timestamp_ms=record.timestamp)
        await self._append(DEAD_LETTERS, letter.value, letter.key, letter.headers, None)
        count(record.topic, error_class)

    async def _append(self, topic: str, value: Any, key: Any, headers: Any, partition: int | None) -> Any:
        return await WRITE_FATE.run(
            KafkaError,
            f"write to {topic}",
            lambda: self._producer.send_and_wait(topic, value, key=key, headers=headers, partition=partition),
            never=TopicAuthorizationFailedError,
        )


async def finished_records(
    settings: Settings, channel: FateName, commits: dict[int, CommittedPosition]
) -> dict[int, set[int]]:
    """Return partition -> the offsets of `notifications` at or after its position that have a fate of this channel.

    Reads each partition of `deliveries` from the committed offset to its end. Raises KafkaError.
    """
    finished: dict[int, set[int]] = {partition: set() for partition in commits}
    consumer = make_consumer(settings, reset="none")
    try:
        await consumer.start()
        topic_partitions = [TopicPartition(DELIVERIES, partition) for partition in commits]
        begins, ends = (
            await consumer.beginning_offsets(topic_partitions),
            await consumer.end_offsets(topic_partitions),
        )
        starts = {tp: max(begins[tp], commits[tp.partition].fates_from) for tp in topic_partitions}
        to_read = [tp for tp in topic_partitions if starts[tp] < ends[tp]]
        if not to_read:
            return finished
        consumer.assign(to_read)
        for tp in to_read:
            consumer.seek(tp, starts[tp])
        while any([await consumer.position(tp) < ends[tp] for tp in to_read]):
            for records in (await consumer.getmany(timeout_ms=READ_MS)).values():
                _note(records, channel, commits, finished)
    finally:
        await stop_consumer(consumer)
    return finished


def _note(
    records: Collection[Any],
    channel: str,
    commits: dict[int, CommittedPosition],
    finished: dict[int, set[int]],
) -> None:
    for record in records:
        identity = dict(record.headers).get("ce_id") or b""
        position = public_message_position(f"{NOTIFICATIONS}-{channel}", identity)
        if position and position[0] in finished and position[1] >= commits[position[0]].position:
            finished[position[0]].add(position[1])
