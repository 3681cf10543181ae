"""The published directory of every org, followed live from the `directory` topic as the engine reads it."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from models.errors import Refused, RetryableError
from rules.inbound.intake import accept_publication
from rules.queues.rule_book import OrgRules, RuleBook
from streams.access import end_if_refused
from streams.closing import stop_consumer
from streams.settings import Settings
from streams.topics import DIRECTORY

log = structlog.get_logger(__name__)

_POLL_MS: Final = 250
_AGAIN_SECONDS: Final = 1.0


class DirectoryFollower:
    """The newest rules of each org. `revision` grows with every publication that was read.

    `end`: everything before this place in the topic is in them.

    `on_publication`: called with (org, kind, id) of each that comes after the topic was read once.
    """

    def __init__(
        self, settings: Settings, on_publication: Callable[[str, str, str], None] = lambda *_: None
    ) -> None:
        self._settings = settings
        self._on_publication = on_publication
        self._book = RuleBook()
        self._changed = asyncio.Condition()
        self.caught_up = False
        self.revision = 0
        self.end = 0

    def org(self, org: str) -> OrgRules:
        """Return an org's rules as published now; raises `RetryableError` until the topic was read once."""
        if not self.caught_up:
            raise RetryableError("directory", "it is being read")
        return self._book.org(org)

    async def until(self, org: str, kind: str, object_id: str, version: int, seconds: float) -> None:
        """Wait until a publication has been read; raises `RetryableError` if it takes longer."""

        def read() -> bool:
            published = self._book.org(org).objects.get((kind, object_id))
            return published is not None and published.version >= version

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(read)
        except TimeoutError:
            reason = f"{kind} {object_id} is published as {version}, and not read back yet"
            raise RetryableError("directory", reason) from None

    async def until_read(self, offset: int, seconds: float) -> None:
        """Wait until everything up to a place in the topic has been read; raises `RetryableError` if that is late."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.end > offset)
        except TimeoutError:
            raise RetryableError(
                "directory", f"what was published at {offset} is not read back yet"
            ) from None

    async def follow(self) -> None:
        """Follow until cancelled; where Kafka is away what was read last counts."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                await end_if_refused(self._settings, error)
                log.warning("the directory is followed again", reason=repr(error))
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            DIRECTORY,
            **self._settings.consumer_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            places = sorted(consumer.assignment())
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            while True:
                batches = await consumer.getmany(timeout_ms=_POLL_MS)
                for records in batches.values():
                    for record in records:
                        self._take(record)
                for place in places:  # behind what was aborted, too
                    self.end = max(self.end, await consumer.position(place))
                if not self.caught_up:
                    at = [await consumer.position(place) >= ends[place] for place in places]
                    self.caught_up = all(at)
                if batches:
                    async with self._changed:
                        self._changed.notify_all()
        finally:
            await stop_consumer(consumer)

    def _take(self, record: Any) -> None:
        self.end = record.offset + 1
        try:
            event = accept_publication(record.key, record.value, dict(record.headers), version=record.offset)
        except Refused:
            return  # intake has put it to the dead letters, and what was there before counts
        self._book = self._book.publish(event)
        self.revision += 1
        if self.caught_up:
            self._on_publication(event.org, event.kind, event.object_id)
