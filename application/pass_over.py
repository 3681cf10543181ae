"""Passes over one inbound message at which every worker ends: it becomes a dead letter, and the workers read on.

It is for a message that crashes the process itself, so that no stage can write it to the dead letters. The letter
has the class of a fault of our own code, so that `dead-letters replay` sends the message again after a fix.
"""

import asyncio
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from models.errors import RuntimeFailure
from streams import clients
from streams.dead_letter_reading import FATAL_ERROR, SourcePosition
from streams.dead_letters import make_letter
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import read_positions
from streams.topics import (
    DEAD_LETTERS,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    MAX_DEAD_LETTER_BYTES,
    WORKER_GROUP,
    partitions_of,
)

PASSABLE: Final = frozenset({LEAD_ARRIVALS, LEAD_ACTIONS})
"""The topics whose messages may be passed over. A record of a log or a journal is the state itself."""
STAGE: Final = "intake"


async def pass_over(settings: Settings, source: SourcePosition, why: str) -> None:
    """Write a dead letter of the message at a position, and set the workers' position behind it.

    Raises `RuntimeFailure` unless it is the next message that the workers would read, and no worker runs; and
    `RetryableError` without Kafka. If it fails between its two steps, the message has a letter too many: run it again.
    """
    if source.topic not in PASSABLE:
        allowed = " and ".join(sorted(PASSABLE))
        raise RuntimeFailure(source.topic, f"only messages of {allowed} may be passed over")
    at = TopicPartition(source.topic, source.partition)
    messages = await read_positions(settings, source.topic, [(source.partition, source.offset)])
    if not messages:
        raise RuntimeFailure(str(source), "there is no message at this position")
    consumer = clients.consumer(settings, group=WORKER_GROUP, reset="none")
    producer = clients.producer(settings, max_request_size=2 * MAX_DEAD_LETTER_BYTES)
    try:
        async with (
            clients.started_client(consumer),
            clients.started_client(producer),
            asyncio.timeout(clients.DURABLE_SECONDS),  # aiokafka waits for a group's coordinator for ever
        ):
            consumer.assign([at])
            position = await consumer.committed(at)
            if position != source.offset:
                read = "nothing" if position is None else f"up to offset {position}"
                raise RuntimeFailure(str(source), f"is not the next message: the workers have read {read}")
            # Kafka refuses a position of a group that has members, so this proves that no worker runs.
            await consumer.commit({at: OffsetAndMetadata(source.offset, "")})
            letter = make_letter(
                messages[0],
                FATAL_ERROR,
                f"passed over: {why}",
                stage=STAGE,
                timestamp_ms=messages[0].timestamp,
            )
            partition = source.partition % partitions_of(DEAD_LETTERS, settings)
            await producer.send_and_wait(
                DEAD_LETTERS, letter.value, letter.key, partition=partition, headers=letter.headers
            )
            await consumer.commit({at: OffsetAndMetadata(source.offset + 1, "")})
    except (KafkaError, TimeoutError) as error:
        reason = f"the workers' position cannot be set ({error!r}); are all workers stopped?"
        raise await failure(settings, error, reason) from error
