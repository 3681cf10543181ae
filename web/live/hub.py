"""Reads the board's feed once per org for all open pages. Each page gets only what its person may see.

A page gets `rebuilt` (read the lists again) and `queues` (look at the queues again) when it falls behind, when it
reconnects after too long, or when it may have seen changes that Valkey has lost. So every missed change is noticed,
and memory per page is bounded. An entry is encoded once for all pages that see the same of it, and chunks are joined
once for all pages that see the same entries.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import structlog

from board.reader import REBUILT, Reader
from models.errors import RuntimeFailure
from streams.retries import READ_FEED
from web import metrics
from web.live.event_scopes import ALL_SCOPES, may_hear
from web.live.stream_entries import StreamEntry, encode_event, entry_for_pages, lists_entry, missed_entry

log = structlog.get_logger(__name__)

CHUNKS_KEPT: Final = 256
"""How many chunks a page may be behind before it must read its lists again."""
MAX_PER_PERSON: Final = 20
"""The most open streams of one person, over all browsers and programs."""
ENTRIES_KEPT: Final = 2_000
"""How many of the newest entries of an org are kept for pages that reconnect."""
GATHER_SECONDS: Final = 0.02
"""Changes within this time go into one chunk. People do not notice the delay, and the server sends fewer chunks."""
GATHER_MOST_SECONDS: Final = 0.1
PAGES_A_SECOND: Final = 5_000
"""About how many chunks are sent per second. With many open pages, each chunk has more changes."""
HEARTBEAT_SECONDS: Final = 1.0
"""After so long without a change a page gets a `beat`. A page that gets nothing for 2.5 s says that it is offline."""
IDLE_SECONDS: Final = 30.0
"""How long an org without open pages is followed, for pages that reconnect. Each followed org holds a connection."""
_WAIT_SECONDS: Final = 2.0
_HEARTBEAT: Final = b"event: beat\ndata: {}\n\n"


class OpenPage:
    """One open page. `sees` says which lists its person may currently see (Q4). `wants`: the lists it shows; None: all.

    `watches`: names of further events that it gets. `scopes`: the caller's, which some events need (`event_scopes`).
    `licences`: returns the states in which its person may have leads now; None for all (M6).
    """

    def __init__(
        self,
        org: str,
        rep_id: str,
        sees: Callable[[str], bool],
        wants: frozenset[str] | None,
        watches: frozenset[str] = frozenset(),
        scopes: frozenset[str] = ALL_SCOPES,
        licences: Callable[[], frozenset[str] | None] = lambda: None,
    ) -> None:
        self.org, self.rep_id, self.wants, self.watches, self.scopes = org, rep_id, wants, watches, scopes
        self._sees = sees
        self.licences = licences
        self._chunks: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._behind = False
        self._ended = False

    def take(self, batch: "_Batch") -> None:
        """Queue the entries for this page, or mark the page as behind."""
        chunk = batch.chunk(self)
        if not chunk or self._behind:
            return
        if len(self._chunks) < CHUNKS_KEPT:
            self._chunks.append(chunk)
        else:
            self._behind = True
        self._wake.set()

    def end(self) -> None:
        """End the stream after what the page has not got yet."""
        self._ended = True
        self._wake.set()

    def shows(self, queue_id: str) -> bool:
        """Say whether this page shows a list that its person may see."""
        return (self.wants is None or queue_id in self.wants) and self._sees(queue_id)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield chunks until `end`, and a heartbeat when there are no changes."""
        loop = asyncio.get_running_loop()
        while True:
            if self._chunks:
                chunk = b"".join(self._chunks)
                self._chunks.clear()
                yield chunk
            elif self._behind:
                self._behind = False
                yield missed_entry().chunk
            elif self._ended:
                return
            else:
                self._wake.clear()
                timer = loop.call_later(HEARTBEAT_SECONDS, self._wake.set)
                try:
                    await self._wake.wait()
                finally:
                    timer.cancel()
                if not self._chunks and not self._behind and not self._ended:
                    yield _HEARTBEAT


class _Batch:
    """Entries that are sent together. `chunk` joins those for one page."""

    def __init__(self, entries: Iterable[StreamEntry]) -> None:
        self._entries = tuple(entries)
        self._queues = {entry.queue_id for entry in self._entries if entry.queue_id}
        self._joined: dict[tuple[frozenset[str], frozenset[str] | None], bytes] = {}

    def chunk(self, page: OpenPage) -> bytes:
        """Return the entries for a page: those of its lists, and those for every page."""
        shown = frozenset(filter(page.shows, self._queues))
        states = page.licences() if shown else None
        chunk = self._joined.get((shown, states))
        if chunk is None:
            entries = (entry for entry in self._entries if not entry.queue_id or entry.queue_id in shown)
            chunk = self._joined[shown, states] = b"".join(entry.chunk_for(states) for entry in entries)
        return chunk


class _Org:
    """The hub's state of one org."""

    def __init__(self) -> None:
        self.pages: set[OpenPage] = set()
        self.kept: deque[StreamEntry] = deque(maxlen=ENTRIES_KEPT)
        self.kept_ids: set[str | None] = set()
        self.begin = ""
        self.at = ""
        self.ready = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.opening = 0
        """How many pages wait for the first read."""
        self.used_at = time.monotonic()
        """When a page was last open."""

    def has(self, entry_id: str) -> bool:
        """Say whether a page that read up to this entry gets all later ones from those that are kept.

        An id between two of them is of an entry that Valkey has lost, with a replica that was promoted or a restart.
        """
        return entry_id == self.begin or entry_id in self.kept_ids

    def is_idle(self) -> bool:
        """Say whether nobody needs the feed any more."""
        if self.pages or self.opening:
            return False
        return time.monotonic() - self.used_at > IDLE_SECONDS


class Hub:
    """Delivers the feeds of all orgs to their pages. Call `close` at the end."""

    def __init__(self, board: Reader) -> None:
        self._board = board
        self._orgs: dict[str, _Org] = {}
        self._streams: Counter[tuple[str, str]] = Counter()
        self._is_ending = False

    def has_room(self, org: str, rep_id: str) -> bool:
        """Say whether a person may open another stream."""
        return self._streams[org, rep_id] < MAX_PER_PERSON

    def count_stream(self, page: OpenPage, by: int) -> None:
        """Count a stream that begins (1) or has ended (-1)."""
        key = (page.org, page.rep_id)
        self._streams[key] += by
        if not self._streams[key]:
            del self._streams[key]

    def present(self, org: str) -> dict[str, int]:
        """Return rep -> how many streams the rep has open, for the reps of an org who have one."""
        return {rep_id: count for (name, rep_id), count in self._streams.items() if name == org and count > 0}

    @property
    def open_pages(self) -> int:
        """The number of open pages."""
        return sum(len(org.pages) for org in self._orgs.values())

    async def open(self, page: OpenPage, after: str | None) -> None:
        """Add a page from the feed's entry `after` on. Without it, or if it is too old, the page reads its lists."""
        org = self._orgs.setdefault(page.org, _Org())
        if org.task is None:
            org.task = asyncio.create_task(self._follow(page.org, org))
        org.opening += 1
        try:
            await org.ready.wait()
            if after and _position(after) > _position(org.at) and not await self._knows(page.org, after):
                after = None
        finally:
            org.opening -= 1
            org.used_at = time.monotonic()
        # There is no await from here on, so no entry can arrive in between.
        if after and (org.has(after) or _position(after) > _position(org.at)):
            page.take(
                _Batch(entry for entry in org.kept if entry.id and _position(entry.id) > _position(after))
            )
        else:
            page.take(_Batch((missed_entry(org.at),)))
        org.pages.add(page)
        if self._is_ending:
            page.end()

    async def _knows(self, org_id: str, after: str) -> bool:
        """Say whether the feed has an entry that this hub has not read. A Valkey that was killed may have lost it."""
        try:
            entries = await self._board.feed(org_id, after, limit=1)
        except Exception as error:  # noqa: BLE001  # the feed is unavailable or unreadable, or the id is invalid
            log.info("a page reloads its lists", org=org_id, reason=repr(error))
            return False
        return not entries or entries[0].change != REBUILT

    def close_page(self, page: OpenPage) -> None:
        """Remove a page."""
        if (org := self._orgs.get(page.org)) is not None:
            org.pages.discard(page)
            org.used_at = time.monotonic()

    def tell(self, org_id: str, event: str, data: Any, to: Callable[[OpenPage], bool]) -> None:
        """Send an event that belongs to no list to the pages of an org that `to` selects."""
        self._tell(
            org_id,
            StreamEntry("", encode_event(event, data)),
            lambda page: may_hear(event, page.scopes) and to(page),
        )

    def tell_list(self, org_id: str, queue_id: str, event: str, data: Any, *, but: str | None) -> None:
        """Send an event about a list to the pages of an org that show it, except those of the rep `but`.

        The event is not in the feed. So a page that reconnects does not get it, nor do pages of other consoles.
        """
        self._tell(org_id, StreamEntry(queue_id, encode_event(event, data)), lambda page: page.rep_id != but)

    def _tell(self, org_id: str, entry: StreamEntry, to: Callable[[OpenPage], bool]) -> None:
        org = self._orgs.get(org_id)
        if org is not None:
            batch = _Batch((entry,))
            for page in org.pages:
                if to(page):
                    page.take(batch)

    def tell_all(self, event: str, data: Any, to: Callable[[OpenPage], bool]) -> None:
        """Send an event to the pages of all orgs that `to` selects."""
        for org_id in self._orgs:
            self.tell(org_id, event, data, to)

    def end_pages(self) -> None:
        """End the streams of all pages, also of those that are opened later. Their browsers connect again."""
        self._is_ending = True
        for org in self._orgs.values():
            for page in org.pages:
                page.end()

    async def close(self) -> None:
        """Stop all readers."""
        tasks = [org.task for org in self._orgs.values() if org.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reload_lists(self, org_id: str | None = None) -> None:
        """Tell every page, or those of one org, to read its lists again, because it may have missed changes."""
        orgs = self._orgs.values() if org_id is None else filter(None, [self._orgs.get(org_id)])
        for org in orgs:
            batch = _Batch((lists_entry(),))
            for page in org.pages:
                page.take(batch)

    async def _follow(self, org_id: str, org: _Org) -> None:
        """Follow until no page has been open for `IDLE_SECONDS`. A failure is logged, counted and retried.

        After a failure every page reads its lists again.
        """
        away, pauses = False, READ_FEED.pauses()
        while not org.is_idle():
            try:
                await self._read(org_id, org, away=away)
            except Exception as error:
                metrics.FEED_FAILURES.inc()
                if isinstance(error, RuntimeFailure):
                    log.warning("waiting for the feed", org=org_id, reason=str(error))
                else:
                    log.exception("an entry of the feed cannot be read and is skipped", org=org_id)
                    await self._pass_over(org_id, org)
                away = org.ready.is_set()
                await asyncio.sleep(next(pauses))
            else:
                away, pauses = False, READ_FEED.pauses()
        del self._orgs[org_id]  # the next page begins anew; there was no await since the check

    async def _pass_over(self, org_id: str, org: _Org) -> None:
        """Skip to the feed's end. An entry that a foreign client has broken would fail at every retry."""
        with suppress(Exception):  # if Valkey fails, the next read is retried
            org.at = await self._board.newest(org_id)

    async def _read(self, org_id: str, org: _Org, *, away: bool) -> None:
        """Read the new entries, or wait for some, and hand them to the pages. `away`: the previous read failed."""
        if not org.ready.is_set():
            org.begin = org.at = await self._board.newest(org_id)
            org.ready.set()
        entries = await self._board.feed(org_id, org.at, wait_seconds=0 if away else _WAIT_SECONDS)
        if entries:
            org.at = entries[-1].id
        sent = [entry_for_pages(entry) for entry in entries]
        is_rebuilt = bool(entries) and entries[0].change == REBUILT
        if away and not is_rebuilt:
            # While Valkey was unavailable, it may have lost entries that some pages show and this hub never read.
            # These changes return under other ids, and it is unknown which pages have them.
            sent.insert(0, missed_entry())
        if away or is_rebuilt:
            org.kept.clear()
            org.kept_ids.clear()
            org.begin = org.at
        else:
            _keep(org, sent)
        if not sent:
            return
        batch = _Batch(sent)
        for page in org.pages:
            page.take(batch)
        await asyncio.sleep(min(GATHER_MOST_SECONDS, max(GATHER_SECONDS, len(org.pages) / PAGES_A_SECOND)))


def _keep(org: _Org, sent: list[StreamEntry]) -> None:
    """Keep the newest entries for pages that reconnect."""
    for entry in sent:
        if len(org.kept) == ENTRIES_KEPT:
            dropped = org.kept.popleft()
            org.begin = dropped.id or org.begin
            org.kept_ids.discard(dropped.id)
        org.kept.append(entry)
        org.kept_ids.add(entry.id)


def _position(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    if not entry_id.isascii() or not milliseconds.isdecimal() or not (sequence or "0").isdecimal():
        return (-1, 0)
    return int(milliseconds), int(sequence or 0)
