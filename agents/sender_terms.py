"""What every org asks of those who send, followed from the `directory` topic: intake reads it before the first message.

Intake's own share of `directory` is one partition, which another worker may have. So each worker reads the topic for
itself, from the beginning, without a group.
"""

import asyncio
from datetime import timedelta
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from models.errors import Refused
from rules.inbound.intake import accept_publication
from rules.inbound.signatures import Authority
from streams.access import failure
from streams.closing import stop_consumer
from streams.fatal import Exit, leave
from streams.settings import Settings
from streams.signing import read_keys
from streams.topics import DIRECTORY

_log = structlog.get_logger(__name__)

_POLL_MS: Final = 500
_BEGIN_SECONDS: Final = 30.0
"""How long the topic may take to be read when a worker starts."""


class SenderTerms:
    """Keeps an `Authority` at what the directory says. `start` reads the topic once, `follow` goes on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self.authority = Authority(read_keys(settings), timedelta(seconds=settings.signature_seconds))

    async def start(self) -> None:
        """Read what is there. Raises `RetryableError`, and `ConfigError` where Kafka does not let us."""
        consumer = AIOKafkaConsumer(
            DIRECTORY,
            **self._settings.consumer_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            async with asyncio.timeout(_BEGIN_SECONDS):
                await consumer.start()
                ends = await consumer.end_offsets(consumer.assignment())
                while any([await consumer.position(place) < end for place, end in ends.items()]):
                    self._take(await consumer.getmany(timeout_ms=_POLL_MS))
        except (KafkaError, OSError, TimeoutError) as error:
            await stop_consumer(consumer)
            raise await failure(self._settings, error, f"{DIRECTORY} could not be read: {error!r}") from error
        self._consumer = consumer

    async def follow(self) -> None:
        """Follow until cancelled; a worker that cannot ends, because it would let through what is forbidden by now."""
        assert self._consumer is not None  # noqa: S101  # `start` has made it
        try:
            while True:
                self._take(await self._consumer.getmany(timeout_ms=_POLL_MS))
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing newer would be known
            leave(Exit.SOFTWARE, "sender terms", repr(error))
        finally:
            await stop_consumer(self._consumer)

    def _take(self, batches: dict[Any, list[Any]]) -> None:
        for records in batches.values():
            for record in records:
                try:
                    event = accept_publication(
                        record.key, record.value, dict(record.headers), version=record.offset
                    )
                except Refused:
                    continue  # intake has put it to the dead letters, and what was there before counts
                self.authority.publish(event)
