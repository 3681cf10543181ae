"""Reads the board: pages, searches and the live feed for people, whole lists for checks (Q3, Q7, Q9, Q12)."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import redis.asyncio

from board import keys
from board.connection import connect
from board.feed import REBUILT, START, FeedEntry, FeedReader, position
from board.pages import Pages
from board.refusals import translated_errors
from board.search import ListSearch
from board.visibility import NAME, BoardPage, ListRow, QueueInfo, definition
from models.errors import RetryableError
from models.public import personal_queue

__all__ = [
    "NAME",
    "REBUILT",
    "START",
    "BoardPage",
    "FeedEntry",
    "ListRow",
    "QueueInfo",
    "Reader",
    "position",
]


class Reader:
    """Reads the board. Every method raises `RetryableError` while Valkey is unreachable or the board is being built."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # the type stubs say `bytes | str` for any decoding
        self._feed = FeedReader(client)
        self._pages = Pages(client)
        self._search = ListSearch(client, self._pages, self._feed)

    @classmethod
    def at(cls, url: str) -> "Reader":
        """Return a reader of the Valkey at this URL."""
        return cls(connect(url))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def queues(self, org: str) -> list[QueueInfo]:
        """Return an org's shared queues by name, with sizes. The caller decides who may see which (Q4)."""
        generation = await self._generation()
        async with translated_errors():
            definitions = await self._client.hgetall(keys.queues(generation, org))
            infos = [info for value in definitions.values() if not (info := definition(value)).removed]
            async with self._client.pipeline(transaction=True) as pipe:
                for info in infos:
                    pipe.zcard(keys.order(generation, org, info.queue_id))
                sizes = await pipe.execute()
        sized = [msgspec.structs.replace(info, size=size) for info, size in zip(infos, sizes, strict=True)]
        return sorted(sized, key=lambda info: (info.name.casefold(), info.queue_id))

    async def page(self, org: str, queue_id: str, *, start: int = 0, limit: int = 50) -> BoardPage:
        """Return `limit` leads of a queue from rank `start` on, all as of one instant (Q7)."""
        return await self._pages.stretch(org, queue_id, start, limit)

    async def of(self, org: str, queue_id: str, lead_ids: set[str]) -> BoardPage:
        """Return those of the leads (at least one) that are in a queue, by rank, as of one instant."""
        return await self._pages.of(org, queue_id, lead_ids)

    async def own(self, org: str, rep_id: str, *, start: int = 0, limit: int = 50) -> BoardPage:
        """Return a rep's own queue: offers, calls that are due, then the rest (D3, D4, S5)."""
        return await self.page(org, personal_queue(rep_id), start=start, limit=limit)

    async def search(self, org: str, queue_id: str, name: str, *, limit: int = 50) -> BoardPage:
        """Return a queue's first leads whose name contains `name`, in any case, with their ranks (Q12).

        Only the name is searched, even where other columns are shown. `as_of` names the feed entry as of which the
        result was taken, as for a page. A caller that no longer needs the result can cancel the search between two
        slices.
        """
        return await self._search.first(org, queue_id, name, limit)

    async def everything(self, org: str, queue_id: str) -> list[tuple[str, int, str]]:
        """Return (lead id, version, sort key) of a whole queue in order. For checks, not for people (Q3).

        Where sort keys, rows and names disagree, the sort key is replaced by a description of the error. A lead without
        a row has version -1.
        """
        generation = await self._generation()
        async with translated_errors():
            members = await self._client.zrange(keys.order(generation, org, queue_id), 0, -1)
            rows = await self._client.hgetall(keys.rows(generation, org, queue_id))
            names = await self._client.hgetall(keys.names(generation, org, queue_id))
        versions, problems = dict[bytes, int](), dict[bytes, str]()
        for lead, value in rows.items():
            versions[lead], sort_key, columns = keys.read_row(value)
            if names.pop(keys.name_field(columns, lead.decode()), None) != sort_key.encode():
                problems[lead] = "not under its name"
        problems |= {name.rpartition(b"\0")[2]: "under a name it has not" for name in names}
        lead_keys = [
            (lead, key.decode()) for key, _, lead in (member.rpartition(b"\0") for member in members)
        ]
        nowhere = (rows.keys() | problems.keys()) - dict(lead_keys).keys()
        lead_keys += [(lead, "no place") for lead in sorted(nowhere)]
        return [(lead.decode(), versions.get(lead, -1), problems.get(lead, key)) for lead, key in lead_keys]

    async def lists(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (org, queue id) of every list that has leads, personal ones included."""
        prefix = keys.order(await self._generation(), "", "").removesuffix("/").encode()
        async with translated_errors():
            async for key in self._client.scan_iter(match=prefix + b"*", count=1000):
                org, _, queue_id = key.removeprefix(prefix).decode().partition("/")
                yield org, queue_id

    async def newest(self, org: str) -> str:
        """Return the id of the feed's newest entry, even if it was trimmed since; `0-0` before the first."""
        return await self._feed.newest(org)

    async def feed(
        self, org: str, after: str, *, limit: int = 500, wait_seconds: float = 0.0
    ) -> list[FeedEntry]:
        """Return what changed after the entry `after`. Wait for changes up to `wait_seconds`, four at most (Q9).

        If entries may be missing between, because they were trimmed or Valkey lost some, the result is one `rebuilt`
        entry with the id to continue from. A waiting call holds a connection. Use one call for each org and process,
        and share its result among the pages.
        """
        return await self._feed.read(org, after, limit=limit, wait_seconds=wait_seconds)

    async def _generation(self) -> str:
        async with translated_errors():
            current = await self._client.get(keys.CURRENT)
        if current is None:
            raise RetryableError("board", "it is being built")
        return str(current.decode())
