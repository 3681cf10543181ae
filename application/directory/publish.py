"""Reads what an org has published to the `directory` topic, and publishes to it."""

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from application.directory.objects import SETTINGS, Value, WantedAction
from models.directory import OrgSettings
from models.errors import PublicationConflictError, Refused
from models.publication import KINDS, with_id
from rules.inbound.intake import accept_publication
from rules.inbound.publication import present
from rules.queues.rule_book import Key, NewestPublication
from streams import clients
from streams.clients import Producer, stop_consumer
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import extent, read_topic
from streams.topics import DIRECTORY

_log = structlog.get_logger(__name__)

TRANSACTIONS: Final = "firstclaim-directory-"
"""The prefix of the transactional ids of our publications. Where Kafka has ACLs, consoles and commands need it."""
TRANSACTION_MS: Final = 30_000
"""The transaction timeout. The broker then aborts a dead publisher's transaction, and readers of the topic continue."""
OTHERS_SECONDS: Final = 25.0
"""How long to wait for another publisher's open transaction before our own is given up, and for our own commit."""
PUBLISH_SECONDS: Final = 60.0
_POLL_MS: Final = 200


class PublishedObjects(msgspec.Struct, frozen=True):
    """The newest publications of an org.

    `objects`: those that the engine accepted, including removed ones as far as the topic still has them. `refused`:
    the keys whose newest record the engine refused, and why; the record before it, if any, still counts. `end`: all
    records before this offset of the topic are included.
    """

    objects: Mapping[Key, NewestPublication]
    refused: dict[Key, str]
    end: int

    @property
    def present(self) -> dict[Key, Value]:
        """The objects that exist now. Only the one settings object counts, because a file cannot name another id."""
        return {
            key: published.value
            for key, published in self.objects.items()
            if published.value is not None and (key[0] != SETTINGS[0] or key == SETTINGS)
        }

    @property
    def is_open(self) -> bool:
        """Whether anyone may act while the org has no rep: it never had one, or its settings say so."""
        return open_without_reps(self.objects)


def open_without_reps(objects: Mapping[Key, NewestPublication]) -> bool:
    """Tell whether an org with these objects, including removed ones, is open to anyone while it has no rep."""
    settings = objects.get(SETTINGS)
    stated = settings is not None and (settings.value or {}).get("open_without_reps") is True
    return stated or all(kind != "rep" for kind, _ in objects)


async def read_published(settings: Settings, org: str) -> PublishedObjects:
    """Read what is published for an org now. Raises `RetryableError` where Kafka or the topic is missing."""
    objects: dict[Key, NewestPublication] = {}
    refused: dict[Key, str] = {}
    _, end = (await extent(settings, DIRECTORY))[0]
    async with aclosing(read_topic(settings, DIRECTORY)) as records:
        async for record in records:
            end = max(end, record.offset + 1)
            key = _key(record.key, org)
            if key is None:
                continue
            try:
                event = accept_publication(
                    record.key, record.value, dict(record.headers), version=record.offset
                )
            except Refused as error:
                refused[key] = str(error)
            else:
                refused.pop(key, None)
                objects[key] = NewestPublication(event.version, event.value)
    return PublishedObjects(objects, refused, end)


async def read_org_settings(settings: Settings, org: str) -> OrgSettings:
    """Return an org's settings as they are published now. Raises `RetryableError` where Kafka is missing."""
    published = (await read_published(settings, org)).objects.get(SETTINGS)
    return msgspec.convert(present((published.value if published else None) or {}), OrgSettings)


async def publish(
    settings: Settings, org: str, objects: WantedAction, *, seen: int | None = None
) -> list[int]:
    """Publish objects in their order, None to remove. Return their versions when all of them are durable.

    `seen`: the end of what the publisher has read (`PublishedObjects.end`). If anybody has published for the org
    since then, nothing is published and `PublicationConflictError` is raised: no publication replaces another one
    unseen. All objects are published or none, and a reader finds them from then on. Without `seen` they are published
    whatever others did.

    They take effect within moments, also on existing leads (Q6). Raises `RetryableError` where Kafka does not accept
    them. Publishing them again does no harm.
    """
    if not objects:
        return []
    if seen is None:
        producer = clients.producer(settings)
    else:
        producer = clients.producer(
            settings,
            transactional_id=f"{TRANSACTIONS}{uuid.uuid4()}",
            transaction_timeout_ms=TRANSACTION_MS,
        )
    try:
        async with asyncio.timeout(PUBLISH_SECONDS):
            try:
                await producer.start()
                if seen is None:
                    return await _send(producer, org, objects)
                async with producer.transaction():
                    versions = await _send(producer, org, objects)
                    await _check_seen(settings, org, seen, versions)
            finally:
                await clients.stop_producer(producer)
    except (KafkaError, TimeoutError) as error:
        raise await failure(
            settings, error, f"the publication is not complete; publish again: {error!r}"
        ) from error
    await until_readable(settings, org, max(versions))
    return versions


async def publish_one(
    settings: Settings,
    org: str,
    key: Key,
    value: Value | None,
    *,
    seen: int,
    first: Mapping[Key, Value] | None = None,
) -> int:
    """Publish one object of an org's directory, None to remove it. Return its version. Raises as `publish`.

    `first`: objects that are published before it in the same transaction.
    """
    return (await publish(settings, org, {**(first or {}), key: value}, seen=seen))[-1]


async def _send(producer: Producer, org: str, objects: WantedAction) -> list[int]:
    sent: list[asyncio.Future[Any]] = [
        await producer.send(
            DIRECTORY,
            None if value is None else msgspec.json.encode(with_id(kind, object_id, dict(value))),
            f"{org}/{kind}/{object_id}".encode(),
        )
        for (kind, object_id), value in objects.items()
    ]
    await producer.flush()
    return [int((await record).offset) for record in sent]


async def _check_seen(settings: Settings, org: str, read_end: int, own_offsets: list[int]) -> None:
    """Read the records between what was seen and our own records, which are not committed yet.

    The topic's order decides. Of two concurrent publishers, the later one finds the earlier one's records here, waits
    for its commit, and gives up its own transaction. Raises `PublicationConflictError`, and `TimeoutError` if another
    transaction stays open.
    """
    first, last = min(own_offsets), max(own_offsets)
    if last - first >= len(own_offsets):
        raise PublicationConflictError(org, last)  # another publisher's record is between ours
    # Before our first record every transaction ends at some time. Records after it cannot be read yet.
    unread = await _read(settings, min(read_end, first), first)
    other_offsets = [record.offset for record in unread if (record.key or b"").startswith(f"{org}/".encode())]
    if other_offsets:
        raise PublicationConflictError(org, other_offsets[-1])


async def until_readable(settings: Settings, org: str, version: int) -> None:
    """Wait until the record of a committed transaction can be read.

    Kafka confirms a commit before it has written it to the partition. A reader of the topic in between would not find
    what was published. If Kafka goes away now, nobody waits any longer: the publication stands.
    """
    try:
        await _read(settings, version, version + 1)
    except (KafkaError, OSError) as error:
        _log.warning("published, but not readable yet", org=org, error=repr(error))


async def _read(settings: Settings, begin: int, end: int) -> list[Any]:
    """Return the committed records from an offset on, once all before `end` can be read.

    Raises `TimeoutError` after `OTHERS_SECONDS`, and KafkaError.
    """
    consumer = clients.consumer(settings, reset="none")
    all_records: list[Any] = []
    try:
        async with asyncio.timeout(OTHERS_SECONDS):
            await consumer.start()
            tp = TopicPartition(DIRECTORY, 0)
            consumer.assign([tp])
            consumer.seek(tp, begin)
            while await consumer.position(tp) < end:
                for records in (await consumer.getmany(tp, timeout_ms=_POLL_MS)).values():
                    all_records += records
    finally:
        await stop_consumer(consumer)
    return all_records


def _key(raw: bytes | None, org: str) -> Key | None:
    """Return an object's key if it belongs to this org."""
    key_org, _, object_path = (raw or b"").decode(errors="replace").partition("/")
    kind, _, object_id = object_path.partition("/")
    return (kind, object_id) if key_org == org and kind in KINDS and object_id else None
