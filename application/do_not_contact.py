"""Reads and changes the do-not-contact list in its topic (X6)."""

from collections.abc import Iterable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from aiokafka.errors import KafkaError

from models.erasure import ErasureKey
from models.errors import Refused
from rules.inbound.do_not_contact import HASH, accept_listing, read_handle
from rules.inbound.times import record_time
from streams import clients
from streams.erasure_key import read_key
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DO_NOT_CONTACT


class ListEntry(msgspec.Struct, frozen=True):
    """One phone or mail address that must not be contacted. `handle`: `phone/+14014194247` or `email/j@x.org`."""

    handle: str
    reason: str
    at: datetime


class Handles(msgspec.Struct, frozen=True):
    """Phones and addresses that could be read. `refused`: the other texts, with the reason."""

    accepted: tuple[str, ...]
    refused: dict[str, str]


def read_handles(texts: Iterable[str]) -> Handles:
    """Read phones and mail addresses, each once, in their order. Blank texts are skipped."""
    handles: dict[str, None] = {}
    refused: dict[str, str] = {}
    for text in map(str.strip, texts):
        if not text:
            continue
        try:
            handles[read_handle(text)] = None
        except ValueError as error:
            refused[text] = str(error)
    return Handles(tuple(handles), refused)


async def read_list(settings: Settings, org: str) -> dict[str, ListEntry]:
    """Return an org's list by handle, as intake reads it. Raises `RetryableError` without Kafka or the topic."""
    entries: dict[str, ListEntry] = {}
    async with aclosing(read_topic(settings, DO_NOT_CONTACT)) as records:
        async for record in records:
            at = record_time(record.timestamp / 1000, datetime.now(UTC))
            try:
                event = accept_listing(
                    record.key, record.value, dict(record.headers), version=record.offset, at=at
                )
            except Refused:
                continue  # it is among the dead letters
            if event.org != org:
                continue
            if event.reason is None:
                entries.pop(event.handle, None)
            else:
                entries[event.handle] = ListEntry(event.handle, event.reason, event.at or at)
    return entries


async def publish(settings: Settings, org: str, handles: Iterable[str], reason: str | None) -> int:
    """Put handles on an org's list, or with `reason` None remove them. Return how many when all are durable.

    A removal also removes the entry by hash that an erased person's handle has.

    Leads are updated within moments. Raises `RetryableError` where Kafka does not accept the records. Repeating the
    call does no harm.
    """
    handles = tuple(handles)
    value = None
    if reason is not None:
        value = msgspec.json.encode({"reason": reason, "at": datetime.now(UTC)})
    producer = clients.producer(settings)
    try:
        await producer.start()
        try:
            sent = [
                await producer.send(DO_NOT_CONTACT, value, f"{org}/{handle}".encode()) for handle in handles
            ]
            if reason is None and (key := read_key(settings)) is not None:
                sent += [
                    await producer.send(DO_NOT_CONTACT, None, f"{org}/{hashed}".encode())
                    for hashed in _hashed(key, org, handles)
                ]
            await clients.durable(sent)
        finally:
            await clients.stop_producer(producer)
    except KafkaError as error:
        raise await failure(settings, error, f"only a part was published; run it again: {error!r}") from error
    return len(handles)


def _hashed(key: ErasureKey, org: str, handles: Iterable[str]) -> Iterator[str]:
    for handle in handles:
        kind, _, value = handle.partition("/")
        if kind != HASH:
            yield f"{HASH}/{key.hash_of(org, kind, value)}"
