"""What people may see of the lists: order, names and the queue's own columns, and no more (Q3, Q7).

A sort key tells the value of the field it was made of. Columns are held against the queue's current
definition when they are read, so a queue that became blind shows names at once, before its leads were
evaluated anew.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
import redis.asyncio

from console.board import keys
from console.board.writer import connect, script, translated
from models.errors import Later, RuntimeFailure
from models.public import personal_queue

NAME: Final = "name"
_SCAN: Final = 500
_WAIT_SECONDS: Final = 4.0
"""Less than the client's socket timeout, or waiting would look like a dead connection."""

START: Final = "0-0"
"""The feed's beginning: before its first entry."""

REBUILT: Final = "rebuilt"
"""The feed's word for: what you have is no longer connected to what follows; take the lists anew."""


class QueueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A queue of the catalogue, as published, and how many leads stand in it."""

    queue_id: str
    name: str
    description: str
    claimable: bool
    columns: tuple[str, ...]
    sort: dict[str, str]
    teams: tuple[str, ...]
    outcomes: tuple[str, ...]
    version: int
    change: str = "defined"
    size: int = 0

    @property
    def removed(self) -> bool:
        """Whether an admin has removed it."""
        return self.change == "removed"


class Row(msgspec.Struct, frozen=True):
    """One lead in a list. `rank`: its place, from 0. `version`: the lead's when it came or last moved."""

    lead_id: str
    rank: int
    version: int
    columns: dict[str, Any]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a list. `queue`: None for a rep's own queue and for one that is not published.

    `as_of`: the org's newest feed entry at the instant the page was taken; it and all before it are in the page,
    those after it (`position`) are not.
    """

    queue_id: str
    size: int
    rows: tuple[Row, ...]
    as_of: str
    queue: QueueInfo | None = None


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the live feed. `change`: entered, left, moved, defined, removed or rebuilt.

    `columns` is empty for all but the first and third. Of a lead's change, `was` is its rank before (of left and
    moved), `rank` the one after (of entered and moved), and `size` the queue's after, all as of that change: who took
    a page, skips what it contains (`Page.as_of`) and then applies each entry in order, first taking out what was at
    `was`, then putting in at `rank`, has the board's list. The same (queue, lead, version) may come twice, but never
    without `rebuilt` between.
    """

    id: str
    change: str
    queue_id: str = ""
    lead_id: str = ""
    version: int = 0
    columns: dict[str, Any] = {}
    rank: int | None = None
    was: int | None = None
    size: int | None = None


class Reader:
    """Reads the board. Every method raises `Later` while Valkey is away or the board is being built."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # its types say `bytes | str`, whatever it was told to decode
        self._page = client.register_script(script("page.lua"))

    @classmethod
    def at(cls, url: str) -> "Reader":
        """Return a reader of the Valkey at this URL."""
        return cls(connect(url))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def queues(self, org: str) -> list[QueueInfo]:
        """Return an org's shared queues by name, with sizes; who may see which is for the caller (Q4)."""
        generation = await self._generation()
        async with translated():
            found = await self._client.hgetall(keys.queues(generation, org))
            infos = [info for value in found.values() if not (info := _definition(value)).removed]
            async with self._client.pipeline(transaction=True) as pipe:
                for info in infos:
                    pipe.zcard(keys.order(generation, org, info.queue_id))
                sizes = await pipe.execute()
        sized = [msgspec.structs.replace(info, size=size) for info, size in zip(infos, sizes, strict=True)]
        return sorted(sized, key=lambda info: (info.name.casefold(), info.queue_id))

    async def page(self, org: str, queue_id: str, *, start: int = 0, limit: int = 50) -> Page:
        """Return `limit` leads of a queue from rank `start` on, all as of one instant (Q7)."""
        async with translated():
            answer = await self._page(args=[org, queue_id, start, start + limit - 1])
        if answer is None:
            raise Later("board", "it is being built")
        size, definition, leads, values, as_of = answer
        info = _definition(definition) if definition is not None else None
        columns = _visible(queue_id, info)
        rows = tuple(
            _row(lead, start + n, value, columns)
            for n, (lead, value) in enumerate(zip(leads, values, strict=True))
            if value is not None
        )
        if info is not None:
            info = None if info.removed else msgspec.structs.replace(info, size=size)
        return Page(queue_id=queue_id, size=size, rows=rows, queue=info, as_of=as_of.decode())

    async def own(self, org: str, rep_id: str, *, start: int = 0, limit: int = 50) -> Page:
        """Return a rep's own queue: offers, calls that are due, then the rest (D3, D4, S5)."""
        return await self.page(org, personal_queue(rep_id), start=start, limit=limit)

    async def search(self, org: str, queue_id: str, name: str, *, limit: int = 50) -> Page:
        """Return a queue's first leads whose name contains `name`, in any case, with their ranks (Q12)."""
        wanted, found, start = name.casefold().strip(), list[Row](), 0
        while True:
            page = await self.page(org, queue_id, start=start, limit=_SCAN)
            found += [row for row in page.rows if wanted in str(row.columns[NAME]).casefold()]
            start += _SCAN
            if len(found) >= limit or start >= page.size:
                return msgspec.structs.replace(page, rows=tuple(found[:limit]))

    async def everything(self, org: str, queue_id: str) -> list[tuple[str, int, str]]:
        """Return (lead id, version, sort key) of a whole queue in order: for checks, not for people (Q3)."""
        generation = await self._generation()
        async with translated():
            members = await self._client.zrange(keys.order(generation, org, queue_id), 0, -1)
            rows = await self._client.hgetall(keys.rows(generation, org, queue_id))
        entries = []
        for member in members:
            sort_key, _, lead = member.rpartition(b"\0")
            value = rows.pop(lead, None)
            version = keys.read_row(value)[0] if value is not None else -1
            entries.append((lead.decode(), version, sort_key.decode()))
        # A row without a place would be an inconsistency; a check must see it.
        return entries + [
            (lead.decode(), keys.read_row(value)[0], "no place") for lead, value in rows.items()
        ]

    async def lists(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (org, queue id) of every list that has leads, personal ones included."""
        prefix = keys.order(await self._generation(), "", "").removesuffix("/").encode()
        async with translated():
            async for key in self._client.scan_iter(match=prefix + b"*", count=1000):
                org, _, queue_id = key.removeprefix(prefix).decode().partition("/")
                yield org, queue_id

    async def newest(self, org: str) -> str:
        """Return the id of the feed's newest entry, also if it was trimmed since; `0-0` before the first."""
        return (await self._history(keys.feed(org))).newest

    async def feed(
        self, org: str, after: str, *, limit: int = 500, wait_seconds: float = 0.0
    ) -> list[FeedEntry]:
        """Return what changed after the entry `after`, waiting for it for `wait_seconds` (four at most) (Q9).

        If it cannot be told that nothing is missing between, one `rebuilt` comes instead, with the id to go on
        from: entries were trimmed, or Valkey lost what it had told. A waiting call holds a connection: one for each
        org and process, shared among its pages, is meant.
        """
        stream = keys.feed(org)
        block = max(1, int(min(wait_seconds, _WAIT_SECONDS) * 1000)) if wait_seconds else None
        async with translated():
            entries = _entries(await self._client.xread({stream: after}, count=limit, block=block))
            # After reading, not before: what is trimmed in between must not go unnoticed.
            if not await self._goes_on(stream, after):
                return [FeedEntry(id=await self.newest(org), change=REBUILT)]
            if not entries:
                return []
            generation = await self._client.get(keys.CURRENT)
            definitions = (
                await self._client.hgetall(keys.queues(generation.decode(), org)) if generation else {}
            )
        visible: dict[str, frozenset[str] | None] = {}
        told = []
        for entry_id, fields in entries:
            queue_id = fields[b"queue_id"].decode()
            if queue_id not in visible:
                value = definitions.get(queue_id.encode())
                visible[queue_id] = _visible(queue_id, _definition(value) if value is not None else None)
            told.append(_entry(entry_id.decode(), queue_id, fields, visible[queue_id]))
        return told

    async def _goes_on(self, stream: str, after: str) -> bool:
        """Tell whether what the stream has after this entry is all there ever was after it.

        It is if the entry is still there: trimming takes the oldest. A Valkey that was killed may have lost the
        newest, with the changes they tell: those will be told again, under other ids.
        """
        if position(after) != position(START) and await self._client.xrange(stream, after, after, count=1):
            return True
        history = await self._history(stream)
        if position(after) == position(START):
            return history.added == history.length
        return position(after) == position(history.newest)

    async def _history(self, stream: str) -> "_History":
        try:
            async with translated():
                info = await self._client.xinfo_stream(stream)
        except RuntimeFailure as failure:
            if "no such key" in str(failure):
                return _History()
            raise
        return _History(info["last-generated-id"].decode(), info["entries-added"], info["length"])

    async def _generation(self) -> str:
        async with translated():
            current = await self._client.get(keys.CURRENT)
        if current is None:
            raise Later("board", "it is being built")
        return str(current.decode())


def _definition(value: bytes) -> QueueInfo:
    return msgspec.json.decode(value.partition(b" ")[2], type=QueueInfo)


def _visible(queue_id: str, info: QueueInfo | None) -> frozenset[str] | None:
    """Return which columns may be shown, None for all: only a rep's own queue has no definition."""
    if info is not None:
        return frozenset(info.columns) | {NAME} if not info.removed else frozenset({NAME})
    return None if queue_id.startswith(personal_queue("")) else frozenset({NAME})


def _shown(columns: bytes, visible: frozenset[str] | None) -> dict[str, Any]:
    everything: dict[str, Any] = msgspec.json.decode(columns)
    return everything if visible is None else {k: v for k, v in everything.items() if k in visible}


def _row(lead: bytes, rank: int, value: bytes, visible: frozenset[str] | None) -> Row:
    version, _, columns = keys.read_row(value)
    return Row(lead.decode(), rank, version, _shown(columns, visible))


class _History(msgspec.Struct, frozen=True):
    """A stream's newest entry ever, how many it ever had, and how many it has."""

    newest: str = START
    added: int = 0
    length: int = 0


def _entry(
    entry_id: str, queue_id: str, fields: dict[bytes, bytes], visible: frozenset[str] | None
) -> FeedEntry:
    change = fields[b"change"].decode()
    return FeedEntry(
        id=entry_id,
        change=change,
        queue_id=queue_id,
        lead_id=fields[b"lead_id"].decode(),
        version=int(fields[b"version"]),
        columns=_shown(fields[b"payload"], visible) if change in ("entered", "moved") else {},
        rank=_number(fields, b"rank"),
        was=_number(fields, b"was"),
        size=_number(fields, b"size"),
    )


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries of an XREAD of one stream, as either protocol version spells them."""
    if not answer:
        return []
    (entries,) = answer.values() if isinstance(answer, dict) else [answer[0][1]]
    if entries and isinstance(entries[0], list):
        (entries,) = entries
    return list(entries)


def _number(fields: dict[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return int(value) if value else None


def position(entry_id: str) -> tuple[int, int]:
    """Return what orders feed entries; their ids as text do not."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
