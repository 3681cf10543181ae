"""A search finds the first leads by name in a queue of any size, and their places at one instant (Q12)."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assurance.load.list_window import ListWindow
from board import keys, search
from board.connection import connect
from board.reader import START, Reader
from board.writer import BoardChange, BoardWriter, read_change

ORG = "acme"
GENERATION = "g"
MANY = 3000
"""More than a hash keeps in one piece, so that its names are looked at in slices."""


def rows_now(lead_id: str, name: str, sort_key: str, version: int = 1, kind: str = "entered") -> BoardChange:
    columns = msgspec.Raw(msgspec.json.encode({"name": name, "state": "RI"}) if kind != "left" else b"{}")
    return BoardChange(
        change=kind,
        org=ORG,
        queue_id="aged",
        lead_id=lead_id,
        version=version,
        sort_key=sort_key,
        columns=columns,
    )


async def write_changes(writer: BoardWriter, changes: Iterable[BoardChange]) -> None:
    batch = list(changes)
    for start in range(0, len(batch), 500):
        await writer.apply(GENERATION, batch[start : start + 500], {})


@pytest.fixture
async def writer(client: redis.asyncio.Redis) -> BoardWriter:
    await client.set(keys.CURRENT, GENERATION)
    return BoardWriter(client)


@pytest.fixture
def reader(client: redis.asyncio.Redis) -> Reader:
    return Reader(client)


def ranks_and_names(page: Any) -> list[tuple[int, str]]:
    return [(row.rank, row.columns["name"]) for row in page.rows]


names = st.text("aAbß*?[]^\\- \0İé", max_size=5)


@given(
    listed=st.lists(st.tuples(names, st.integers(0, 20), st.integers(0, 3)), min_size=1, max_size=25),
    searched=st.text("aAbß*?[]^\\-İé\0", max_size=3),
    limit=st.integers(1, 8),
)
# The scenario empties the database of the fixture itself.
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_q12_a_search_finds_what_looking_at_every_name_finds(
    board_url: str, listed: list[tuple[str, int, int]], searched: str, limit: int
) -> None:
    """Leads are renamed, move and leave. Special characters of a pattern are not special in a name."""

    async def scenario() -> None:
        client = connect(board_url)
        try:
            await client.flushdb()
            await client.set(keys.CURRENT, GENERATION)
            reader = Reader(client)
            changes = [
                rows_now(f"lead-{n % 12}", name, f"{key:02}", version, "entered" if how else "left")
                for version, (n, (name, key, how)) in enumerate(enumerate(listed), 1)
            ]
            await write_changes(BoardWriter(client), changes)
            page = await reader.page(ORG, "aged", limit=100)
            needle = keys.searchable(searched)
            looked = [entry for entry in ranks_and_names(page) if needle in keys.searchable(entry[1])]
            assert ranks_and_names(await reader.search(ORG, "aged", searched, limit=limit)) == looked[:limit]
            entries = await reader.everything(ORG, "aged")
            assert [lead for lead, _, _ in entries] == [row.lead_id for row in page.rows]
        finally:
            await client.flushdb()
            await client.aclose()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "FIRST", 1)
        asyncio.run(scenario())


@pytest.mark.parametrize(
    ("searched", "limit", "expected"),
    [
        ("QUIXOTE", 50, [(MANY - 3, "Don Quixote"), (MANY - 1, "Ana Quixote")]),
        ("nobody", 50, []),
        ("lead", 3, [(0, "Lead 0"), (1, "Lead 1"), (2, "Lead 2")]),
        ("lead 29", 4, [(29, "Lead 29"), (290, "Lead 290"), (291, "Lead 291"), (292, "Lead 292")]),
        ("lead 9", 112, [(n, f"Lead {n}") for n in range(MANY) if str(n).startswith("9")]),
    ],
)
async def test_q12_the_first_matches_of_a_long_queue_in_its_order(
    writer: BoardWriter, reader: Reader, searched: str, limit: int, expected: list[tuple[int, str]]
) -> None:
    special = {MANY - 3: "Don Quixote", MANY - 1: "Ana Quixote"}
    await write_changes(
        writer, (rows_now(f"{n:x}", special.get(n, f"Lead {n}"), f"{n:05}") for n in range(MANY))
    )
    page = await reader.search(ORG, "aged", searched, limit=limit)
    assert ranks_and_names(page) == expected
    assert page.size == MANY


@pytest.mark.parametrize("limit", [1, 7, 40])
async def test_q12_what_is_left_out_early_stands_behind_whatever_the_sort_keys_are(
    writer: BoardWriter, reader: Reader, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes order the list, not letters.

    Keys are prefixes of each other, equal, empty, or longer than a whole place.
    """
    monkeypatch.setattr(search, "FIRST", 1)
    monkeypatch.setattr(search, "FIRST_SLICE", 50)
    monkeypatch.setattr(search, "DENSE_SLICE", 50)
    chance = random.Random(limit)
    alphabet = ["a", "B", "é", "\x01", "~", " ", "Z", "aaaaaaaaaaaaaaaaaaaa"]
    sort_keys = ["".join(chance.choices(alphabet, k=chance.randrange(5))) for _ in range(MANY)]
    named = [("Ana", "Bo")[chance.random() < 0.5] for _ in sort_keys]
    await write_changes(
        writer, (rows_now(f"{n:x}", f"{named[n]} {n}", key) for n, key in enumerate(sort_keys))
    )
    whole = [
        row.rank for row in (await reader.page(ORG, "aged", limit=MANY)).rows if row.columns["name"][0] == "A"
    ]
    page = await reader.search(ORG, "aged", "ana", limit=limit)
    assert [row.rank for row in page.rows] == whole[:limit]


async def test_q12_what_stands_still_is_found_while_everything_else_moves(
    writer: BoardWriter, reader: Reader, board_url: str
) -> None:
    """Each row is at the given place, as of the feed entry that the answer names."""
    still = {f"s{n}" for n in range(60)}
    await write_changes(writer, (rows_now(f"m{n}", f"Moving {n}", f"{n:05}") for n in range(MANY)))
    await write_changes(writer, (rows_now(f"s{n}", f"Still {n}", f"{n * 49:05}a") for n in range(60)))
    at = await reader.newest(ORG)
    leads = [lead for lead, _, _ in await reader.everything(ORG, "aged")]
    whole = ListWindow(0, len(leads), at, leads)
    finished = asyncio.Event()

    async def stir() -> None:
        other_client, version = connect(board_url), 2
        while not finished.is_set():
            changes = [
                rows_now(
                    f"m{n}",
                    f"Still moving {n}",
                    f"{(n * 7 + version) % MANY:05}",
                    version,
                    ("left", "moved")[n % 2],
                )
                for n in range(version % 50, MANY, 50)
            ]
            await BoardWriter(other_client).apply(GENERATION, changes, {})
            version += 1
        await other_client.aclose()

    stirring = asyncio.create_task(stir())
    pages = [await reader.search(ORG, "aged", "still ", limit=2000) for _ in range(15)]
    finished.set()
    await stirring
    assert len({page.as_of for page in pages}) > 1, "nothing moved"
    entries = iter(await reader.feed(ORG, at, limit=100_000))
    for page in pages:
        while whole.as_of != page.as_of:
            whole.apply(next(entries))
        assert still <= {row.lead_id for row in page.rows}
        assert [whole.leads[row.rank] for row in page.rows] == [row.lead_id for row in page.rows]
        assert page.size == whole.size


async def test_q12_a_search_that_a_rebuild_overtakes_looks_at_the_new_lists(
    writer: BoardWriter, reader: Reader, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_changes(writer, (rows_now(f"{n:x}", f"Lead {n}", f"{n:05}") for n in range(MANY)))
    for kind in (keys.rows, keys.names, keys.order):
        await client.copy(kind(GENERATION, ORG, "aged"), kind("new", ORG, "aged"))
    slices: list[Any] = []
    look = reader._search._slice

    async def overtaken(**arguments: Any) -> Any:
        slices.append(arguments)
        answer = await look(**arguments)
        if len(slices) == 1:
            await client.set(keys.CURRENT, "new")
        return answer

    monkeypatch.setattr(reader._search, "_slice", overtaken)
    page = await reader.search(ORG, "aged", "999")
    assert ranks_and_names(page) == [(n, f"Lead {n}") for n in (999, 1999, 2999)]
    cursors = [arguments["args"][3] for arguments in slices]
    assert cursors.count(b"0") == 2, "it began anew"


async def test_q12_a_lead_that_comes_while_the_names_are_looked_at_is_found(
    writer: BoardWriter, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_changes(writer, (rows_now(f"{n:x}", f"Lead {n}", f"{n:05}") for n in range(MANY)))
    look = reader._search._slice

    async def late(**arguments: Any) -> Any:
        answer = await look(**arguments)
        if answer[1] == b"0":
            removal = rows_now("3e7", "", "", 2, "left")
            await write_changes(
                writer, [rows_now("late", "Late 999", "01500"), rows_now("other", "Ana", "0"), removal]
            )
        return answer

    monkeypatch.setattr(reader._search, "_slice", late)
    page = await reader.search(ORG, "aged", "999")
    assert ranks_and_names(page) == [(1501, "Late 999"), (2000, "Lead 1999"), (3000, "Lead 2999")]
    assert page.as_of == await reader.newest(ORG)


async def test_q3_in_a_blind_queue_the_name_alone_is_searched(writer: BoardWriter, reader: Reader) -> None:
    await write_changes(writer, (rows_now(f"{n:x}", f"Lead {n}", f"ri {n:05}") for n in range(MANY)))
    assert ranks_and_names(await reader.search(ORG, "aged", "ri")) == []


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("HDEL {names} ana\0lead-a", ("lead-a", 1, "not under its name")),
        ("HSET {names} ana\0lead-a 9", ("lead-a", 1, "not under its name")),
        ("HSET {names} bo\0lead-a 1", ("lead-a", 1, "under a name it has not")),
        ("HSET {names} bo\0lead-b 1", ("lead-b", -1, "under a name it has not")),
        ("ZREM {order} 1\0lead-a", ("lead-a", 1, "no place")),
    ],
)
async def test_a_check_sees_names_and_places_that_do_not_fit_the_rows(
    writer: BoardWriter, reader: Reader, client: Any, broken: str, expected: tuple[str, int, str]
) -> None:
    await write_changes(writer, [rows_now("lead-a", "Ana", "1")])
    assert await reader.everything(ORG, "aged") == [("lead-a", 1, "1")]
    named = {"{names}": keys.names(GENERATION, ORG, "aged"), "{order}": keys.order(GENERATION, ORG, "aged")}
    await client.execute_command(*(named.get(word, word) for word in broken.split(" ")))
    assert expected in await reader.everything(ORG, "aged")


def test_columns_that_are_no_object_are_refused_when_they_are_read() -> None:
    value = {"change": "entered", "org": ORG, "queue_id": "aged", "lead_id": "a", "version": 1, "columns": []}
    with pytest.raises(msgspec.MsgspecError):
        read_change(msgspec.json.encode(value))


@pytest.mark.usefixtures("writer")
async def test_q12_nothing_is_found_before_anything_came(reader: Reader) -> None:
    page = await reader.search(ORG, "aged", "ana")
    assert (page.rows, page.size, page.as_of) == ((), 0, START)
