"""A client that reads a page and applies the later feed entries has the board's list, by ranks alone (Q7, Q9)."""

import asyncio
from collections.abc import Iterable

import msgspec
import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assurance.load.list_window import ListWindow
from board import keys
from board.connection import connect
from board.reader import REBUILT, START, FeedEntry, Reader, position
from board.writer import BoardChange, BoardWriter, script
from tests.board.engine import until

ORG = "acme"
GENERATION = "g"
QUEUES = ("aged", "blind", "rep/rep-7")
LEADS = [f"lead-{letter}" for letter in "abcdefgh"]

Move = tuple[str, str, str | None]
"""Queue, lead, and its new sort key there; None: it leaves."""

moves = st.tuples(
    st.sampled_from(QUEUES), st.sampled_from(LEADS), st.none() | st.text("ab\x01 é", max_size=2)
)
windows = st.tuples(st.sampled_from(QUEUES), st.integers(0, 6), st.integers(1, 9), st.booleans())
"""Queue, first rank, rows, and whether the page is taken before the feed's reader has heard of what it contains."""


def change(kind: str, queue: str, lead: str, version: int, sort_key: str = "") -> BoardChange:
    columns = msgspec.Raw(b'{"name":"%b"}' % lead.encode() if kind != "left" else b"{}")
    return BoardChange(
        change=kind,
        org=ORG,
        queue_id=queue,
        lead_id=lead,
        version=version,
        sort_key=sort_key,
        columns=columns,
    )


def changes(history: Iterable[Move]) -> list[BoardChange]:
    """Return the changes of a history, each newer than those before, entering a queue or moving within it."""
    rows_now: set[tuple[str, str]] = set()
    board_changes = []
    for version, (queue, lead, sort_key) in enumerate(history, 1):
        if sort_key is None:
            board_changes.append(change("left", queue, lead, version))
            rows_now.discard((queue, lead))
        else:
            kind = "moved" if (queue, lead) in rows_now else "entered"
            board_changes.append(change(kind, queue, lead, version, sort_key))
            rows_now.add((queue, lead))
    return board_changes


@pytest.fixture
async def writer(client: redis.asyncio.Redis) -> BoardWriter:
    await client.set(keys.CURRENT, GENERATION)
    return BoardWriter(client)


@pytest.fixture
def reader(client: redis.asyncio.Redis) -> Reader:
    return Reader(client)


@given(
    history=st.lists(moves, min_size=1, max_size=60),
    late=st.lists(st.integers(0, 59), max_size=10),
    opened=st.lists(windows, min_size=1, max_size=4),
    size=st.integers(1, 12),
)
# The scenario empties the database of the fixture itself.
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_q7_q9_a_window_kept_by_ranks_alone_is_the_boards_page_at_every_step(
    board_url: str,
    history: list[Move],
    late: list[int],
    opened: list[tuple[str, int, int, bool]],
    size: int,
) -> None:
    """Windows open one after the other, each at a page, while batches come. Some changes come again and late."""

    async def scenario() -> None:
        client = connect(board_url)
        try:
            await client.flushdb()
            await client.set(keys.CURRENT, GENERATION)
            writer, reader = BoardWriter(client), Reader(client)
            feed_entries = changes(history)
            for n in late:
                feed_entries.insert((n * 7) % (len(feed_entries) + 1), feed_entries[n % len(feed_entries)])
            stretches: list[tuple[str, ListWindow]] = []
            waiting, after = list(opened), START
            for start in range(0, len(feed_entries), size):
                batch = feed_entries[start : start + size]
                for ahead in (False, True):
                    if waiting and waiting[-1][3] is ahead:
                        queue, rank, limit, _ = waiting.pop()
                        page = await reader.page(ORG, queue, start=rank, limit=limit)
                        stretches.append((queue, ListWindow.of(page, rank)))
                    if not ahead:
                        await writer.apply(GENERATION, batch, {0: (start, start + len(batch))})
                for entry in await reader.feed(ORG, after):
                    after = entry.id
                    for queue, stretch in stretches:
                        if entry.queue_id == queue:
                            stretch.apply(entry)
                for queue, stretch in stretches:
                    assert await difference_from_board(stretch, reader, ORG, queue) is None
        finally:
            await client.flushdb()
            await client.aclose()

    asyncio.run(scenario())


def changes_in_order(entries: list[FeedEntry]) -> list[tuple[str, str, int | None, int | None, int | None]]:
    return [(entry.change, entry.lead_id, entry.was, entry.rank, entry.size) for entry in entries]


async def test_q9_an_entry_says_where_from_where_to_and_of_how_many(
    writer: BoardWriter, reader: Reader
) -> None:
    batch = [
        change("entered", "aged", "lead-a", 1, "2"),
        change("entered", "aged", "lead-b", 1, "1"),
        change("entered", "blind", "lead-a", 1, "9"),
        change("moved", "aged", "lead-b", 2, "3"),
        change("moved", "aged", "lead-b", 3, "3"),
        change("left", "aged", "lead-a", 2),
        change("left", "aged", "lead-c", 2),
    ]
    await writer.apply(GENERATION, batch, {})
    assert changes_in_order(await reader.feed(ORG, START)) == [
        ("entered", "lead-a", None, 0, 1),
        ("entered", "lead-b", None, 0, 2),
        ("entered", "lead-a", None, 0, 1),
        ("moved", "lead-b", 0, 1, 2),
        ("moved", "lead-b", 1, 1, 2),
        ("left", "lead-a", 0, None, 1),
    ]


async def test_q9_a_page_says_what_it_contains_of_the_feed(
    writer: BoardWriter, reader: Reader, client: redis.asyncio.Redis
) -> None:
    assert (await reader.page(ORG, "aged")).as_of == await reader.newest(ORG) == START
    await writer.apply(GENERATION, [change("entered", "aged", "lead-a", 1, "k")], {})
    (entry,) = await reader.feed(ORG, START)
    # Another org's feed must not appear.
    await writer.apply(GENERATION, [msgspec.structs.replace(change("left", "aged", "x", 1), org="other")], {})
    assert (await reader.page(ORG, "aged")).as_of == entry.id
    await client.xtrim(keys.feed_key(ORG), maxlen=0, approximate=False)
    assert (await reader.page(ORG, "aged")).as_of == await reader.newest(ORG) == entry.id
    assert await reader.feed(ORG, entry.id) == []
    (feed_entries,) = await reader.feed(ORG, START)
    assert (feed_entries.change, feed_entries.id) == (REBUILT, entry.id)


async def test_q9_who_heard_what_valkey_lost_is_told_to_look_anew(
    writer: BoardWriter, reader: Reader, client: redis.asyncio.Redis
) -> None:
    """A killed Valkey has lost its last second, whether it was read or not. The board applies it again."""
    await writer.apply(GENERATION, [change("entered", "aged", "lead-a", 1, "k")], {})
    (durable,) = await reader.feed(ORG, START)
    dump = {key: await client.dump(key) async for key in client.scan_iter()}
    lost = change("entered", "aged", "lead-b", 1, "a")
    await writer.apply(GENERATION, [lost], {})
    (entry,) = await reader.feed(ORG, durable.id)
    await client.flushdb()
    for key, value in dump.items():
        assert value is not None
        await client.restore(key, 0, value)
    await until(lambda: _is_past(client, entry.id))  # no start takes less than the millisecond of an id
    (feed_entries,) = await reader.feed(ORG, entry.id)
    assert (feed_entries.change, feed_entries.id) == (REBUILT, durable.id)
    await writer.apply(GENERATION, [lost], {})
    (again,) = await reader.feed(ORG, durable.id)
    assert (again.lead_id, position(again.id) > position(entry.id)) == ("lead-b", True)
    (feed_entries,) = await reader.feed(ORG, entry.id)
    assert (feed_entries.change, feed_entries.id) == (REBUILT, again.id)
    await client.flushdb()
    (feed_entries,) = await reader.feed(ORG, again.id)
    assert (feed_entries.change, feed_entries.id) == (REBUILT, START)


async def _is_past(client: redis.asyncio.Redis, entry_id: str) -> bool:
    seconds, micros = await client.time()
    return seconds * 1000 + micros // 1000 > position(entry_id)[0]


async def test_q9_a_page_of_the_new_generation_contains_that_it_was_rebuilt(
    writer: BoardWriter, reader: Reader, client: redis.asyncio.Redis
) -> None:
    await writer.apply(GENERATION, [change("entered", "aged", "lead-a", 1, "k")], {})
    before = ListWindow.of(await reader.page(ORG, "aged"), 0)
    await client.set(keys.REBUILDING, "new")
    life = (await client.info("replication"))["master_replid"]
    adoption = ["new", keys.FEED_LENGTH, 1, life, 0, 0, ORG]
    assert await client.register_script(script("adopt.lua"))(args=adoption) == 1
    after = ListWindow.of(await reader.page(ORG, "aged"), 0)
    for entry in await reader.feed(ORG, START):
        before.apply(entry)
        after.apply(entry)
    assert (before.anew, after.anew) == (True, False)
    assert await difference_from_board(after, reader, ORG, "aged") is None


async def difference_from_board(stretch: ListWindow, reader: Reader, org: str, queue_id: str) -> str | None:
    """Return how a part of a list differs from the board's list at the same ranks; None if it does not."""
    page = await reader.page(org, queue_id, start=stretch.first, limit=max(1, len(stretch.leads)))
    listed = [row.lead_id for row in page.rows][: len(stretch.leads)]
    if (stretch.leads, stretch.size) == (listed, page.size):
        return None
    return f"{queue_id} from {stretch.first}: {stretch.leads} of {stretch.size}, the board has {listed} of {page.size}"
