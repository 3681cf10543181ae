"""Reads leads of one list as of one instant: a range of ranks, or given leads (Q7)."""

import redis.asyncio

from board import visibility
from board.refusals import translated_errors
from board.visibility import BoardPage
from board.writer import script
from models.errors import RetryableError


class Pages:
    """Reads pages. Raises `RetryableError` while Valkey is unreachable or the board is being built."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._page = client.register_script(script("page.lua"))

    async def stretch(self, org: str, queue_id: str, start: int, limit: int) -> BoardPage:
        """Return `limit` leads from rank `start` on."""
        return await self._take(org, queue_id, start, start + limit - 1)

    async def of(self, org: str, queue_id: str, leads: set[str]) -> BoardPage:
        """Return those of the leads (at least one) that are in the queue, by rank."""
        page = await self._take(org, queue_id, 0, -1, *leads)
        return visibility.page_with_rows(page, sorted(page.rows, key=lambda row: row.rank))

    async def _take(self, org: str, queue_id: str, start: int, stop: int, *leads: str) -> BoardPage:
        async with translated_errors():
            answer = await self._page(args=[org, queue_id, start, stop, *leads])
        if answer is None:
            raise RetryableError("board", "it is being built")
        return visibility.page(queue_id, answer)
