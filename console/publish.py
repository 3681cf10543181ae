"""What the `directory` topic holds of an org, as the engine took it, and publications to it."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from console.directory.objects import SETTINGS, Value, Wanted
from models.errors import Later, Refused
from models.publication import KINDS
from rules.book import Key, Published
from rules.intake import accept_publication
from streams.reading import read_topic
from streams.settings import Settings
from streams.topics import DIRECTORY


class Held(msgspec.Struct, frozen=True):
    """The newest publications of an org.

    `objects`: those the engine took, removed ones too as far as the topic still has them. `refused`: the keys
    whose newest record it did not take, and why; the one before it, if any, still counts.
    """

    objects: Mapping[Key, Published]
    refused: dict[Key, str]

    @property
    def present(self) -> dict[Key, Value]:
        """The objects there are now. Of settings that is one: a file could not name those of another id."""
        return {
            key: published.value
            for key, published in self.objects.items()
            if published.value is not None and (key[0] != SETTINGS[0] or key == SETTINGS)
        }

    @property
    def is_open(self) -> bool:
        """Whether the org never published a rep, as far as the topic remembers: anyone may act then."""
        return not any(kind == "rep" for kind, _ in self.objects)


async def held(settings: Settings, org: str) -> Held:
    """Read what is published for an org now; raises `Later` where Kafka is away or has no such topic."""
    objects: dict[Key, Published] = {}
    refused: dict[Key, str] = {}
    async with aclosing(read_topic(settings, DIRECTORY)) as records:
        async for record in records:
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
                objects[key] = Published(event.version, event.value)
    return Held(objects, refused)


async def publish(settings: Settings, org: str, objects: Wanted) -> int:
    """Publish objects in their order, None to remove; return how many, when all of them are durable.

    It takes effect within moments, on existing leads too (Q6). Raises `Later` where Kafka does not take them; some
    may be published then, and publishing them again does no harm.
    """
    producer = AIOKafkaProducer(**settings.aiokafka_options(), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        try:
            sent: list[asyncio.Future[Any]] = [
                await producer.send(
                    DIRECTORY,
                    None if value is None else msgspec.json.encode(value),
                    f"{org}/{kind}/{object_id}".encode(),
                )
                for (kind, object_id), value in objects.items()
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()
    except KafkaError as error:
        raise Later("Kafka", f"not all was published, apply it again: {error!r}") from error
    return len(objects)


def _key(raw: bytes | None, org: str) -> Key | None:
    """Return an object's key if it is one of this org."""
    whose, _, rest = (raw or b"").decode(errors="replace").partition("/")
    kind, _, object_id = rest.partition("/")
    return (kind, object_id) if whose == org and kind in KINDS and object_id else None
