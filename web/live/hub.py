"""One reader of the board's feed for each org, for all open pages. Each page gets what its person may see.

A page gets `rebuilt` (read the lists again) when it falls behind, comes back after too long, or may have seen changes
that Valkey has lost. So no page misses a change unnoticed, and each page has bounded memory. An entry is encoded once,
and joined once for all pages that see the same entries.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog

from board.reader import REBUILT, FeedEntry, Reader
from models.errors import RuntimeFailure
from streams.retries import READ_FEED
from web import metrics

log = structlog.get_logger(__name__)

CHUNKS_KEPT: Final = 256
"""Chunks that a page may be behind before it must read its lists again."""
ENTRIES_KEPT: Final = 2_000
"""The newest entries of an org, for pages that come back after a short absence."""
GATHER_SECONDS: Final = 0.02
"""Changes within this time go into one chunk. A person sees no difference; the server has less work."""
GATHER_MOST_SECONDS: Final = 0.1
PAGES_A_SECOND: Final = 5_000
"""About how many chunks leave in a second. With many open pages each chunk has more changes."""
HEARTBEAT_SECONDS: Final = 10.0
_WAIT_SECONDS: Final = 2.0
_PLACED: Final = {"entered": ("rank", "size"), "left": ("was", "size"), "moved": ("was", "rank", "size")}
_HEARTBEAT: Final = b": so you know that we are here\n\n"


class _Entry(msgspec.Struct, frozen=True):
    """An encoded entry of a list or, without `queue_id`, for every page.

    `id` None: the entry is not in the feed, so no page can continue from it.
    """

    queue_id: str
    chunk: bytes
    id: str | None = None


class Page:
    """One open page. `sees` says which lists its person may see now (Q4). `wants`: the lists it shows; None: all.

    `watches`: names of further events, which only pages that watch them get.
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
        self._chunks: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._behind = False

    def take(self, batch: "_Batch") -> None:
        """Take the entries for this page, or note that the page is behind."""
        chunk = batch.chunk(self)
        if not chunk or self._behind:
            return
        if len(self._chunks) < CHUNKS_KEPT:
            self._chunks.append(chunk)
        else:
            self._behind = True
        self._wake.set()

    def shows(self, queue_id: str) -> bool:
        """Say whether this page shows a list that its person may see."""
        return (self.wants is None or queue_id in self.wants) and self._sees(queue_id)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield chunks for ever, and a heartbeat when nothing happens."""
        loop = asyncio.get_running_loop()
        while True:
            if self._chunks:
                chunk = b"".join(self._chunks)
                self._chunks.clear()
                yield chunk
            elif self._behind:
                self._behind = False
                yield _rebuilt().chunk
            else:
                self._wake.clear()
                timer = loop.call_later(HEARTBEAT_SECONDS, self._wake.set)
                try:
                    await self._wake.wait()
                finally:
                    timer.cancel()
                if not self._chunks and not self._behind:
                    yield _HEARTBEAT


class _Batch:
    """Entries that leave together; `chunk` joins those for one page."""

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self._entries = tuple(entries)
        self._queues = {one.queue_id for one in self._entries if one.queue_id}
        self._joined: dict[frozenset[str], bytes] = {}

    def chunk(self, page: Page) -> bytes:
        """Return the entries for a page: those of its lists, and those for every page."""
        shown = frozenset(filter(page.shows, self._queues))
        chunk = self._joined.get(shown)
        if chunk is None:
            chunks = (one.chunk for one in self._entries if not one.queue_id or one.queue_id in shown)
            chunk = self._joined[shown] = b"".join(chunks)
        return chunk


class _Org:
    """What the hub keeps of one org."""

    def __init__(self) -> None:
        self.pages: set[Page] = set()
        self.kept: deque[_Entry] = deque(maxlen=ENTRIES_KEPT)
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
        """Add a page from the feed's entry `after` on; without it, or if it is too old, the page reads its lists."""
        org = self._orgs.setdefault(page.org, _Org())
        if org.task is None:
            org.task = asyncio.create_task(self._follow(page.org, org))
        await org.ready.wait()
        if after and _position(after) > _position(org.at) and not await self._knows(page.org, after):
            after = None
        # Nothing is awaited from here on: no entry comes in between.
        if after and _position(after) >= _position(org.begin):
            page.take(_Batch(one for one in org.kept if one.id and _position(one.id) > _position(after)))
        else:
            page.take(_Batch((_rebuilt(org.at),)))
        org.pages.add(page)

    async def _knows(self, org_id: str, after: str) -> bool:
        """Say whether the feed still has an entry that this hub has not read: a Valkey that was killed may not."""
        try:
            found = await self._board.feed(org_id, after, limit=1)
        except Exception as error:  # noqa: BLE001  # it is away or unreadable, or this is no id of a feed
            log.info("a page looks anew", org=org_id, reason=repr(error))
            return False
        return not found or found[0].change != REBUILT

    def close_page(self, page: Page) -> None:
        """Forget a page."""
        self._orgs[page.org].pages.discard(page)

    def tell(self, org_id: str, event: str, data: Any, to: Callable[[Page], bool]) -> None:
        """Send an event that belongs to no list to those pages of an org that `to` selects."""
        org = self._orgs.get(org_id)
        if org is not None:
            body = msgspec.json.encode(data)
            batch = _Batch((_Entry("", b"event: " + event.encode() + b"\ndata: " + body + b"\n\n"),))
            for page in org.pages:
                if to(page):
                    page.take(batch)

    def tell_all(self, event: str, data: Any, to: Callable[[Page], bool]) -> None:
        """Send an event to those pages of all orgs that `to` selects."""
        for org_id in self._orgs:
            self.tell(org_id, event, data, to)

    async def close(self) -> None:
        """Stop all readers."""
        tasks = [org.task for org in self._orgs.values() if org.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def look_anew(self) -> None:
        """Tell every page to take its lists anew: something may have been missed."""
        for org in self._orgs.values():
            batch = _Batch((_rebuilt(),))
            for page in org.pages:
                page.take(batch)

    async def _follow(self, org_id: str, org: _Org) -> None:
        """Follow until cancelled. Whatever fails is logged, counted and tried again; then every page looks anew."""
        away, pauses = False, READ_FEED.pauses()
        while True:
            try:
                await self._read(org_id, org, away=away)
            except Exception as error:
                metrics.FEED_FAILURES.inc()
                if isinstance(error, RuntimeFailure):
                    log.warning("waiting for the feed", org=org_id, reason=str(error))
                else:
                    log.exception("an entry of the feed cannot be read and is passed over", org=org_id)
                    await self._pass_over(org_id, org)
                away = org.ready.is_set()
                await asyncio.sleep(next(pauses))
            else:
                away, pauses = False, READ_FEED.pauses()

    async def _pass_over(self, org_id: str, org: _Org) -> None:
        """Go to the feed's end: an entry that a foreign client broke would fail at each try."""
        with suppress(Exception):  # then Valkey fails, and it is tried again
            org.at = await self._board.newest(org_id)

    async def _read(self, org_id: str, org: _Org, *, away: bool) -> None:
        """Read what there is now, or wait for it, and hand it to the pages. `away`: the read before this one failed."""
        if not org.ready.is_set():
            org.begin = org.at = await self._board.newest(org_id)
            org.ready.set()
        entries = await self._board.feed(org_id, org.at, wait_seconds=0 if away else _WAIT_SECONDS)
        if entries:
            org.at = entries[-1].id
        sent = [_sent(entry) for entry in entries]
        lost = bool(entries) and entries[0].change == REBUILT
        if away and not lost:
            # While Valkey was away it may have lost entries that pages have in their lists and this hub never
            # read. These changes come again under other ids, and nobody knows which pages had them.
            sent.insert(0, _rebuilt())
        if away or lost:
            org.kept.clear()
            org.begin = org.at
        else:
            _keep(org, sent)
        if not sent:
            return
        batch = _Batch(sent)
        for page in org.pages:
            page.take(batch)
        await asyncio.sleep(min(GATHER_MOST_SECONDS, max(GATHER_SECONDS, len(org.pages) / PAGES_A_SECOND)))


def _keep(org: _Org, sent: list[_Entry]) -> None:
    """Keep the newest entries for pages that come back."""
    if len(org.kept) + len(sent) > ENTRIES_KEPT:
        dropped = min(len(org.kept) + len(sent) - ENTRIES_KEPT, len(org.kept))
        org.begin = (org.kept[dropped - 1].id if dropped else sent[0].id) or org.begin
    org.kept.extend(sent)


def _rebuilt(at: str = "") -> _Entry:
    return _Entry("", _encoded(FeedEntry(id=at, change=REBUILT)))


def _sent(entry: FeedEntry) -> _Entry:
    if entry.change in ("defined", "removed"):
        # The people who may see the queue may have changed, so the event names no queue.
        return _Entry("", f"id: {entry.id}\nevent: queues\ndata: {{}}\n\n".encode(), entry.id)
    if entry.change in _PLACED and any(getattr(entry, place) is None for place in _PLACED[entry.change]):
        # Former versions wrote entries without a rank. Nobody knows how they change a list.
        return _Entry(entry.queue_id, _encoded(FeedEntry(id=entry.id, change=REBUILT)), entry.id)
    return _Entry(entry.queue_id, _encoded(entry), entry.id)


def _encoded(entry: FeedEntry) -> bytes:
    body = msgspec.json.encode(entry)
    head = f"id: {entry.id}\n" if entry.id else ""
    return head.encode() + b"event: list\ndata: " + body + b"\n\n"


def _position(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    if not entry_id.isascii() or not milliseconds.isdecimal() or not (sequence or "0").isdecimal():
        return (-1, 0)
    return int(milliseconds), int(sequence or 0)
