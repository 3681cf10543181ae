"""Reads the topic `audit` into the index of the console's database, from which the page is made."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import structlog
from aiokafka import TopicPartition

from models.audit import AuditRecord
from models.errors import FirstclaimError
from streams.clients import Batch, follow
from streams.retries import FOLLOW_TOPIC
from streams.settings import Settings
from streams.topics import AUDIT
from web.store.audit import AuditIndex, record_of

log = structlog.get_logger(__name__)

FORGET_SECONDS: Final = 3600.0
POLL_MS: Final = 5_000
"""How long one request waits for records. It ends with the first record, so entries do not come later."""


class AuditFollower:
    """Follows the topic from where the index ends. Several consoles may fill the same index."""

    def __init__(self, settings: Settings, index: AuditIndex) -> None:
        self._settings, self._index = settings, index
        self._forgotten = -FORGET_SECONDS

    async def run(self) -> None:
        """Follow until cancelled. While Kafka or the database is away, the page shows what the index has."""
        pauses = FOLLOW_TOPIC.pauses()
        while True:
            try:
                await self._follow()
            except FirstclaimError as error:
                log.warning("the index of the audit waits", reason=str(error))
            except Exception:
                log.exception("the topic of the audit is read again")
            await asyncio.sleep(next(pauses))

    async def _follow(self) -> None:
        next_offsets = await asyncio.to_thread(self._index.next_offsets)
        begin = {TopicPartition(AUDIT, partition): offset for partition, offset in next_offsets.items()}
        async with aclosing(follow(self._settings, AUDIT, begin=begin, poll_ms=POLL_MS)) as batches:
            async for batch in batches:
                await self._take(batch)
                await self._forget()

    async def _take(self, batch: Batch) -> None:
        records = _readable(batch.records)
        if batch.records:
            positions = {tp.partition: offset for tp, offset in batch.positions.items()}
            await asyncio.to_thread(self._index.take, records, positions)

    async def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._forgotten > FORGET_SECONDS:
            self._forgotten = now
            before = datetime.now(UTC) - timedelta(days=self._settings.audit_days)
            await asyncio.to_thread(self._index.forget_before, before)


def _readable(records: Sequence[Any]) -> list[AuditRecord]:
    """Return the records that are entries. Others are logged and passed over; they stay in the topic."""
    entries = []
    for record in records:
        try:
            entries.append(record_of(record.value or b""))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.warning("a record of the audit cannot be read", offset=record.offset, reason=str(error))
    return entries
