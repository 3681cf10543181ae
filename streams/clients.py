"""Every Kafka client of the product is made here: consumers, producers, admin clients, and readers that follow topics.

`Settings` says where Kafka is and how to sign in. This module adds what all clients have in common: the client id, the
request timeout, what a consumer may read (committed records only) and when a write counts (`acks=all`).
Faust makes its own consumer; `streams.patches` gives that one the same reader.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from streams.access import refusal
from streams.patches.consumer_access import network_client
from streams.patches.record_reader import MAX_POLL_RECORDS, install
from streams.retries import FOLLOW_TOPIC
from streams.settings import Settings
from streams.unreadable import give_stand_ins

_log = structlog.get_logger(__name__)

CLIENT_ID: Final = "firstclaim"
"""How a broker's logs, quotas and metrics name us."""
REQUEST_TIMEOUT_MS: Final = 40_000
"""How long a request may take where the caller does not say: longer than a broker takes to restart."""
METADATA_MAX_AGE_MS: Final = 300_000
"""How long a client believes who leads a partition, if no request fails meanwhile."""
STOP_SECONDS: Final = 10.0
"""Without a group there is nobody to say goodbye to; with Kafka away a stop waits for requests to fail."""
POLL_MS: Final = 250
"""How long `follow` waits for records before it yields an empty batch."""
KEYS_REMEMBERED: Final = 4_096
"""Keys whose partition is remembered: every org, and the leads that people work on just now."""
_POSITIVE: Final = 0x7FFFFFFF

Consumer = AIOKafkaConsumer
Producer = AIOKafkaProducer
"""The classes, for annotations."""
Reset = Literal["earliest", "latest", "none"]
"""Where a consumer begins that has no position: at the first record, at the end, or it raises."""


def consumer(
    settings: Settings,
    *topics: str,
    reset: Reset = "latest",
    group: str | None = None,
    stand_ins: bool = False,
    committed_only: bool = True,
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
    metadata_max_age_ms: int = METADATA_MAX_AGE_MS,
    **options: Any,
) -> AIOKafkaConsumer:
    """Return a consumer that is not started. It commits nothing by itself, and passes what it cannot read.

    Without `group` it is in none, and is assigned all partitions of its topics. `stand_ins`: it gets a record in the
    place of what cannot be read, for who buries it or counts offsets by its records (`streams.unreadable`).
    `committed_only` False: it also gets what an open transaction holds back. `options`: more of aiokafka's.
    """
    install()
    return AIOKafkaConsumer(
        *topics,
        **settings.aiokafka_options(),
        client_id=CLIENT_ID,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        isolation_level="read_committed" if committed_only else "read_uncommitted",
        max_poll_records=MAX_POLL_RECORDS,
        request_timeout_ms=request_timeout_ms,
        metadata_max_age_ms=metadata_max_age_ms,
        value_deserializer=give_stand_ins if stand_ins else None,
        **options,
    )


def producer(
    settings: Settings,
    *,
    idempotent: bool = True,
    transactional_id: str | None = None,
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
    **options: Any,
) -> AIOKafkaProducer:
    """Return a producer that is not started. A write counts when all in-sync replicas have it.

    `idempotent`: a batch that is sent again is appended once. After a record that the broker refuses, an idempotent
    producer of aiokafka is of no use. With `transactional_id` it is idempotent in any case.
    `options`: more of aiokafka's.
    """
    return AIOKafkaProducer(
        **settings.aiokafka_options(),
        client_id=CLIENT_ID,
        acks="all",
        enable_idempotence=idempotent or transactional_id is not None,
        transactional_id=transactional_id,
        request_timeout_ms=request_timeout_ms,
        **options,
    )


def admin(
    settings: Settings,
    kind: type[Any] = AIOKafkaAdminClient,
    *,
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
) -> Any:
    """Return an admin client that is not started; `kind`: aiokafka's, or a class that adds to it."""
    return kind(**settings.aiokafka_options(), client_id=CLIENT_ID, request_timeout_ms=request_timeout_ms)


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, as Java's default partitioner computes it (docs/faust.md 14)."""
    return int(murmur2(key) & _POSITIVE) % partitions


cached_partition_of = lru_cache(KEYS_REMEMBERED)(partition_of)
"""The same for those who ask for the same keys again and again."""


@asynccontextmanager
async def started(client: Any) -> AsyncIterator[Any]:
    """Start a client, and stop it in the end. Raises KafkaError."""
    try:
        await client.start()
        yield client
    finally:
        await stop(client)


async def stop(client: Any) -> None:
    """Stop a client of any kind. Raises KafkaError where a producer cannot send what it still has."""
    if isinstance(client, AIOKafkaConsumer):
        await stop_consumer(client)
    elif isinstance(client, AIOKafkaProducer):
        await client.stop()
    else:
        await client.close()


async def stop_consumer(client: AIOKafkaConsumer) -> None:
    """Stop a consumer; never raises because of it.

    aiokafka 0.14's `Fetcher.close` cancels its fetches and awaits them, so while Kafka is away their
    `CancelledError` comes out of `stop()`: whoever called it ends as if cancelled, and the client stays open.
    """
    if not await _ended_well(client.stop()):
        # What its own stop did not come to.
        await _ended_well(network_client(client).close())


async def _ended_well(work: Coroutine[Any, Any, None]) -> bool:
    """Let something end in a task of its own; tell whether it did, in time and without an exception."""
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait([task], timeout=STOP_SECONDS)
    if not done:
        task.cancel()
        return False
    if task.cancelled():
        return False
    if error := task.exception():
        _log.info("a consumer did not stop well", reason=repr(error))
    return task.exception() is None


@dataclass(frozen=True, slots=True)
class Batch:
    """What `follow` has read since its last batch; `records` is empty where nothing came.

    `positions`: the offset that each partition is read from next, also behind records that were aborted.
    `caught_up`: everything that was in the topics when the following began has been yielded.
    """

    records: Sequence[Any]
    positions: Mapping[TopicPartition, int]
    caught_up: bool


async def follow(
    settings: Settings,
    *topics: str,
    from_end: bool = False,
    newest: int | None = None,
    poll_ms: int = POLL_MS,
    lost: Callable[[Exception], None] = lambda _: None,
) -> AsyncGenerator[Batch, None]:
    """Yield what is in topics and what is appended to them, until closed; use it with `aclosing`.

    It begins at the first record, or with `from_end` at the end; the first batch is empty and says that nothing is
    missed from then on. `newest`: it begins at most so many offsets before the end of each partition.

    Where Kafka is away, `lost` is called with the error, and the reading goes on where it was, by the policy
    `FOLLOW_TOPIC`. The records of a partition come in order, each once. An exception of the caller ends it. Raises
    `ConfigError` where Kafka refuses us.
    """
    positions: dict[TopicPartition, int] = {}
    caught_up = False
    async for attempt in FOLLOW_TOPIC.attempts(
        (KafkaError, OSError), f"follow {', '.join(topics)}", failed=lost
    ):
        with attempt:
            client = consumer(settings, *topics, reset="latest" if from_end else "earliest")
            try:
                await client.start()
                ends = await _seek(client, positions, from_end=from_end, newest=newest)
                yield Batch((), positions, caught_up)
                while True:
                    fetched = await client.getmany(timeout_ms=poll_ms)
                    for place in client.assignment():
                        positions[place] = await client.position(place)
                    caught_up = caught_up or all(positions[place] >= end for place, end in ends.items())
                    yield Batch(
                        [record for records in fetched.values() for record in records], positions, caught_up
                    )
            except (KafkaError, OSError) as error:
                if (wrong := await refusal(settings, error)) is not None:
                    raise wrong from error
                raise
            finally:
                await stop_consumer(client)


async def _seek(
    client: AIOKafkaConsumer, positions: dict[TopicPartition, int], *, from_end: bool, newest: int | None
) -> dict[TopicPartition, int]:
    """Put each partition where it was, or where the following begins; return where the partitions end now."""
    places = sorted(client.assignment())
    begins: dict[TopicPartition, int] = await client.beginning_offsets(places)
    ends: dict[TopicPartition, int] = await client.end_offsets(places)
    for place in places:
        first = ends[place] if from_end else begins[place]
        if newest is not None:
            first = max(first, ends[place] - newest)
        client.seek(place, positions.setdefault(place, first))
    return ends
