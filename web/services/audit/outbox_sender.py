"""Sends the records of the outbox to the topic `audit`. After an outage a record may be there twice, with one id."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from aiokafka.errors import KafkaError

from models.audit import AuditRecord
from models.errors import FirstclaimError
from streams import clients
from streams.clients import Producer
from streams.kafka_refusals import refusal
from streams.retries import CONNECT_PRODUCER
from streams.settings import Settings
from streams.topics import AUDIT
from web import metrics
from web.services.audit.recorder import Audit
from web.store.audit import AuditOutbox

log = structlog.get_logger(__name__)

BATCH: Final = 500
LOOK_SECONDS: Final = 1.0
"""How often the outbox is read for records of commands and of other consoles."""
REQUEST_MS: Final = 15_000


class AuditOutboxSender:
    """Relays until cancelled. Its producer is its own, so that a refused record stops no other message."""

    def __init__(self, settings: Settings, audit: Audit, outbox: AuditOutbox) -> None:
        self._settings, self._audit, self._outbox = settings, audit, outbox

    async def run(self) -> None:
        """Relay until cancelled. While Kafka or the database is away, records wait in the outbox.

        Raises `ConfigError` if Kafka refuses access.
        """
        pauses = CONNECT_PRODUCER.pauses()
        while True:
            producer = clients.producer(self._settings, request_timeout_ms=REQUEST_MS)
            try:
                await producer.start()
                while True:
                    await self._relay(producer)
                    pauses = CONNECT_PRODUCER.pauses()
            except (KafkaError, OSError, FirstclaimError) as error:
                if isinstance(error, KafkaError) and (config_error := await refusal(self._settings, error)):
                    raise config_error from error
                log.warning("the audit waits", reason=repr(error))
                with suppress(FirstclaimError):
                    await self._count()
                await asyncio.sleep(next(pauses))
            finally:
                with suppress(KafkaError, TimeoutError, OSError):
                    await clients.stop_producer(producer)

    async def _relay(self, producer: Producer) -> None:
        """Send everything that is ready, then wait for more."""
        self._audit.written.clear()
        # Nearly always nothing waits. Then one look is all, and no write transaction is begun.
        if await self._count():
            await asyncio.to_thread(self._outbox.settle_stale, datetime.now(UTC))
            while records := await asyncio.to_thread(self._outbox.ready, BATCH):
                await _send(producer, records)
                await asyncio.to_thread(self._outbox.sent, [record.audit_id for record in records])
            await self._count()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._audit.written.wait(), LOOK_SECONDS)

    async def _count(self) -> int:
        """Return how many acts are in the outbox, and tell the others."""
        self._audit.waiting = await asyncio.to_thread(self._outbox.waiting)
        metrics.AUDIT_WAITING.set(self._audit.waiting)
        return self._audit.waiting


async def _send(producer: Producer, records: Sequence[AuditRecord]) -> None:
    sent = [
        await producer.send(AUDIT, msgspec.json.encode(record), record.org.encode()) for record in records
    ]
    for future in sent:
        await future
