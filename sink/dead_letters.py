"""A journal record that can never be stored is safe in `dead-letters` before the sink's offset passes it."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from models.errors import Later, Never
from sink.writer import JournalRecord
from streams.dead_letters import headers_of
from streams.metrics import DEAD_LETTERS_TOTAL
from streams.topics import DEAD_LETTERS

DEADLINE_S: Final = 30.0
"""How long Kafka may take to acknowledge a dead letter before the batch is tried again later."""
CUT_BYTES: Final = 64 * 1024
"""How much is kept of a value that is too large to be sent again with the headers that say why."""


class Graveyard:
    """Buries records from the writer's thread through the producer that lives on the event loop."""

    def __init__(self, producer: AIOKafkaProducer, loop: asyncio.AbstractEventLoop) -> None:
        self._producer = producer
        self._loop = loop

    def __call__(self, record: JournalRecord, verdict: Never) -> None:
        """Return when the record is durable in `dead-letters`; raises Later. Not for the loop's thread."""
        sent = asyncio.run_coroutine_threadsafe(self._send(record, verdict), self._loop)
        try:
            sent.result(DEADLINE_S)
        except (KafkaError, TimeoutError) as error:
            sent.cancel()
            raise Later(DEAD_LETTERS, f"a record could not be put there: {error!r}") from error

    async def _send(self, record: JournalRecord, verdict: Never) -> None:
        headers = headers_of(record, verdict.error_class, verdict.reason)
        value = record.value or b""
        try:
            await self._producer.send_and_wait(DEAD_LETTERS, value, key=record.key, headers=headers)
        except MessageSizeTooLargeError:
            cut = [*headers, ("value-cut-from", str(len(value)).encode())]
            await self._producer.send_and_wait(DEAD_LETTERS, value[:CUT_BYTES], key=record.key, headers=cut)
        DEAD_LETTERS_TOTAL.labels(topic=record.topic, error_class=verdict.error_class).inc()
