"""The hub passes an org's feed to its pages. Each page gets the changes it may see, or must read its list again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from msgspec import structs

from board.reader import REBUILT, FeedEntry, Reader
from models.errors import RetryableError
from streams.retries import RetryPolicy
from tests.fixtures.waiting import PATIENCE_SECONDS
from web.live import hub as hub_module
from web.live.hub import CHUNKS_KEPT, Hub, OpenPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ORG = "acme"


class Board:
    """A feed with scripted reads: entries, or an absent Valkey; then nothing more comes."""

    def __init__(
        self, *reads: list[FeedEntry] | RetryableError, newest: str = "5-0", has: set[str] | None = None
    ) -> None:
        self.reads, self.at, self.has = deque(reads), newest, has or set()
        self.go = asyncio.Event()

    async def newest(self, org: str) -> str:
        """Return the hub's start in the feed."""
        assert org == ORG
        return self.at

    async def feed(
        self, org: str, after: str, *, limit: int = 500, wait_seconds: float = 0.0
    ) -> list[FeedEntry]:
        """Return the next read; for a request of one entry, whether it exists."""
        assert (org, wait_seconds >= 0) == (ORG, True)
        if limit == 1:
            return [] if after in self.has else [FeedEntry(id=self.at, change=REBUILT)]
        await self.go.wait()
        if not self.reads:
            await asyncio.Event().wait()
        read = self.reads.popleft()
        if isinstance(read, RetryableError):
            raise read
        return read


class SilentBoard(Board):
    """A feed without new entries, which is asked again and again."""

    async def feed(
        self, org: str, after: str, *, limit: int = 500, wait_seconds: float = 0.0
    ) -> list[FeedEntry]:
        """Return nothing, as Valkey does when the wait is over."""
        assert (org, after <= self.at, limit > 0, wait_seconds >= 0) == (ORG, True, True, True)
        await asyncio.sleep(0)
        return []


@pytest.fixture(autouse=True)
def no_retry_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry an absent Valkey at once."""
    monkeypatch.setattr(hub_module, "READ_FEED", RetryPolicy(first_seconds=0.0, longest_seconds=0.0))


def queue_entry(entry_id: str, queue_id: str = "new", rank: int | None = 0) -> FeedEntry:
    """Return the entry of a lead that enters a queue."""
    return FeedEntry(id=entry_id, change="entered", queue_id=queue_id, lead_id=entry_id, rank=rank, size=1)


def page(sees: Callable[[str], bool] = lambda _: True, wants: frozenset[str] | None = None) -> OpenPage:
    """Return a page opened by a person."""
    return OpenPage(ORG, "rep-1", sees, wants)


async def next_changes(open_page: OpenPage, count: int) -> list[tuple[str, str]]:
    """Return the next changes for a page, as (change, id or queue)."""
    changes = list[tuple[str, str]]()
    chunks: AsyncIterator[bytes] = open_page.chunks()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(changes) < count:
            for event in (await anext(chunks)).split(b"\n\n"):
                if b"event: list\n" in event:
                    entry = msgspec.json.decode(event.partition(b"data: ")[2], type=FeedEntry)
                    changes.append((entry.change, entry.lead_id or entry.queue_id))
    return changes


async def open_hub(board: Board, *pages: tuple[OpenPage, str | None]) -> Hub:
    """Return a hub with open pages that start at these entries, and start the feed."""
    hub = Hub(cast("Reader", board))
    for open_page, after in pages:
        await hub.open(open_page, after)
    board.go.set()
    return hub


async def test_q4_a_page_is_told_of_the_lists_it_shows_and_may_see() -> None:
    entries = [queue_entry("6-0", "new"), queue_entry("6-1", "secret"), queue_entry("6-2", "aged")]
    everything, aged_only, blind = (
        page(),
        page(wants=frozenset({"aged"})),
        page(lambda queue: queue != "secret"),
    )
    hub = await open_hub(Board(entries), (everything, "5-0"), (aged_only, "5-0"), (blind, "5-0"))
    assert await next_changes(everything, 3) == [("entered", "6-0"), ("entered", "6-1"), ("entered", "6-2")]
    assert await next_changes(aged_only, 1) == [("entered", "6-2")]
    assert await next_changes(blind, 2) == [("entered", "6-0"), ("entered", "6-2")]
    await hub.close()


async def test_m6_q3_each_page_is_told_whether_its_person_has_the_licence_and_the_state_only_if_shown() -> (
    None
):
    shown = structs.replace(queue_entry("6-0"), state="RI", columns={"name": "Ana", "state": "RI"})
    blind = structs.replace(queue_entry("6-1"), state="RI", columns={"name": "Bo"})
    entries = [shown, blind, queue_entry("6-2")]
    texan = OpenPage(ORG, "rep-1", lambda _: True, None, licences=lambda: frozenset({"TX"}))
    islander = OpenPage(ORG, "rep-2", lambda _: True, None, licences=lambda: frozenset({"RI"}))
    untracked = page()
    hub = await open_hub(Board(entries), (texan, "5-0"), (islander, "5-0"), (untracked, "5-0"))
    assert await licences(texan, 3) == [
        (False, "You are not licensed in RI."),
        (False, "You are not licensed in its state."),
        None,
    ]
    assert await licences(islander, 3) == [(True, None), (True, None), None]
    assert await licences(untracked, 3) == [None, None, None]
    await hub.close()


async def licences(open_page: OpenPage, count: int) -> list[tuple[bool, str | None] | None]:
    """Return what a page is told of the licences of its next changes; None where it is told nothing."""
    licence_texts = list[tuple[bool, str | None] | None]()
    chunks: AsyncIterator[bytes] = open_page.chunks()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(licence_texts) < count:
            for event in (await anext(chunks)).split(b"\n\n"):
                if b"event: list\n" in event:
                    change = msgspec.json.decode(event.partition(b"data: ")[2])
                    assert "state" not in change
                    licence_texts.append(
                        (change["may_claim"], change["why_not"]) if "may_claim" in change else None
                    )
    return licence_texts


async def test_q9_whoever_falls_behind_hears_what_there_was_and_is_then_told_to_look_anew() -> None:
    reads = [[queue_entry(f"6-{n}")] for n in range(CHUNKS_KEPT + 2)]
    slow, quick = page(), page()
    board = Board(*reads)
    hub = await open_hub(board, (slow, "5-0"), (quick, "5-0"))
    assert len(await next_changes(quick, CHUNKS_KEPT + 2)) == CHUNKS_KEPT + 2
    assert await next_changes(slow, CHUNKS_KEPT + 1) == [
        *(("entered", f"6-{n}") for n in range(CHUNKS_KEPT)),
        (REBUILT, ""),
    ]
    await hub.close()


async def test_q9_after_valkey_was_away_every_page_looks_anew_before_it_hears_more() -> None:
    """Entries that a killed Valkey lost were in the pages' lists, and come again under other ids."""
    board = Board(RetryableError("Valkey", "it is away"), [queue_entry("6-0")])
    open_page = page()
    hub = await open_hub(board, (open_page, "5-3"))
    assert await next_changes(open_page, 1) == [(REBUILT, "")]  # 5-3 is no longer in the feed
    assert await next_changes(open_page, 2) == [(REBUILT, ""), ("entered", "6-0")]
    await hub.close()


async def test_q9_a_list_taken_after_what_the_hub_has_read_goes_on_if_the_feed_still_knows_it() -> None:
    board = Board([queue_entry("6-0"), queue_entry("7-0")], has={"6-0"})
    known_page, unknown_page = page(), page()
    hub = await open_hub(board, (known_page, "6-0"), (unknown_page, "9-x"))
    assert await next_changes(known_page, 2) == [
        ("entered", "6-0"),
        ("entered", "7-0"),
    ]  # its client skips the entries that it has
    assert await next_changes(unknown_page, 3) == [(REBUILT, ""), ("entered", "6-0"), ("entered", "7-0")]
    await hub.close()


async def test_q9_a_page_that_read_an_entry_which_valkey_has_lost_looks_anew() -> None:
    """The page was away during a failover. Its last entry is between two that the hub has read, and is none of them."""
    board, in_step = Board([queue_entry("6-0"), queue_entry("8-0")]), page()
    hub = await open_hub(board, (in_step, "5-0"))
    assert await next_changes(in_step, 2) == [("entered", "6-0"), ("entered", "8-0")]
    behind, lost = page(), page()
    await hub.open(behind, "6-0")
    await hub.open(lost, "7-0")
    assert await next_changes(behind, 1) == [("entered", "8-0")]
    assert await next_changes(lost, 1) == [(REBUILT, "")]
    await hub.close()


@pytest.mark.parametrize(
    ("reads", "after", "names"),
    [
        ([], None, ["list", "queues"]),
        ([], "4-0", ["list", "queues"]),
        ([RetryableError("Valkey", "it is away"), []], "5-0", ["list", "queues"]),
        ([[FeedEntry(id="6-0", change=REBUILT)]], "5-0", ["list", "queues"]),
        ([[queue_entry("6-0"), FeedEntry(id="6-1", change=REBUILT)]], "5-0", ["list", "list", "queues"]),
    ],
    ids=["new", "too-late", "away", "lost", "rebuilt"],
)
async def test_q4_a_page_that_may_have_missed_entries_looks_at_its_queues_again(
    reads: list[list[FeedEntry] | RetryableError], after: str | None, names: list[str]
) -> None:
    """One of the entries may have told of a queue that was published or removed."""
    open_page = page()
    hub = await open_hub(Board(*reads), (open_page, after))
    assert await next_event_names(open_page, len(names)) == names
    await hub.close()


async def test_q4_a_page_that_fell_behind_looks_at_its_queues_again_and_one_told_of_the_database_does_not() -> (
    None
):
    reads = [[queue_entry(f"6-{n}")] for n in range(CHUNKS_KEPT + 2)]
    slow, quick = page(), page()
    hub = await open_hub(Board(*reads), (slow, "5-0"), (quick, "5-0"))
    await next_changes(quick, CHUNKS_KEPT + 2)
    assert await next_event_names(slow, CHUNKS_KEPT + 2) == ["list"] * (CHUNKS_KEPT + 1) + ["queues"]
    hub.reload_lists()
    hub.tell(ORG, "moved", {}, lambda _: True)
    assert await next_event_names(slow, 2) == ["list", "moved"]
    await hub.close()


async def next_event_names(open_page: OpenPage, count: int) -> list[str]:
    """Return the names of the next events for a page."""
    names = list[str]()
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for chunk in open_page.chunks():
            lines = chunk.decode().splitlines()
            events = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
            names += [name for name in events if name != "beat"]
            if len(names) >= count:
                break
    return names


async def test_q7_an_entry_that_does_not_say_where_lets_its_readers_look_anew_and_nobody_else() -> None:
    board = Board([queue_entry("6-0", rank=None), queue_entry("6-1", "aged")])
    reader, bystander = page(), page(wants=frozenset({"aged"}))
    hub = await open_hub(board, (reader, "5-0"), (bystander, "5-0"))
    assert await next_changes(reader, 2) == [(REBUILT, ""), ("entered", "6-1")]
    assert await next_changes(bystander, 1) == [("entered", "6-1")]
    await hub.close()


async def test_an_org_whose_pages_are_closed_is_followed_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each followed org holds a connection of Valkey."""
    monkeypatch.setattr(hub_module, "IDLE_SECONDS", 0.0)
    hub = Hub(cast("Reader", SilentBoard()))
    first_page = page()
    await hub.open(first_page, None)
    assert ORG in hub._orgs
    hub.close_page(first_page)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ORG in hub._orgs:
            await asyncio.sleep(0)
    again = page()
    await hub.open(again, "4-0")
    assert ORG in hub._orgs, "a page that comes back begins anew"
    await hub.close()
