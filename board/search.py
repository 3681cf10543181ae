"""Finds the first leads of a queue whose name contains a text, without blocking Valkey or reading the queue (Q12).

Names that many leads have are found among the first of the queue. For the others the queue's names are looked at in
slices, each a script of two milliseconds; only matches that stand before what was found already leave Valkey
(docs/decisions/0019). Nothing is kept here between two searches.
"""

import re
from typing import Any, Final

import redis.asyncio

from board import keys
from board.feed import Feed
from board.pages import Pages
from board.refusals import translated
from board.views import NAME, Page, reduced
from board.writer import script
from models.errors import RetryableError

FIRST: Final = 500
"""How much of the queue's head is read before its names are: a queue of this size is read whole."""

SLICE: Final = 4000
"""Names in one script, about: two milliseconds of Valkey."""

DENSE_SLICE: Final = 1000
"""And after a slice in which one in `DENSE` or more did match: a match takes as long as four names, or, while there
is nothing better to hold it against, as fifteen."""

FIRST_SLICE: Final = 200
"""And before it is known how many match."""

DENSE: Final = 20

_SPECIAL: Final = re.compile(rb"[\\*?\[]")


class Search:
    """Searches lists. Raises `RetryableError` while Valkey is away or the board is being built."""

    def __init__(self, client: redis.asyncio.Redis, pages: Pages, feed: Feed) -> None:
        self._pages = pages
        self._feed = feed
        self._slice = client.register_script(script("search.lua"))

    async def first(self, org: str, queue_id: str, name: str, limit: int) -> Page:
        """Return the first `limit` leads whose name contains `name`, in any case, as they stand at one instant.

        Where more than `limit` of them leave, or move down, within the tenth of a second that a search takes, fewer
        may be returned than there are. Those returned are where they say they are.
        """
        wanted = keys.searchable(name.strip())
        reach = max(limit, FIRST)
        head = _matching(await self._pages.stretch(org, queue_id, 0, reach), wanted)
        if len(head.rows) >= limit or head.size <= reach:
            return reduced(head, head.rows[:limit])
        # Twice as many as wanted, for those that leave meanwhile; and those that came meanwhile.
        found = await self._nearest(org, queue_id, wanted, 2 * limit)
        found |= {lead for lead, its in await self._feed.came(org, queue_id, head.as_of) if wanted in its}
        if not found:
            return reduced(head, ())
        page = _matching(await self._pages.of(org, queue_id, found), wanted)
        return reduced(page, page.rows[:limit])

    async def _nearest(self, org: str, queue_id: str, wanted: str, limit: int) -> set[str]:
        """Return the leads with the lowest ranks, `limit` at most, whose name contains `wanted`."""
        pattern = b"*%b*\0*" % _SPECIAL.sub(rb"\\\g<0>", wanted.encode())
        generation, cursor, best, size = b"", b"0", dict[bytes, int](), FIRST_SLICE
        while True:
            bound = max(best, key=best.__getitem__) if len(best) == limit else b""
            async with translated():
                answer: Any = await self._slice(args=[org, queue_id, pattern, cursor, size, bound, limit])
            if answer is None:
                raise RetryableError("board", "it is being built")
            current, cursor, matches, nearest = answer
            if generation not in (b"", current):
                # It was rebuilt meanwhile and its names lie elsewhere: from the start.
                generation, cursor, best = b"", b"0", {}
                continue
            generation, size = current, DENSE_SLICE if matches * DENSE > size else SLICE
            best |= zip(nearest[1::2], nearest[::2], strict=True)
            best = dict(sorted(best.items(), key=lambda one: one[1])[:limit])
            if cursor == b"0":
                return {place.rpartition(b"\0")[2].decode() for place in best}


def _matching(page: Page, wanted: str) -> Page:
    return reduced(page, (row for row in page.rows if wanted in keys.searchable(str(row.columns[NAME]))))
