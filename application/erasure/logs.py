"""Deletes old records from Kafka's logs, once every reader has passed them.

A record of a log cannot be removed alone. So everything up to a point is deleted at once: the end of each partition
when the erasure was complete, or where the slowest consumer group is, whichever is less. Without this, retention
removes the same records within eight days (`streams.topics`).
"""

import asyncio
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from application.erasure.receipts import write_purge
from board.connection import connect as connect_valkey
from board.writer import BoardWriter
from models.errors import RetryableError
from streams import clients
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import extent
from streams.topics import (
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_DECISIONS,
    LEAD_LOG,
    NOTIFICATIONS,
    ORG_LOG,
    QUEUE_CHANGES,
    WORKER_GROUP,
)

INPUT: Final = (LEAD_ARRIVALS, LEAD_ACTIONS, LEAD_LOG, ORG_LOG)
OUTPUT: Final = (LEAD_DECISIONS, QUEUE_CHANGES, NOTIFICATIONS)
"""The relay finds out by its last message how far it has published. So the last record of each partition stays."""
LOGS: Final = (*INPUT, *OUTPUT)
PATIENCE_SECONDS: Final = 60.0
"""How long a purge waits for the readers. What they have not read then is left to retention."""
STILL_SECONDS: Final = 5.0
"""A group that has read nothing for so long is not waited for: it may be idle, stopped or gone."""
LOOK_SECONDS: Final = 0.25
REQUEST_MS: Final = 30_000

Ends = dict[tuple[str, int], int]


async def ends_of_logs(settings: Settings) -> Ends:
    """Return the end of each partition of the logs. Raises `RetryableError`."""
    ends: Ends = {}
    for topic in LOGS:
        ends |= {(topic, n): end for n, (_, end) in (await extent(settings, topic)).items()}
    return ends


async def delete_logs(
    settings: Settings, ends: Ends, *, patience_seconds: float = PATIENCE_SECONDS
) -> dict[str, int]:
    """Delete the logs up to these ends, as far as every group has read them. Return the offsets deleted, by topic.

    Raises `RetryableError`, and `ConfigError` where the client may not delete records.
    """
    admin = clients.admin(settings, request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        limits = await _reader_positions(settings, admin, ends, patience_seconds)
        begins: Ends = {}
        for topic in LOGS:
            for n, (begin, end) in (await extent(settings, topic)).items():
                begins[topic, n] = begin
                if topic in OUTPUT and limits.get((topic, n), 0) >= end:
                    limits[topic, n] = end - 1
        new_begins = {tp: limit for tp, limit in limits.items() if limit > begins.get(tp, 0)}
        await delete_before(admin, new_begins)
    except KafkaError as error:
        raise await failure(settings, error, f"records could not be deleted: {error!r}") from error
    finally:
        await admin.close()
    deleted: dict[str, int] = {}
    for (topic, n), limit in new_begins.items():
        deleted[topic] = deleted.get(topic, 0) + limit - begins[topic, n]
    await write_purge(settings, deleted)
    return deleted


async def delete_before(admin: Any, limits: Ends) -> None:
    """Delete the records before these offsets. Raises KafkaError."""
    if limits:
        await admin.delete_records(
            {TopicPartition(topic, n): RecordsToDelete(limit) for (topic, n), limit in limits.items()}
        )


async def _reader_positions(settings: Settings, admin: Any, ends: Ends, patience_seconds: float) -> Ends:
    """Return how far each partition was read by all its readers, at most to the end; wait for them for a while."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + patience_seconds
    grown: float = loop.time()
    last: Ends = {}
    while True:
        worker, read = await _positions(settings, admin, ends)
        limits = {
            tp: min(
                end if tp[0] in OUTPUT else min(end, worker.get(tp, 0)),
                *(positions.get(tp, end) for positions in read),
            )
            for tp, end in ends.items()
        }
        if limits != last:
            grown, last = loop.time(), limits
        if limits == ends or loop.time() > min(give_up, grown + STILL_SECONDS):
            return limits
        await asyncio.sleep(LOOK_SECONDS)


async def _positions(settings: Settings, admin: Any, ends: Ends) -> tuple[Ends, list[Ends]]:
    """Return the worker's committed offsets, then those of every consumer group and of the board.

    Where another group has committed nothing it reads nothing. But the worker reads every input, so nothing of a
    partition that it has not committed may be deleted.
    """
    worker: Ends = {}
    readers: list[Ends] = [{}]
    for group_id, *_ in await admin.list_consumer_groups():
        try:
            committed = await admin.list_consumer_group_offsets(group_id)
        except GroupAuthorizationFailedError:
            readers.append(
                {tp: 0 for tp in ends if tp[0] in OUTPUT}
            )  # where it is cannot be told, so retention removes what it reads
            continue
        offsets = {
            (tp.topic, tp.partition): stored.offset for tp, stored in committed.items() if stored.offset >= 0
        }
        readers.append(offsets)
        if group_id == WORKER_GROUP:
            worker = offsets
    client = connect_valkey(settings.redis_url)
    try:
        board = await BoardWriter(client).generation()
    except RetryableError:
        board = None
    finally:
        await client.aclose()
    if board is not None:
        readers.append({(QUEUE_CHANGES, partition): offset for partition, offset in board.offsets.items()})
    return worker, readers
