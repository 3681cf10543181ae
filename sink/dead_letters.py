"""Writes journal records that can never be stored to `dead-letters`, before the sink's offset passes them."""

import asyncio
from typing import Final

from aiokafka.errors import KafkaError

from models.errors import PermanentError, RetryableError
from sink.writer import JournalRecord
from streams.brake import Brake
from streams.clients import Producer
from streams.dead_letter_reading import FATAL_ERROR
from streams.dead_letters import count, make_letter
from streams.topics import DEAD_LETTERS

STAGE: Final = "sink"
DEADLINE_S: Final = 30.0
"""How long Kafka may take to acknowledge a dead letter. After that the batch is tried again later."""


class DeadLetterWriter:
    """Writes dead letters from the writer's thread. Its producer runs on the event loop.

    `brake` gets every record on which our own code failed, before the dead letter is written.
    """

    def __init__(
        self, producer: Producer, loop: asyncio.AbstractEventLoop, brake: Brake | None = None
    ) -> None:
        self._producer = producer
        self._loop = loop
        self._brake = brake

    def __call__(self, record: JournalRecord, refusal: PermanentError) -> None:
        """Return when the record is durable in `dead-letters`. Raises RetryableError. Do not call it on the loop."""
        if self._brake is not None and refusal.error_class == FATAL_ERROR:
            self._brake.failed(STAGE, refusal.reason, record)
        sent = asyncio.run_coroutine_threadsafe(self._send(record, refusal), self._loop)
        try:
            sent.result(DEADLINE_S)
        except (KafkaError, TimeoutError) as error:
            sent.cancel()
            raise RetryableError(DEAD_LETTERS, f"a record could not be put there: {error!r}") from error

    async def _send(self, record: JournalRecord, refusal: PermanentError) -> None:
        letter = make_letter(
            record, refusal.error_class, refusal.reason, stage=STAGE, timestamp_ms=record.timestamp
        )
        await self._producer.send_and_wait(DEAD_LETTERS, letter.value, key=letter.key, headers=letter.headers)
        count(record.topic, refusal.error_class)
