"""Reads the live feed of an org: every change of its lists, entry by entry, without gaps (Q9)."""

from typing import Any, Final

import msgspec
import redis.asyncio

from board import keys
from board.connection import leave_server
from board.refusals import translated_errors
from board.visibility import Visible, definition, state_in, visible, visible_columns
from models.errors import RuntimeFailure
from models.public import personal_queue

START: Final = "0-0"
"""The position before the feed's first entry."""

REBUILT: Final = "rebuilt"
"""The change that tells a reader to read the lists again, because the feed does not continue from its position."""

ON_A_LIST: Final = ("entered", "moved")
"""The changes after which a lead is in the list."""

_WAIT_SECONDS: Final = 4.0
"""How long one read waits. It is less than the client's socket timeout, or a wait would look like a dead connection."""


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the live feed. `change`: entered, left, moved, defined, removed or rebuilt.

    `columns` is empty for all but entered and moved. For a lead's change, `was` is its rank before (left, moved),
    `rank` its rank after (entered, moved), and `size` the queue's size after, all as of that change. A reader keeps a
    copy of the list like this: take a page, skip the entries it contains (`Page.as_of`), and apply each further entry
    in order; first remove the lead at `was`, then insert it at `rank`. The same (queue, lead, version) may come
    twice, but never without a `rebuilt` between. `state`: the lead's, for the licence check only (M6).
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
    state: str | None = None


def position(entry_id: str) -> tuple[int, int]:
    """Return the position of a feed entry as numbers that sort. Ids do not sort as texts."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


class FeedReader:
    """Reads the feeds. Every method raises `RetryableError` while Valkey is unreachable."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # the type stubs say `bytes | str` for any decoding

    async def newest(self, org: str) -> str:
        """Return the id of the feed's newest entry, even if it was trimmed since; `0-0` before the first."""
        return (await self._history(keys.feed_key(org))).newest

    async def read(self, org: str, after: str, *, limit: int, wait_seconds: float) -> list[FeedEntry]:
        """Return what changed after the entry `after`. See `Reader.feed`."""
        stream = keys.feed_key(org)
        block = max(1, int(min(wait_seconds, _WAIT_SECONDS) * 1000)) if wait_seconds else None
        async with translated_errors():
            entries = _entries(await self._client.xread({stream: after}, count=limit, block=block))
            # Check after the read, not before it, so that a trim between the two is noticed.
            if not await self._goes_on(stream, after):
                leave_server(self._client)
                return [FeedEntry(id=await self.newest(org), change=REBUILT)]
            if not entries:
                return []
            if any(fields[b"change"] == REBUILT.encode() for _, fields in entries):
                # The server may be another one than before, and whoever reads the lists now must read them there.
                leave_server(self._client)
            definitions = await self._definitions(org, _shared_with_values(entries))
        visible_of_queue: dict[str, Visible] = {}
        changes = []
        for entry_id, fields in entries:
            queue_id = fields[b"queue_id"].decode()
            if queue_id not in visible_of_queue:
                value = definitions.get(queue_id)
                visible_of_queue[queue_id] = visible(
                    queue_id, definition(value) if value is not None else None
                )
            changes.append(_entry(entry_id.decode(), queue_id, fields, visible_of_queue[queue_id]))
        return changes

    async def _definitions(self, org: str, queue_ids: list[str]) -> dict[str, bytes | None]:
        """Return queue -> its definition. Valkey is not asked for none: most claims take a lead out of a list."""
        generation = await self._client.get(keys.CURRENT) if queue_ids else None
        if not generation:
            return {}
        definitions = await self._client.hmget(keys.queues(generation.decode(), org), queue_ids)
        return dict(zip(queue_ids, definitions, strict=True))

    async def entered_names(self, org: str, queue_id: str, after: str) -> list[tuple[str, str]]:
        """Return (lead id, searchable name) of leads that entered or moved in a queue after an entry."""
        async with translated_errors():
            entries = await self._client.xrange(keys.feed_key(org), f"({after}", "+")
        return [
            (fields[b"lead_id"].decode(), keys.name_in(fields[b"payload"]))
            for _, fields in entries
            if fields[b"queue_id"].decode() == queue_id and fields[b"change"].decode() in ON_A_LIST
        ]

    async def _goes_on(self, stream: str, after: str) -> bool:
        """Return whether the stream still has every entry after this one.

        It does if this entry still exists, because trimming removes the oldest. A Valkey that was killed may have
        lost its newest entries together with the changes; those changes are then applied again, under other ids.
        """
        if position(after) != position(START) and await self._client.xrange(stream, after, after, count=1):
            return True
        history = await self._history(stream)
        if position(after) == position(START):
            return history.added == history.length
        return position(after) == position(history.newest)

    async def _history(self, stream: str) -> "_History":
        try:
            async with translated_errors():
                info = await self._client.xinfo_stream(stream)
        except RuntimeFailure as failure:
            if "no such key" in str(failure):
                return _History()
            raise
        return _History(info["last-generated-id"].decode(), info["entries-added"], info["length"])


class _History(msgspec.Struct, frozen=True):
    """A stream's newest entry ever, the number of entries it ever had, and the number it has now."""

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
        columns=visible_columns(fields[b"payload"], may) if change in ON_A_LIST else {},
        state=state_in(fields[b"payload"]) if change in ON_A_LIST else None,
        rank=_number(fields, b"rank"),
        was=_number(fields, b"was"),
        size=_number(fields, b"size"),
    )


def _shared_with_values(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> list[str]:
    """Return the shared queues of the entries that show values of leads. A rep's own queue has no definition."""
    queue_ids = {
        fields[b"queue_id"].decode() for _, fields in entries if fields[b"change"].decode() in ON_A_LIST
    }
    return sorted(queue_id for queue_id in queue_ids if not queue_id.startswith(personal_queue("")))


def _number(fields: dict[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return int(value) if value else None


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries of an XREAD of one stream, in the format of either protocol version."""
    if not answer:
        return []
    (entries,) = answer.values() if isinstance(answer, dict) else [answer[0][1]]
    if entries and isinstance(entries[0], list):
        (entries,) = entries
    return list(entries)
