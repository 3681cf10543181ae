"""Replaces entries of erased persons in the do-not-contact list by their keyed hashes.

Whoever lists a phone number may spell it in any way, and compaction compares keys byte for byte. So the tombstones have
the very keys of the entries.
"""

from collections import defaultdict
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from application.erasure.erased_data_finder import Finder
from models.erasure import ERASED, ErasureKey
from models.errors import Refused
from models.persons import PHONE
from rules.inbound.do_not_contact import ERASED_HEADER, HASH, accept_listing
from rules.inbound.times import record_time
from streams import clients
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DO_NOT_CONTACT

Record = tuple[bytes, bytes | None]
"""Key and value; None is a tombstone."""
UNREADABLE: Final = ""
_ERASED: Final = (ERASED_HEADER, b"1")


class _Entry(msgspec.Struct):
    """What an org's list says about a handle. `reason`, `at`: None if it is not listed. `keys`: key -> newest value."""

    reason: str | None = None
    at: datetime | None = None
    keys: dict[bytes, str | None] = {}


async def list_by_hash(settings: Settings, org: str, finder: Finder, key: ErasureKey) -> int:
    """Replace entries of erased persons in an org's list by their hashes; return their number.

    Words of other entries that name an erased person are replaced. Raises `RetryableError`.
    """
    records: list[Record] = []
    moved = 0
    for handle, entry in (await _read(settings, org)).items():
        kind, _, value = handle.partition("/")
        if handle == UNREADABLE:
            records += [
                (raw, None)
                for raw, value in entry.keys.items()
                if value is not None and _has_erased_data(finder, raw, value)
            ]
        elif kind != HASH and finder.find(value):
            if entry.reason is not None:
                hashed = f"{org}/{HASH}/{key.hash_of(org, kind, value)}".encode()
                records.append((hashed, _value(_without(finder, entry.reason), entry.at)))
            records += [(raw, None) for raw, value in entry.keys.items() if value is not None]
            records.append((f"{org}/{handle}".encode(), None))
            moved += 1
        else:
            records += [
                (raw, None if entry.reason is None else _value(_without(finder, entry.reason), entry.at))
                for raw, value in entry.keys.items()
                if value is not None and finder.find(value)
            ]
    # The org's journal keeps its newest step of the list, and that one must name nobody.
    records.append((f"{org}/{HASH}/{key.hash_of(org, PHONE, '')}".encode(), None))
    await _write(settings, records)
    return moved


async def _read(settings: Settings, org: str) -> dict[str, _Entry]:
    """Return an org's entries by handle, as intake reads them. Keys that intake refuses are those of `UNREADABLE`."""
    entries: defaultdict[str, _Entry] = defaultdict(_Entry)
    async with aclosing(read_topic(settings, DO_NOT_CONTACT)) as records:
        async for record in records:
            key: bytes = record.key or b""
            if not key.startswith(f"{org}/".encode()):
                continue
            value = None if record.value is None else record.value.decode(errors="replace")
            at = record_time(record.timestamp / 1000, datetime.now(UTC))
            try:
                event = accept_listing(key, record.value, dict(record.headers), version=record.offset, at=at)
            except Refused:
                entries[_known_handle(entries, key)].keys[key] = value
                continue
            entry = entries[event.handle]
            entry.keys[key] = value
            entry.reason, entry.at = event.reason, event.at or at
    return entries


def _known_handle(entries: dict[str, _Entry], key: bytes) -> str:
    return next((handle for handle, entry in entries.items() if key in entry.keys), UNREADABLE)


def _has_erased_data(finder: Finder, key: bytes, value: str) -> bool:
    return bool(finder.find(key.decode(errors="replace")) or finder.find(value))


def _without(finder: Finder, reason: str) -> str:
    return ERASED if finder.find(reason) else reason


def _value(reason: str, at: datetime | None) -> bytes:
    value: dict[str, Any] = {"reason": reason, "at": at}
    return msgspec.json.encode(value)


async def _write(settings: Settings, records: list[Record]) -> None:
    """Write records in their order; the topic has one partition. They are durable on return."""
    producer = clients.producer(settings)
    try:
        await producer.start()
        try:
            sent = [
                await producer.send(DO_NOT_CONTACT, value, key, headers=[_ERASED] if value is None else [])
                for key, value in records
            ]
            await clients.durable(sent)
        finally:
            await clients.stop_producer(producer)
    except KafkaError as error:
        raise await failure(settings, error, f"{DO_NOT_CONTACT}: {error!r}") from error
