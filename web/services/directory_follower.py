"""Follows the published directory of every org from the `directory` topic, as the engine reads it."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from models.errors import Refused, RetryableError
from rules.inbound.intake import accept_publication
from rules.queues.rule_book import OrgRules, RuleBook
from streams.clients import follow
from streams.settings import Settings
from streams.topics import DIRECTORY


class DirectoryFollower:
    """Holds the newest rules of each org. `revision` grows with every publication that was read.

    `end`: every record before this offset in the topic has been read.

    `on_publication`: called with (org, kind, id) for each publication after the topic was read once. `on_late`: called
    with an org when a publication is read for which a page did not wait any longer.
    """

    def __init__(
        self,
        settings: Settings,
        on_publication: Callable[[str, str, str], None] = lambda *_: None,
        on_late: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._on_publication = on_publication
        self._on_late = on_late
        self._late: dict[str, int] = {}
        self._rule_book = RuleBook()
        self._changed = asyncio.Condition()
        self.caught_up = False
        self.revision = 0
        self.end = 0

    def org(self, org: str) -> OrgRules:
        """Return an org's currently published rules. Raises `RetryableError` until the topic was read once."""
        if not self.caught_up:
            raise RetryableError("directory", "it is being read")
        return self._rule_book.org(org)

    def only_org(self) -> str | None:
        """Return the org that has published anything, if there is exactly one."""
        return next(iter(self._rule_book.orgs)) if self.caught_up and len(self._rule_book.orgs) == 1 else None

    async def until(self, org: str, kind: str, object_id: str, version: int, seconds: float) -> None:
        """Wait until a publication has been read. Raises `RetryableError` on timeout."""

        def read() -> bool:
            published = self._rule_book.org(org).objects.get((kind, object_id))
            return published is not None and published.version >= version

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(read)
        except TimeoutError:
            reason = f"{kind} {object_id} is published as {version}, and not read back yet"
            raise RetryableError("directory", reason) from None

    async def until_read(self, offset: int, seconds: float, *, org: str | None = None) -> None:
        """Wait until everything up to an offset in the topic has been read. Raises `RetryableError` on timeout.

        `org`: whose pages hear by `on_late` when it is read after the timeout.
        """
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.end > offset)
        except TimeoutError:
            if org is not None:
                self._late[org] = max(offset, self._late.get(org, offset))
            raise RetryableError(
                "directory", f"the publication at offset {offset} is not read back yet"
            ) from None

    async def follow(self) -> None:
        """Follow the topic until cancelled. While Kafka is unavailable, the last state stays in use."""
        async with aclosing(follow(self._settings, DIRECTORY)) as batches:
            async for batch in batches:
                for record in batch.records:
                    self._take(record)
                self.end = max(self.end, *batch.positions.values())  # includes aborted records
                self.caught_up = batch.caught_up
                if batch.records:
                    async with self._changed:
                        self._changed.notify_all()
                for org in [org for org, offset in self._late.items() if self.end > offset]:
                    del self._late[org]
                    self._on_late(org)

    def _take(self, record: Any) -> None:
        self.end = record.offset + 1
        try:
            event = accept_publication(record.key, record.value, dict(record.headers), version=record.offset)
        except Refused:
            return  # intake sends it to the dead letters; the previous object stays valid
        self._rule_book = self._rule_book.publish(event)
        self.revision += 1
        if self.caught_up:
            self._on_publication(event.org, event.kind, event.object_id)
