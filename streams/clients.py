"""Creates every Kafka client of the product: consumers, producers, admin clients, and readers that follow topics.

`Settings` holds the address of Kafka and the credentials. This module adds what all clients have in common: the client
id, the request timeout, the isolation level (committed records only) and the acks of a write (`acks=all`).
Faust creates its own consumer; `streams.patches` gives that consumer the same reader.
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
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.partitioner import murmur2

from streams.kafka_refusals import refusal
from streams.patches import response_reading, tls_close, write_requests
from streams.patches.consumer_access import close_producer, hold_idle_fetches, network_client
from streams.patches.record_reader import MAX_POLL_RECORDS, install
from streams.retries import FOLLOW_TOPIC
from streams.settings import Settings
from streams.silence import SILENT, Silence
from streams.unreadable import give_stand_ins

_log = structlog.get_logger(__name__)

CLIENT_ID: Final = "firstclaim"
"""The client id in a broker's logs, quotas and metrics."""
REQUEST_TIMEOUT_MS: Final = 40_000
"""The default request timeout. It is longer than a broker takes to restart."""
METADATA_MAX_AGE_MS: Final = 300_000
"""How long a client keeps its partition leaders in the cache if no request fails."""
STOP_SECONDS: Final = 10.0
"""How long a stop may take. Without a group there is none to leave, and while Kafka is away a stop waits for requests
to fail."""
DURABLE_SECONDS: Final = 60.0
"""How long a command waits until what it sent is durable. It is longer than a broker takes to restart."""
POLL_MS: Final = 250
"""How long `follow` waits for records before it yields an empty batch."""
KEYS_REMEMBERED: Final = 4_096
"""How many keys' partitions are cached: enough for every org and for the leads in work."""
_POSITIVE: Final = 0x7FFFFFFF

Consumer = AIOKafkaConsumer
Producer = AIOKafkaProducer
"""The classes, for annotations."""
Reset = Literal["earliest", "latest", "none"]
"""Where a consumer without a position begins: at the first record, at the end, or with an error."""


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
    """Return a consumer that is not started. It does not commit by itself, and it skips records it cannot read.

    Without `group` it is in no group and is assigned all partitions of its topics. `stand_ins`: it gets a record in
    position of data that cannot be read, for callers that bury it or count offsets by records (`streams.unreadable`).
    `committed_only` False: it also gets records of open transactions. `options`: further options of aiokafka.
    """
    install()
    response_reading.install()
    tls_close.install()
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
    """Return a producer that is not started. A write is complete when all in-sync replicas have it.

    `idempotent`: a batch that is sent again is appended once. After the broker refuses a record, an idempotent producer
    of aiokafka can no longer be used. With `transactional_id` the producer is always idempotent. `options`: further
    options of aiokafka.
    """
    response_reading.install()
    tls_close.install()
    write_requests.install()
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
    """Return an admin client that is not started. `kind`: aiokafka's class, or a subclass."""
    response_reading.install()
    tls_close.install()
    return kind(**settings.aiokafka_options(), client_id=CLIENT_ID, request_timeout_ms=request_timeout_ms)


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, as Java's default partitioner computes it (docs/faust.md 14)."""
    return int(murmur2(key) & _POSITIVE) % partitions


cached_partition_of = lru_cache(KEYS_REMEMBERED)(partition_of)
"""A cached `partition_of`, for callers that pass the same keys repeatedly."""


async def start_at_rest(client: AIOKafkaConsumer) -> None:
    """Start a consumer that fetches nothing until its partitions are resumed. Raises KafkaError.

    A broker answers the requests of a connection one after the other. So a request for offsets waits for the fetch
    before it, which the broker holds for half a second if there are no records. A seek also waits for it.
    """
    await client.start()
    # No task has run since `start` assigned the partitions, so none has fetched.
    client.pause(*client.assignment())


@asynccontextmanager
async def started_client(client: Any) -> AsyncIterator[Any]:
    """Start a client and stop it at the end. Raises KafkaError."""
    try:
        await client.start()
        yield client
    finally:
        await stop(client)


async def stop(client: Any) -> None:
    """Stop a client of any kind. Raises KafkaError if a producer cannot send its pending records."""
    if isinstance(client, AIOKafkaConsumer):
        await stop_consumer(client)
    elif isinstance(client, AIOKafkaProducer):
        await stop_producer(client)
    else:
        await client.close()


async def stop_producer(client: AIOKafkaProducer, seconds: float = STOP_SECONDS) -> None:
    """Stop a producer. Pending records are given up after `seconds`; without Kafka, aiokafka waits for ever.

    The callers' futures of these records never end, so wait for them by `durable`. Raises KafkaError.
    """
    stopping = asyncio.create_task(client.stop())
    try:
        stopped, _ = await asyncio.wait([stopping], timeout=seconds)
    finally:
        stopping.cancel()  # of a caller that was cancelled, too
    if stopped:
        stopping.result()
        return
    _log.warning("a producer was stopped with records that Kafka did not take", seconds=seconds)
    await asyncio.gather(stopping, return_exceptions=True)
    await _ended_well(close_producer(client))


async def durable(sent: Sequence["asyncio.Future[Any]"], seconds: float = DURABLE_SECONDS) -> list[Any]:
    """Wait until records are durable; return what their futures give. They came from `producer.send`.

    An idempotent producer sends a record again without end. Raises KafkaError, also if Kafka takes one of them not
    within `seconds`.
    """
    waiting = [future for future in sent if not future.done()]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=seconds)
        if late:
            raise KafkaTimeoutError(f"it has not taken {len(late)} records in {seconds:.0f} s")
    return [future.result() for future in sent]


async def stop_consumer(client: AIOKafkaConsumer) -> None:
    """Stop a consumer. A failure to stop raises nothing.

    aiokafka 0.14's `Fetcher.close` cancels its fetches and awaits them. While Kafka is away, their `CancelledError`
    therefore leaves `stop()`: the caller ends as if cancelled, and the client stays open.
    """
    if not await _ended_well(client.stop()):
        # `stop` did not reach this step.
        await _ended_well(network_client(client).close())


async def _ended_well(work: Coroutine[Any, Any, None]) -> bool:
    """Run a coroutine in its own task; return whether it ended in time and without an exception."""
    task = asyncio.create_task(work)
    ended, _ = await asyncio.wait([task], timeout=STOP_SECONDS)
    if not ended:
        task.cancel()
        return False
    if task.cancelled():
        return False
    if error := task.exception():
        _log.info("a consumer did not stop well", reason=repr(error))
    return task.exception() is None


@dataclass(frozen=True, slots=True)
class Batch:
    """The records `follow` has read since its last batch; `records` is empty if none came.

    `positions`: the next offset of each partition, also after aborted records.
    `caught_up`: everything that was in the topics at the start of `follow` has been yielded.
    """

    records: Sequence[Any]
    positions: Mapping[TopicPartition, int]
    caught_up: bool


async def follow(
    settings: Settings,
    *topics: str,
    from_end: bool = False,
    newest: Mapping[str, int] | int | None = None,
    begin: Mapping[TopicPartition, int] | None = None,
    poll_ms: int = POLL_MS,
    on_failure: Callable[[Exception], None] = lambda _: None,
) -> AsyncGenerator[Batch, None]:
    """Yield the records of topics, and then the records appended to them, until closed; use it with `aclosing`.

    Reading begins at the first record, or with `from_end` at the end. The first batch is empty; it signals that no
    later record is missed. `newest`: reading begins at most this many offsets before the end of each partition;
    a mapping says it for each topic.
    `begin`: the offset at which reading begins in some partitions; one that Kafka does not have any more begins anew.

    When Kafka is away or silent, `on_failure` is called with the error, and reading resumes at its position, by the
    policy `FOLLOW_TOPIC`. The records of a partition come in order, each once. An exception of the caller ends the
    reading. Raises `ConfigError` if Kafka refuses the client.
    """
    positions: dict[TopicPartition, int] = dict(begin or {})
    caught_up = False
    async for attempt in FOLLOW_TOPIC.attempts(
        (KafkaError, OSError), f"follow {', '.join(topics)}", failed=on_failure
    ):
        with attempt:
            client = consumer(settings, *topics, reset="latest" if from_end else "earliest")
            try:
                await start_at_rest(client)
                ends = await _seek(client, positions, from_end=from_end, newest=newest)
                hold_idle_fetches(client)
                # An empty topic is read to its end at once. A fetch of it would be held until its time is over.
                caught_up = caught_up or all(positions[tp] >= end for tp, end in ends.items())
                yield Batch((), positions, caught_up)
                silence = Silence(client)
                while True:
                    fetched = await client.getmany(timeout_ms=poll_ms)
                    if not fetched and client.assignment() and silence.lasts(poll_ms / 1000):
                        raise KafkaTimeoutError(SILENT)
                    for tp in client.assignment():
                        positions[tp] = await client.position(tp)
                    caught_up = caught_up or all(positions[tp] >= end for tp, end in ends.items())
                    yield Batch(
                        [record for records in fetched.values() for record in records], positions, caught_up
                    )
            except (KafkaError, OSError) as error:
                if (access_error := await refusal(settings, error)) is not None:
                    raise access_error from error
                raise
            finally:
                await stop_consumer(client)


async def _seek(
    client: AIOKafkaConsumer,
    positions: dict[TopicPartition, int],
    *,
    from_end: bool,
    newest: Mapping[str, int] | int | None,
) -> dict[TopicPartition, int]:
    """Seek each partition to its last position, or to the start position, and resume it.

    Return the current end offsets.
    """
    topic_partitions = sorted(client.assignment())
    begins: dict[TopicPartition, int] = await client.beginning_offsets(topic_partitions)
    ends: dict[TopicPartition, int] = await client.end_offsets(topic_partitions)
    for tp in topic_partitions:
        first = ends[tp] if from_end else begins[tp]
        limit = newest.get(tp.topic) if isinstance(newest, Mapping) else newest
        if limit is not None:
            first = max(first, ends[tp] - limit)
        client.seek(tp, positions.setdefault(tp, first))
    client.resume(*topic_partitions)
    return ends
