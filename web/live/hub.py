"""One reader of the board's feed for each org, however many pages are open; each page gets what its person may see.

A page that falls behind, comes back after too long, or may have seen what a Valkey that was away has lost, is told
`rebuilt`: take the lists anew. So nobody misses a change without knowing, and no page costs more than its bounded share
of memory. What is told is encoded once, and joined once for all pages that may see the same of it.
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
from web import metrics

log = structlog.get_logger(__name__)

CHUNKS_KEPT: Final = 256
"""Chunks a page may be behind before it is told to look anew."""
ENTRIES_KEPT: Final = 2_000
"""The newest entries of an org, for pages that come back after a short absence."""
GATHER_SECONDS: Final = 0.02
"""Changes that come so close together leave in one chunk; a person sees no difference, a server does."""
GATHER_MOST_SECONDS: Final = 0.1
PAGES_A_SECOND: Final = 5_000
"""Chunks that leave for pages in a second, about: with many pages open, more changes leave in each."""
HEARTBEAT_SECONDS: Final = 10.0
_WAIT_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 0.5
_AGAIN_MOST_SECONDS: Final = 8.0
"""How long to wait after each failure in a row: twice as long as before, up to this."""
_PLACED: Final = {"entered": ("rank", "size"), "left": ("was", "size"), "moved": ("was", "rank", "size")}
_HEARTBEAT: Final = b": so you know that we are here\n\n"


class _Sent(msgspec.Struct, frozen=True):
    """An entry ready to go out, of a list or, without `queue_id`, for everybody.

    `id` None: it is not of the feed, and none to come back to.
    """

    queue_id: str
    chunk: bytes
    id: str | None = None


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
        self._chunks: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._behind = False

    def take(self, batch: "_Batch") -> None:
        """Take what is for this page, or note that it is behind."""
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
        """Yield what to send, for ever; a heartbeat where nothing happens."""
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
    """Entries that leave together; `chunk` is what they are for one page."""

    def __init__(self, entries: Iterable[_Sent]) -> None:
        self._entries = tuple(entries)
        self._queues = {one.queue_id for one in self._entries if one.queue_id}
        self._joined: dict[frozenset[str], bytes] = {}

    def chunk(self, page: Page) -> bytes:
        """Return what of this is for a page: its lists, and what is everybody's or picks it."""
        shown = frozenset(filter(page.shows, self._queues))
        chunk = self._joined.get(shown)
        if chunk is None:
            told = (one.chunk for one in self._entries if not one.queue_id or one.queue_id in shown)
            chunk = self._joined[shown] = b"".join(told)
        return chunk


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
        """Tell an org's pages, those that `to` picks, of something that is no list's."""
        org = self._orgs.get(org_id)
        if org is not None:
            body = msgspec.json.encode(data)
            batch = _Batch((_Sent("", b"event: " + event.encode() + b"\ndata: " + body + b"\n\n"),))
            for page in org.pages:
                if to(page):
                    page.take(batch)

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

    def look_anew(self) -> None:
        """Tell every page to take its lists anew: something may have been missed."""
        for org in self._orgs.values():
            batch = _Batch((_rebuilt(),))
            for page in org.pages:
                page.take(batch)

    async def _follow(self, org_id: str, org: _Org) -> None:
        """Follow until cancelled. Whatever fails is logged, counted and tried again; then every page looks anew."""
        away, again = False, _AGAIN_SECONDS
        while True:
            try:
                await self._read(org_id, org, away=away)
            except Exception as error:
                metrics.FEED_FAILURES.inc()
                if isinstance(error, RuntimeFailure):
                    log.warning("the feed is waited for", org=org_id, reason=str(error))
                else:
                    log.exception("an entry of the feed cannot be read and is passed over", org=org_id)
                    await self._pass_over(org_id, org)
                away = org.ready.is_set()
                await asyncio.sleep(again)
                again = min(2 * again, _AGAIN_MOST_SECONDS)
            else:
                away, again = False, _AGAIN_SECONDS

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
            # While Valkey was away it may have lost entries that pages took with their lists and this hub never
            # read: what they told comes again, under other ids, and nobody can tell which pages had it.
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


def _keep(org: _Org, sent: list[_Sent]) -> None:
    """Keep the newest entries for pages that come back."""
    if len(org.kept) + len(sent) > ENTRIES_KEPT:
        dropped = min(len(org.kept) + len(sent) - ENTRIES_KEPT, len(org.kept))
        org.begin = (org.kept[dropped - 1].id if dropped else sent[0].id) or org.begin
    org.kept.extend(sent)


def _rebuilt(at: str = "") -> _Sent:
    return _Sent("", _encoded(FeedEntry(id=at, change=REBUILT)))


def _sent(entry: FeedEntry) -> _Sent:
    if entry.change in ("defined", "removed"):
        # Who may see the queue may just have changed, so nothing of it is told: look at your queues anew.
        return _Sent("", f"id: {entry.id}\nevent: queues\ndata: {{}}\n\n".encode(), entry.id)
    if entry.change in _PLACED and any(getattr(entry, place) is None for place in _PLACED[entry.change]):
        # An entry that does not say where, as former versions wrote them, changes a list nobody knows how.
        return _Sent(entry.queue_id, _encoded(FeedEntry(id=entry.id, change=REBUILT)), entry.id)
    return _Sent(entry.queue_id, _encoded(entry), entry.id)


def _encoded(entry: FeedEntry) -> bytes:
    body = msgspec.json.encode(entry)
    head = f"id: {entry.id}\n" if entry.id else ""
    return head.encode() + b"event: list\ndata: " + body + b"\n\n"


def _position(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    if not entry_id.isascii() or not milliseconds.isdecimal() or not (sequence or "0").isdecimal():
        return (-1, 0)
    return int(milliseconds), int(sequence or 0)
