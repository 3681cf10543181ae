"""People see names, the queue's own columns and the order, and nothing that was not meant for them."""

from typing import Any

import msgspec
import pytest
import redis.asyncio

from board import keys
from board.reader import REBUILT, QueueInfo, Reader
from board.writer import BoardChange, BoardWriter, read_change
from models.errors import RetryableError

ORG = "acme"
GENERATION = "g"


def definition(queue_id: str, version: int = 1, **changes: Any) -> BoardChange:
    value = {
        "queue_id": queue_id,
        "change": "defined",
        "name": queue_id.title(),
        "description": "Claim these leads!",
        "claimable": True,
        "columns": ["state", "loan_amount"],
        "sort": {"field": "loan_amount", "direction": "desc"},
        "teams": ["*"],
        "outcomes": [],
        "version": version,
        "org": ORG,
    }
    return read_change(msgspec.json.encode(value | changes))


def entry_change(queue_id: str, lead_id: str, name: str, version: int = 1) -> BoardChange:
    columns = {"name": name, "state": "RI", "loan_amount": 310000}
    return BoardChange(
        change="entered",
        org=ORG,
        queue_id=queue_id,
        lead_id=lead_id,
        version=version,
        sort_key=f"310000 {lead_id}",
        columns=msgspec.Raw(msgspec.json.encode(columns)),
    )


@pytest.fixture
async def writer(client: redis.asyncio.Redis) -> BoardWriter:
    await client.set(keys.CURRENT, GENERATION)
    return BoardWriter(client)


@pytest.fixture
def reader(client: redis.asyncio.Redis) -> Reader:
    return Reader(client)


async def test_q7_a_page_is_a_stretch_of_the_one_order_with_the_size_of_the_whole(
    writer: BoardWriter, reader: Reader
) -> None:
    changes = [entry_change("aged", f"lead-{n:03}", f"Lead {n}") for n in range(25)]
    await writer.apply(GENERATION, [definition("aged"), *changes], {})
    page = await reader.page(ORG, "aged", start=10, limit=5)
    assert page.size == 25
    assert [(row.rank, row.lead_id) for row in page.rows] == [(n, f"lead-{n:03}") for n in range(10, 15)]
    assert page.queue is not None
    assert (page.queue.claimable, page.queue.name, page.queue.size) == (True, "Aged", 25)
    assert (await reader.page(ORG, "aged", start=30)).rows == ()


async def test_q7_a_page_may_be_longer_than_the_arguments_of_one_call_in_lua(
    writer: BoardWriter, reader: Reader
) -> None:
    ids = [f"lead-{n:05}" for n in range(9_001)]
    await writer.apply(GENERATION, [definition("aged")], {})
    for start in range(0, len(ids), 500):
        await writer.apply(
            GENERATION, [entry_change("aged", lead_id, "Jeremy") for lead_id in ids[start : start + 500]], {}
        )
    page = await reader.page(ORG, "aged", limit=len(ids))
    assert [(row.rank, row.lead_id) for row in page.rows] == list(enumerate(ids))


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (["state", "loan_amount"], {"name": "Jeremy", "state": "RI", "loan_amount": 310000}),
        (["state"], {"name": "Jeremy", "state": "RI"}),
        ([], {"name": "Jeremy"}),
    ],
)
async def test_q3_list_and_feed_show_the_columns_of_the_current_definition_only(
    writer: BoardWriter, reader: Reader, columns: list[str], shown: dict[str, Any]
) -> None:
    await writer.apply(
        GENERATION,
        [
            definition("aged"),
            entry_change("aged", "lead-a", "Jeremy"),
            definition("aged", 2, columns=columns),
        ],
        {},
    )
    (row,) = (await reader.page(ORG, "aged")).rows
    assert row.columns == shown
    feed_entries = [entry for entry in await reader.feed(ORG, "0-0") if entry.change == "entered"]
    assert [entry.columns for entry in feed_entries] == [shown]
    (match,) = (await reader.search(ORG, "aged", "jer")).rows
    assert match.columns == shown


async def test_q3_nothing_that_is_read_tells_the_sort_key(writer: BoardWriter, reader: Reader) -> None:
    blind = definition("blind", columns=[])
    await writer.apply(GENERATION, [blind, entry_change("blind", "lead-a", "Jeremy")], {})
    page, feed = await reader.page(ORG, "blind"), await reader.feed(ORG, "0-0")
    assert b"310000" not in msgspec.json.encode([page, feed])


@pytest.mark.parametrize("removed", [False, True])
async def test_q3_without_a_definition_a_shared_queue_shows_names(
    writer: BoardWriter, reader: Reader, removed: bool
) -> None:
    if removed:
        await writer.apply(GENERATION, [definition("aged"), definition("aged", 2, change="removed")], {})
    await writer.apply(GENERATION, [entry_change("aged", "lead-a", "Jeremy")], {})
    page = await reader.page(ORG, "aged")
    assert page.queue is None
    assert [row.columns for row in page.rows] == [{"name": "Jeremy"}]
    assert await reader.queues(ORG) == []


async def test_d3_a_reps_own_queue_shows_its_columns(writer: BoardWriter, reader: Reader) -> None:
    await writer.apply(GENERATION, [entry_change("rep/rep-7", "lead-a", "Jeremy")], {})
    (row,) = (await reader.own(ORG, "rep-7")).rows
    assert row.columns == {"name": "Jeremy", "state": "RI", "loan_amount": 310000}
    assert (await reader.own(ORG, "rep-8")).size == 0


async def test_q4_q7_the_catalogue_names_access_and_claimable_and_sizes(
    writer: BoardWriter, reader: Reader
) -> None:
    work = definition("west", name="A work queue", claimable=False, teams=["west"])
    await writer.apply(GENERATION, [definition("aged"), work, entry_change("aged", "lead-a", "Jeremy")], {})
    assert [(q.name, q.claimable, q.teams, q.size) for q in await reader.queues(ORG)] == [
        ("A work queue", False, ("west",), 0),
        ("Aged", True, ("*",), 1),
    ]
    assert await reader.queues("other") == []


async def test_q6_an_older_definition_changes_nothing(writer: BoardWriter, reader: Reader) -> None:
    await writer.apply(GENERATION, [definition("aged", 5, name="New"), definition("aged", 4, name="Old")], {})
    assert [info.name for info in await reader.queues(ORG)] == ["New"]
    await writer.apply(GENERATION, [definition("aged", 6, change="removed")], {})
    assert await reader.queues(ORG) == list[QueueInfo]()


async def test_q12_search_finds_names_in_any_case_with_their_ranks(
    writer: BoardWriter, reader: Reader
) -> None:
    names = ["Ana Jones", "Bo Smith", "Cy JONES", "Di Stone"]
    changes = [entry_change("aged", f"lead-{n}", name) for n, name in enumerate(names)]
    await writer.apply(GENERATION, [definition("aged"), *changes], {})
    matches = await reader.search(ORG, "aged", " jones ")
    assert [(row.rank, row.columns["name"]) for row in matches.rows] == [(0, "Ana Jones"), (2, "Cy JONES")]
    assert len((await reader.search(ORG, "aged", "", limit=3)).rows) == 3
    assert (await reader.search(ORG, "aged", "nobody")).rows == ()


async def test_q9_the_feed_goes_on_from_any_entry_and_waits_for_the_next(
    writer: BoardWriter, reader: Reader
) -> None:
    await writer.apply(
        GENERATION, [entry_change("aged", "lead-a", "A"), entry_change("aged", "lead-b", "B")], {}
    )
    first, second = await reader.feed(ORG, "0-0")
    assert await reader.newest(ORG) == second.id
    assert [entry.lead_id for entry in await reader.feed(ORG, first.id)] == ["lead-b"]
    assert await reader.feed(ORG, second.id, wait_seconds=0.01) == []
    await writer.apply(
        GENERATION, [msgspec.structs.replace(entry_change("aged", "lead-a", "A", 2), change="left")], {}
    )
    (third,) = await reader.feed(ORG, second.id, wait_seconds=2)
    assert (third.change, third.queue_id, third.lead_id, third.version, third.columns) == (
        "left",
        "aged",
        "lead-a",
        2,
        {},
    )


async def test_q9_who_was_away_for_longer_than_the_feed_is_told_to_look_anew(
    writer: BoardWriter, reader: Reader, client: redis.asyncio.Redis
) -> None:
    await writer.apply(GENERATION, [entry_change("aged", f"lead-{n}", "A") for n in range(9)], {})
    first, *_, newest = await reader.feed(ORG, "0-0")
    await client.xtrim(keys.feed_key(ORG), maxlen=3, approximate=False)
    (feed_entries,) = await reader.feed(ORG, first.id)
    assert (feed_entries.change, feed_entries.id) == (REBUILT, newest.id)
    assert await reader.feed(ORG, newest.id) == []


async def test_without_a_board_readers_are_told_to_come_later(reader: Reader) -> None:
    for reading in (reader.queues(ORG), reader.page(ORG, "aged"), reader.everything(ORG, "aged")):
        with pytest.raises(RetryableError, match="being built"):
            await reading
