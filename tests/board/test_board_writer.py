"""Changes reach the lists once, the newest version wins, and how far was read moves with them."""

import asyncio
from collections import defaultdict
from typing import Any

import msgspec
import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board import keys
from board.connection import connect
from board.reader import Reader
from board.writer import (
    BoardChange,
    BoardReplaced,
    BoardWriter,
    Generation,
    OffsetsMoved,
    read_change,
)
from models.errors import RetryableError

ORG = "acme"
GENERATION = "g"
QUEUES = ("aged", "west", "rep/rep-7")
LEADS = ("lead-a", "lead-b", "lead-c")


def change(
    queue: str, lead: str, version: int, sort_key: str = "k", kind: str = "entered", *, org: str = ORG
) -> BoardChange:
    columns = b'{"name":"%b","state":"RI"}' % lead.encode() if kind != "left" else b"{}"
    return BoardChange(
        change=kind,
        org=org,
        queue_id=queue,
        lead_id=lead,
        version=version,
        sort_key=sort_key if kind != "left" else "",
        columns=msgspec.Raw(columns),
    )


@pytest.fixture
async def writer(client: redis.asyncio.Redis) -> BoardWriter:
    await client.set(keys.CURRENT, GENERATION)
    return BoardWriter(client)


def newest_wins(changes: list[BoardChange]) -> dict[str, list[tuple[str, int, str]]]:
    """Return what the lists must be: of each (queue, lead) the newest version, by sort key, then lead id."""
    newest: dict[tuple[str, str], BoardChange] = {}
    for board_change in changes:
        previous = newest.get((board_change.queue_id, board_change.lead_id))
        if previous is None or previous.version < board_change.version:
            newest[board_change.queue_id, board_change.lead_id] = board_change
    lists: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
    for (queue, lead), board_change in newest.items():
        if board_change.change != "left":
            lists[queue].append((lead, board_change.version, board_change.sort_key))
    return {
        queue: sorted(entries, key=lambda entry: (entry[2].encode(), entry[0]))
        for queue, entries in lists.items()
    }


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[BoardChange], list[BoardChange]]:
    """Draw a history, one change for each (queue, lead, version), and a delivery: any order, repeats."""
    versions = st.integers(1, 6)
    newest_changes = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(QUEUES), st.sampled_from(LEADS), versions),
            st.tuples(st.sampled_from(["entered", "moved", "left"]), st.text("abä 0\n", max_size=3)),
            min_size=1,
            max_size=25,
        )
    )
    history = [
        change(queue, lead, version, key, kind)
        for (queue, lead, version), (kind, key) in newest_changes.items()
    ]
    repeats = draw(st.lists(st.sampled_from(history), max_size=20))
    return history, draw(st.permutations(history + repeats))


@given(data=deliveries(), size=st.integers(1, 10))
# The scenario empties the database of the fixture itself.
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_q7_q9_any_order_and_repetition_gives_the_list_of_the_newest_versions(
    board_url: str, data: tuple[list[BoardChange], list[BoardChange]], size: int
) -> None:
    history, delivery = data

    async def scenario() -> tuple[dict[str, list[tuple[str, int, str]]], dict[str, set[str]]]:
        client = connect(board_url)
        try:
            await client.flushdb()
            await client.set(keys.CURRENT, GENERATION)
            writer, reader = BoardWriter(client), Reader(client)
            for start in range(0, len(delivery), size):
                batch = delivery[start : start + size]
                await writer.apply(GENERATION, batch, {0: (start, start + len(batch))})
            lists = {
                queue: await reader.everything(ORG, queue) for _, queue in [x async for x in reader.lists()]
            }
            followed: dict[str, set[str]] = defaultdict(set)
            for entry in await reader.feed(ORG, "0-0"):
                if entry.change == "left":
                    followed[entry.queue_id].discard(entry.lead_id)
                else:
                    followed[entry.queue_id].add(entry.lead_id)
            return lists, {queue: leads for queue, leads in followed.items() if leads}
        finally:
            await client.flushdb()
            await client.aclose()

    lists, followed = asyncio.run(scenario())
    expected = newest_wins(history)
    assert lists == expected
    # Who followed the feed from its beginning has the same leads in the same lists.
    assert followed == {queue: {lead for lead, _, _ in entries} for queue, entries in expected.items()}


async def test_q7_a_list_is_in_the_order_of_its_sort_keys_then_of_lead_ids(
    writer: BoardWriter, client: redis.asyncio.Redis
) -> None:
    batch = [
        change("aged", "lead-c", 1, "b"),
        change("aged", "lead-b", 1, "ab"),
        change("aged", "lead-d", 1, "a"),
        change("aged", "lead-a", 1, "a"),
        change("aged", "lead-z", 1, ""),
    ]
    assert await writer.apply(GENERATION, batch, {0: (0, 5)}) == 5
    page = await Reader(client).page(ORG, "aged")
    assert [row.lead_id for row in page.rows] == ["lead-z", "lead-a", "lead-d", "lead-b", "lead-c"]


async def test_d4_a_lead_that_moves_has_one_place(writer: BoardWriter, client: redis.asyncio.Redis) -> None:
    batch = [
        change("rep/rep-7", "lead-a", 1, "2later"),
        change("rep/rep-7", "lead-b", 1, "1now"),
        change("rep/rep-7", "lead-a", 2, "0due", "moved"),
    ]
    await writer.apply(GENERATION, batch, {})
    assert await Reader(client).everything(ORG, "rep/rep-7") == [("lead-a", 2, "0due"), ("lead-b", 1, "1now")]


async def test_q9_what_left_stays_away_from_older_changes_and_its_tombstone_expires(
    writer: BoardWriter, client: redis.asyncio.Redis
) -> None:
    await writer.apply(
        GENERATION, [change("aged", "lead-a", 3), change("aged", "lead-a", 4, kind="left")], {}
    )
    assert await writer.apply(GENERATION, [change("aged", "lead-a", 3)], {}) == 0
    assert (await Reader(client).page(ORG, "aged")).size == 0
    (tombstone,) = [key async for key in client.scan_iter(match=f"{keys.prefix(GENERATION)}gone:*")]
    assert 0 < await client.ttl(tombstone) <= keys.TOMBSTONE_SECONDS
    assert await writer.apply(GENERATION, [change("aged", "lead-a", 5)], {}) == 1
    assert await client.exists(tombstone) == 0


async def test_the_offsets_move_with_the_changes_or_neither_does(
    writer: BoardWriter, client: redis.asyncio.Redis
) -> None:
    await writer.apply(GENERATION, [change("aged", "lead-a", 1)], {0: (0, 10), 1: (0, 3)})
    assert await writer.generation() == Generation(id=GENERATION, offsets={0: 10, 1: 3}, floor={})
    with pytest.raises(OffsetsMoved):
        await writer.apply(GENERATION, [change("aged", "lead-b", 1)], {0: (10, 11), 1: (0, 3)})
    with pytest.raises(BoardReplaced):
        await writer.apply("other", [change("aged", "lead-b", 1)], {0: (10, 11)})
    assert (await writer.generation()) == Generation(id=GENERATION, offsets={0: 10, 1: 3}, floor={})
    assert (await Reader(client).page(ORG, "aged")).size == 1


async def test_a_wiped_valkey_has_no_generation_and_takes_no_changes(
    writer: BoardWriter, client: redis.asyncio.Redis
) -> None:
    await client.flushdb()
    assert await writer.generation() is None
    with pytest.raises(BoardReplaced):
        await writer.apply(GENERATION, [change("aged", "lead-a", 1)], {})
    assert await client.dbsize() == 0


async def test_orgs_do_not_see_each_other(writer: BoardWriter, client: redis.asyncio.Redis) -> None:
    await writer.apply(
        GENERATION, [change("aged", "lead-a", 1), change("aged", "lead-b", 1, org="other")], {}
    )
    reader = Reader(client)
    assert [row.lead_id for row in (await reader.page("other", "aged")).rows] == ["lead-b"]
    assert [entry.lead_id for entry in await reader.feed("other", "0-0")] == ["lead-b"]


async def test_a_valkey_that_is_away_is_waited_for_not_a_crash(unused_port_url: str) -> None:
    client = connect(unused_port_url)
    with pytest.raises(RetryableError, match="Valkey"):
        await BoardWriter(client).generation()
    await client.aclose()


@pytest.mark.parametrize(
    "value", [b"", b"[]", b'{"change":"left"}', b'{"change":"left","org":1,"queue_id":"q","version":1}']
)
def test_what_is_no_change_is_refused_with_the_reason(value: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read_change(value)


@pytest.fixture
def unused_port_url(unused_tcp_port_factory: Any) -> str:
    return f"redis://127.0.0.1:{unused_tcp_port_factory()}/0"
