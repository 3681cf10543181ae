"""Finds the first leads of a queue whose name contains a text, without blocking Valkey or reading the queue (Q12).

Frequent matches are found among the first leads of the queue. For rarer ones the queue's names are searched in
slices, each a script of two milliseconds. Only matches that rank before those already found leave Valkey
(docs/decisions/0019). No state is kept between two searches.
"""

import re
from typing import Any, Final

import redis.asyncio

from board import keys
from board.feed import FeedReader
from board.pages import Pages
from board.refusals import translated_errors
from board.visibility import NAME, BoardPage, page_with_rows
from board.writer import script
from models.errors import RetryableError

FIRST: Final = 500
"""How many leads of the queue's head are read before its names are searched. A queue of this size is read whole."""

SLICE: Final = 4000
"""About how many names one script reads, in two milliseconds of Valkey's time."""

DENSE_SLICE: Final = 1000
"""The slice after one in which at least one in `DENSE` names matched. A match costs as much as four names, or fifteen
while there is no better match to compare with."""

FIRST_SLICE: Final = 200
"""The first slice, before it is known how many names match."""

DENSE: Final = 20

_SPECIAL: Final = re.compile(rb"[\\*?\[]")


class ListSearch:
    """Searches lists. Raises `RetryableError` while Valkey is unreachable or the board is being built."""

    def __init__(self, client: redis.asyncio.Redis, pages: Pages, feed: FeedReader) -> None:
        self._pages = pages
        self._feed = feed
        self._slice = client.register_script(script("search.lua"))

    async def first(self, org: str, queue_id: str, name: str, limit: int) -> BoardPage:
        """Return the first `limit` leads whose name contains `name`, in any case, as of one instant.

        A search takes a tenth of a second. If more than `limit` matches leave or move down meanwhile, the result may
        have fewer leads than there are. The ranks of those returned are correct.
        """
        part = keys.searchable(name.strip())
        reach = max(limit, FIRST)
        head = _matching(await self._pages.stretch(org, queue_id, 0, reach), part)
        if len(head.rows) >= limit or head.size <= reach:
            return page_with_rows(head, head.rows[:limit])
        # Take twice as many as wanted, because some may leave meanwhile, and add those that came meanwhile.
        leads = await self._nearest(org, queue_id, part, 2 * limit)
        leads |= {
            lead for lead, names in await self._feed.entered_names(org, queue_id, head.as_of) if part in names
        }
        if not leads:
            return page_with_rows(head, ())
        page = _matching(await self._pages.of(org, queue_id, leads), part)
        return page_with_rows(page, page.rows[:limit])

    async def _nearest(self, org: str, queue_id: str, part: str, limit: int) -> set[str]:
        """Return the leads with the lowest ranks, `limit` at most, whose name contains `part`."""
        pattern = b"*%b*\0*" % _SPECIAL.sub(rb"\\\g<0>", part.encode())
        generation, cursor, best, size = b"", b"0", dict[bytes, int](), FIRST_SLICE
        while True:
            bound = max(best, key=best.__getitem__) if len(best) == limit else b""
            async with translated_errors():
                answer: Any = await self._slice(args=[org, queue_id, pattern, cursor, size, bound, limit])
            if answer is None:
                raise RetryableError("board", "it is being built")
            current, cursor, matches, nearest = answer
            if generation not in (b"", current):
                # A rebuild happened meanwhile and the names are under other keys. Begin again.
                generation, cursor, best = b"", b"0", {}
                continue
            generation, size = current, DENSE_SLICE if matches * DENSE > size else SLICE
            best |= zip(nearest[1::2], nearest[::2], strict=True)
            best = dict(sorted(best.items(), key=lambda entry: entry[1])[:limit])
            if cursor == b"0":
                return {member.rpartition(b"\0")[2].decode() for member in best}


def _matching(page: BoardPage, part: str) -> BoardPage:
    return page_with_rows(page, (row for row in page.rows if part in keys.searchable(str(row.columns[NAME]))))
