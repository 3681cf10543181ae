"""The live feed of an org: every change of its lists, entry by entry, without gaps (Q9)."""

from typing import Any, Final

import msgspec
import redis.asyncio

from board import keys
from board.refusals import translated
from board.views import Visible, definition, shown, visible
from models.errors import RuntimeFailure

START: Final = "0-0"
"""The feed's beginning: before its first entry."""

REBUILT: Final = "rebuilt"
"""The feed's word for: what you have is no longer connected to what follows; take the lists anew."""

ON_A_LIST: Final = ("entered", "moved")
"""The changes after which a lead stands in the list."""

_WAIT_SECONDS: Final = 4.0
"""Less than the client's socket timeout, or waiting would look like a dead connection."""


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


def position(entry_id: str) -> tuple[int, int]:
    """Return the position of a feed entry, which sorts; ids as texts do not."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


class Feed:
    """Reads the feeds. Every method raises `RetryableError` while Valkey is away."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # its types say `bytes | str`, whatever it was told to decode

    async def newest(self, org: str) -> str:
        """Return the id of the feed's newest entry, also if it was trimmed since; `0-0` before the first."""
        return (await self._history(keys.feed(org))).newest

    async def read(self, org: str, after: str, *, limit: int, wait_seconds: float) -> list[FeedEntry]:
        """Return what changed after the entry `after`; see `Reader.feed`."""
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
        may: dict[str, Visible] = {}
        told = []
        for entry_id, fields in entries:
            queue_id = fields[b"queue_id"].decode()
            if queue_id not in may:
                value = definitions.get(queue_id.encode())
                may[queue_id] = visible(queue_id, definition(value) if value is not None else None)
            told.append(_entry(entry_id.decode(), queue_id, fields, may[queue_id]))
        return told

    async def came(self, org: str, queue_id: str, after: str) -> list[tuple[str, str]]:
        """Return (lead id, searchable name) of leads that entered or moved in a queue after an entry."""
        async with translated():
            entries = await self._client.xrange(keys.feed(org), f"({after}", "+")
        return [
            (fields[b"lead_id"].decode(), keys.name_in(fields[b"payload"]))
            for _, fields in entries
            if fields[b"queue_id"].decode() == queue_id and fields[b"change"].decode() in ON_A_LIST
        ]

    async def _goes_on(self, stream: str, after: str) -> bool:
        """Return whether the stream still has every entry after this one.

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


class _History(msgspec.Struct, frozen=True):
    """A stream's newest entry ever, how many it ever had, and how many it has."""

    newest: str = START
    added: int = 0
    length: int = 0


def _entry(entry_id: str, queue_id: str, fields: dict[bytes, bytes], may: Visible) -> FeedEntry:
    change = fields[b"change"].decode()
    return FeedEntry(
        id=entry_id,
        change=change,
        queue_id=queue_id,
        lead_id=fields[b"lead_id"].decode(),
        version=int(fields[b"version"]),
        columns=shown(fields[b"payload"], may) if change in ON_A_LIST else {},
        rank=_number(fields, b"rank"),
        was=_number(fields, b"was"),
        size=_number(fields, b"size"),
    )


def _number(fields: dict[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return int(value) if value else None


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries of an XREAD of one stream, as either protocol version spells them."""
    if not answer:
        return []
    (entries,) = answer.values() if isinstance(answer, dict) else [answer[0][1]]
    if entries and isinstance(entries[0], list):
        (entries,) = entries
    return list(entries)
