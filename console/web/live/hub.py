"""One reader of the board's feed for each org, however many pages are open; each page gets what its person may see.

A page that falls behind, or comes back after too long, is told `rebuilt`: take the lists anew. So nobody misses a
change without knowing, and no page costs more than its bounded share of memory.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog

from console.board.reader import REBUILT, FeedEntry, Reader
from models.errors import Later

log = structlog.get_logger(__name__)

CHUNKS_KEPT: Final = 256
"""Chunks a page may be behind before it is told to look anew."""
ENTRIES_KEPT: Final = 2_000
"""The newest entries of an org, for pages that come back after a short absence."""
GATHER_SECONDS: Final = 0.02
"""Changes that come so close together leave in one chunk; a person sees no difference, a server does."""
HEARTBEAT_SECONDS: Final = 10.0
_WAIT_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 0.5
_HEARTBEAT: Final = b": so you know that we are here\n\n"


class _Sent(msgspec.Struct, frozen=True):
    """An entry ready to go out. `id` None: it is not of the feed, and none to come back to."""

    queue_id: str
    chunk: bytes
    id: str | None = None
    to: Callable[["Page"], bool] | None = None


class Page:
    """One open page: `sees` says which lists are its person's to see, now (Q4). `wants`: those it shows, None all.

    `watches`: what else it looks at, by the names of events that are told to nobody else.
    """

    def __init__(
        self,
        org: str,
        rep_id: str,
        sees: Callable[[str], bool],
        wants: frozenset[str] | None,
        watches: frozenset[str] = frozenset(),
    ) -> None:
        self.org, self.rep_id, self.wants, self.watches = org, rep_id, wants, watches
        self._sees = sees
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(CHUNKS_KEPT)
        self._behind = False

    def take(self, entries: Iterable[_Sent]) -> None:
        """Take what is for this page, or note that it is behind."""
        chunk = b"".join(one.chunk for one in entries if self._is_for(one))
        if not chunk or self._behind:
            return
        try:
            self._chunks.put_nowait(chunk)
        except asyncio.QueueFull:
            self._behind = True

    def _is_for(self, one: _Sent) -> bool:
        if one.to is not None:
            return one.to(self)
        if not one.queue_id:
            return True
        return (self.wants is None or one.queue_id in self.wants) and self._sees(one.queue_id)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what to send, for ever; a heartbeat where nothing happens."""
        while True:
            if self._behind and self._chunks.empty():
                self._behind = False
                yield _encoded(FeedEntry(id="", change=REBUILT))
            try:
                chunk = await asyncio.wait_for(self._chunks.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield _HEARTBEAT
                continue
            parts = [chunk]
            with suppress(asyncio.QueueEmpty):
                while True:
                    parts.append(self._chunks.get_nowait())
            yield b"".join(parts)


class _Org:
    """What the hub keeps of one org."""

    def __init__(self) -> None:
        self.pages: set[Page] = set()
        self.kept: deque[_Sent] = deque(maxlen=ENTRIES_KEPT)
        self.begin = ""
        self.at = ""
        self.ready = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Hub:
    """Hands the feeds of all orgs to their pages; `close` it."""

    def __init__(self, board: Reader) -> None:
        self._board = board
        self._orgs: dict[str, _Org] = {}

    @property
    def open_pages(self) -> int:
        """How many pages listen."""
        return sum(len(org.pages) for org in self._orgs.values())

    async def open(self, page: Page, after: str | None) -> None:
        """Add a page, from the feed's entry `after` on; without it, or if that is too long ago, it looks anew."""
        org = self._orgs.setdefault(page.org, _Org())
        if org.task is None:
            org.task = asyncio.create_task(self._follow(page.org, org))
        await org.ready.wait()
        # Nothing is awaited from here on: no entry comes in between.
        if after and _position(after) >= _position(org.begin):
            page.take(one for one in org.kept if one.id and _position(one.id) > _position(after))
        else:
            page.take((_Sent("", _encoded(FeedEntry(id=org.at, change=REBUILT))),))
        org.pages.add(page)

    def close_page(self, page: Page) -> None:
        """Forget a page."""
        self._orgs[page.org].pages.discard(page)

    def tell(self, org_id: str, event: str, data: Any, to: Callable[[Page], bool]) -> None:
        """Tell an org's pages, those that `to` picks, of something that is no list's."""
        org = self._orgs.get(org_id)
        if org is not None:
            body = msgspec.json.encode(data)
            sent = _Sent("", b"event: " + event.encode() + b"\ndata: " + body + b"\n\n", to=to)
            for page in org.pages:
                page.take((sent,))

    def tell_all(self, event: str, data: Any, to: Callable[[Page], bool]) -> None:
        """Tell the pages of every org, those that `to` picks."""
        for org_id in self._orgs:
            self.tell(org_id, event, data, to)

    async def close(self) -> None:
        """Follow no more."""
        tasks = [org.task for org in self._orgs.values() if org.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, org_id: str, org: _Org) -> None:
        while True:
            try:
                if not org.ready.is_set():
                    org.begin = org.at = await self._board.newest(org_id)
                    org.ready.set()
                entries = await self._board.feed(org_id, org.at, wait_seconds=_WAIT_SECONDS)
            except Later as away:
                log.info("the feed is waited for", org=org_id, reason=str(away))
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            if not entries:
                continue
            org.at = entries[-1].id
            sent = [_sent(entry) for entry in entries]
            if entries[0].change == REBUILT:
                org.kept.clear()
                org.begin = org.at
            else:
                if len(org.kept) + len(sent) > ENTRIES_KEPT:
                    dropped = min(len(org.kept) + len(sent) - ENTRIES_KEPT, len(org.kept))
                    org.begin = (org.kept[dropped - 1].id if dropped else sent[0].id) or org.begin
                org.kept.extend(sent)
            for page in org.pages:
                page.take(sent)
            await asyncio.sleep(GATHER_SECONDS)


def _sent(entry: FeedEntry) -> _Sent:
    if entry.change in ("defined", "removed"):
        # Who may see the queue may just have changed, so nothing of it is told: look at your queues anew.
        return _Sent("", f"id: {entry.id}\nevent: queues\ndata: {{}}\n\n".encode(), entry.id)
    return _Sent(entry.queue_id, _encoded(entry), entry.id)


def _encoded(entry: FeedEntry) -> bytes:
    body = msgspec.json.encode(entry)
    head = f"id: {entry.id}\n" if entry.id else ""
    return head.encode() + b"event: list\ndata: " + body + b"\n\n"


def _position(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return (int(milliseconds), int(sequence or 0)) if milliseconds.isdecimal() else (-1, 0)
