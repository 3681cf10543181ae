"""Writes and reads the receipts of erasures, in the topic `erasures`. A receipt has no personal data."""

from collections.abc import Iterable
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from aiokafka.errors import KafkaError

from models.public import ErasureReceipt, Purge
from streams import clients
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import ERASURES

PURGED = b"purged"
"""The key of the newest purge."""


async def write_receipts(settings: Settings, receipts: Iterable[ErasureReceipt]) -> None:
    """Write receipts; they are durable on return. Raises `RetryableError`."""
    await _write(
        settings,
        [
            (f"{receipt.org}/{receipt.receipt_id}".encode(), msgspec.json.encode(receipt))
            for receipt in receipts
        ],
    )


async def write_purge(settings: Settings, deleted: dict[str, int]) -> None:
    """Note that the logs were deleted up to now: what they said before can no longer be checked."""
    await _write(settings, [(PURGED, msgspec.json.encode(Purge(at=datetime.now(UTC), deleted=deleted)))])


async def read_receipts(settings: Settings, org: str | None = None) -> list[ErasureReceipt]:
    """Return the receipts of an org, or of all orgs, the oldest first. Raises `RetryableError`."""
    receipts: dict[bytes, ErasureReceipt] = {}
    async with aclosing(read_topic(settings, ERASURES)) as records:
        async for record in records:
            if record.key == PURGED:
                continue
            try:
                receipt = msgspec.json.decode(record.value or b"", type=ErasureReceipt)
            except msgspec.MsgspecError:
                continue
            if org is None or receipt.org == org:
                receipts[record.key or b""] = receipt
    return sorted(receipts.values(), key=lambda receipt: receipt.at)


async def _write(settings: Settings, records: list[tuple[bytes, bytes]]) -> None:
    producer = clients.producer(settings)
    try:
        await producer.start()
        try:
            sent = [await producer.send(ERASURES, value, key) for key, value in records]
            await clients.durable(sent)
        finally:
            await clients.stop_producer(producer)
    except KafkaError as error:
        raise await failure(settings, error, f"{ERASURES}: {error!r}") from error
