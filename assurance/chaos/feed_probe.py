"""Follows the feed of the lists as a page does, through every failover, and compares its copies with the board.

A page reads a list once, and then applies each change of the feed. It reads the list again only when the feed says so.
So a change that a failover of Valkey swallowed, or repeated, stays visible as a difference.
"""

import asyncio
from typing import Final

from assurance.load.list_window import ListWindow
from board.reader import REBUILT, Reader
from models.errors import RetryableError, RuntimeFailure

WAIT_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 0.2
EQUAL_SECONDS: Final = 60.0
"""How long the copies may take to equal the board, when nothing changes any more."""
MAX_ROWS: Final = 1_000_000
MAX_FINDINGS: Final = 20


class FeedProbe:
    """Follows one org until cancelled. `reloads`: how often it read a list again. `findings`: what went wrong."""

    def __init__(self, redis_url: str, org: str) -> None:
        self._reader = Reader.at(redis_url)
        self._org = org
        self._windows: dict[str, ListWindow] = {}
        self._at: str | None = None
        self.entries = 0
        self.reloads = 0
        self.findings: list[str] = []

    async def follow(self) -> None:
        """Follow the feed. While Valkey is away, try again; then go on from the same entry, as a hub does."""
        while True:
            try:
                await self._read()
            except RetryableError:
                await asyncio.sleep(AGAIN_SECONDS)
            except RuntimeFailure as error:
                if len(self.findings) < MAX_FINDINGS:
                    self.findings.append(f"{self._org}: {error}")
                self._windows, self._at = {}, None

    async def compare(self) -> None:
        """Wait until each copy equals its list, and note those that never do. Call it while `follow` runs."""
        loop = asyncio.get_running_loop()
        give_up, different = loop.time() + EQUAL_SECONDS, ["nothing was read"]
        while different and loop.time() < give_up:
            await asyncio.sleep(AGAIN_SECONDS)
            try:
                different = await self._different()
            except RetryableError as away:
                different = [str(away)]
        self.findings += [
            f"{self._org}: a page that follows the feed shows another list: {name}" for name in different
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.close()

    async def _read(self) -> None:
        if self._at is None:
            at = await self._reader.newest(self._org)
            self._windows = {queue_id: await self._window(queue_id) for queue_id in await self._queues()}
            self._at = at
            self.reloads += 1
        for entry in await self._reader.feed(self._org, self._at, wait_seconds=WAIT_SECONDS):
            self.entries += 1
            if entry.change == REBUILT:
                self._at = None
                return
            if entry.change == "removed":
                self._windows.pop(entry.queue_id, None)
            elif entry.change == "defined" and entry.queue_id not in self._windows:
                self._windows[entry.queue_id] = await self._window(entry.queue_id)
            elif (window := self._windows.get(entry.queue_id)) is not None:
                window.apply(entry)
            self._at = entry.id

    async def _queues(self) -> list[str]:
        return [info.queue_id for info in await self._reader.queues(self._org)]

    async def _window(self, queue_id: str) -> ListWindow:
        return ListWindow.of(await self._reader.page(self._org, queue_id, limit=MAX_ROWS), 0)

    async def _different(self) -> list[str]:
        queue_ids = []
        for queue_id in await self._queues():
            page = await self._reader.page(self._org, queue_id, limit=MAX_ROWS)
            window = self._windows.get(queue_id)
            if window is None or not window.equals([row.lead_id for row in page.rows], page.size):
                queue_ids.append(queue_id)
        return queue_ids
