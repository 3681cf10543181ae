"""Measures (`bench board`) opening a page of a queue of 100,000 leads and searching the queue, on a separate Valkey.

The queue is sorted by last name, and the board's own script fills it. The searches: `one`, a name that only the last
lead has; `none`, a name that no lead has; `many`, a name that one in a hundred has, none of them near the top; `late`,
a letter that every lead of the second half has and no lead of the first half. `late` is the worst case: no match is
near the top, and every second name matches.
Times are medians in milliseconds, measured in the console's process. `held` is the longest time that one script of
these four searches blocked Valkey for other clients, again a median.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from bench.testbed import Say, ignore_progress
from board import keys
from board.connection import connect
from board.reader import Reader
from board.service import BATCH
from board.writer import BoardChange, BoardWriter
from models.errors import StartFailed
from runtime import ValkeyServer
from runtime.own_folder import own_folder

ORG: Final = "default"
QUEUE: Final = "aged"
GENERATION: Final = "bench"
PAGE: Final = 50
FIRSTS: Final = ("Ana", "Bo", "Cy", "Dina", "Ed", "Fatima", "Gus", "Hal", "Ivy", "Jeremy")
EARLY: Final = ("Brooks", "Garcia", "Jones", "Lee", "Martin")
LATE: Final = ("Moswell", "Newman", "Rowe", "Snow", "Wolf")
SEARCHES: Final = {"one": "quixote", "none": "nobody", "many": "jeremy r", "late": "w"}


def run(*, leads: int = 100_000, repeats: int = 15, progress: Say = ignore_progress) -> dict[str, Any]:
    """Return {page_ms, page_last_ms, search_one_ms, search_none_ms, search_many_ms, search_late_ms, held_ms} and more.

    Raises FirstclaimError if Valkey fails or a search does not return the expected leads.
    """
    with own_folder("bench") as folder:
        progress("starting a Valkey")
        with ValkeyServer(Path(folder) / "valkey") as valkey:
            return uvloop.run(_measure(valkey.url, leads, repeats, progress))


async def _measure(url: str, leads: int, repeats: int, say: Say) -> dict[str, Any]:
    client, reader = connect(url), Reader.at(url)
    try:
        say(f"filling a queue with {leads:,} leads")
        await client.set(keys.CURRENT, GENERATION)
        began = time.perf_counter()
        await _fill(BoardWriter(client), leads)
        figures: dict[str, Any] = {"leads": leads, "repeats": repeats}
        figures["applied_per_s"] = round(leads / (time.perf_counter() - began))
        names = await client.memory_usage(keys.names(GENERATION, ORG, QUEUE), samples=1000)
        figures["name_bytes_per_lead"] = round((names or 0) / leads)
        for name, start in (("page", 0), ("page_last", leads - PAGE)):
            figures[f"{name}_ms"] = await _median(repeats, partial(_page, reader, start))
        for name, text in SEARCHES.items():
            figures[f"search_{name}_ms"] = await _median(
                repeats, partial(_search, reader, text, expected_ranks(name, leads))
            )
            say(f"search {name}: {figures[f'search_{name}_ms']} ms")
        figures["held_ms"] = round(
            statistics.median([await _longest_command_ms(client, reader) for _ in range(repeats)]), 1
        )
    finally:
        await reader.close()
        await client.aclose()
    return figures


def name_of(n: int, leads: int) -> str:
    """Return the name of the n-th of `leads` leads."""
    if n == leads - 1:
        return "Don Quixote"
    half, index = divmod(2 * n, leads)
    lasts = (EARLY, LATE)[half]
    return f"{FIRSTS[n % len(FIRSTS)]} {lasts[index * len(lasts) // leads]}"


def expected_ranks(name: str, leads: int) -> list[int]:
    """Return the ranks that a search must return."""
    text, ranks = SEARCHES[name], list[int]()
    for n in range(leads):
        if text in name_of(n, leads).casefold():
            ranks.append(n)
            if len(ranks) == PAGE:
                break
    return ranks


async def _fill(writer: BoardWriter, leads: int) -> None:
    for start in range(0, leads, BATCH):
        batch = []
        for n in range(start, min(leads, start + BATCH)):
            name = name_of(n, leads)
            columns = {"name": name, "state": "RI", "loan_amount": 310_000, "loan_purpose": "refinance"}
            change = BoardChange(
                change="entered",
                org=ORG,
                queue_id=QUEUE,
                lead_id=f"{n * 2_654_435_761 % (1 << 32):08x}-7f0c-5b6e-9a53-2f0c4f3d6a1b",
                version=1,
                sort_key=f"{name.rpartition(' ')[2]} {n:06}" if n < leads - 1 else "~",
                columns=msgspec.Raw(msgspec.json.encode(columns)),
            )
            batch.append(change)
        await writer.apply(GENERATION, batch, {})


async def _median(repeats: int, once: Callable[[], Awaitable[None]]) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        await once()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 1)


async def _longest_command_ms(client: Any, reader: Reader) -> float:
    """Return the longest time (ms) that a command took within Valkey during one search of each kind."""
    await client.config_set("slowlog-max-len", 1000)
    await client.config_set("slowlog-log-slower-than", 0)
    await client.slowlog_reset()
    for text in SEARCHES.values():
        await reader.search(ORG, QUEUE, text, limit=PAGE)
    await client.config_set("slowlog-log-slower-than", -1)
    log = await client.slowlog_get(1000)
    return float(max(entry["duration"] for entry in log)) / 1000


async def _page(reader: Reader, start: int) -> None:
    page = await reader.page(ORG, QUEUE, start=start, limit=PAGE)
    if len(page.rows) != PAGE:
        raise StartFailed("board", f"has {len(page.rows)} leads from rank {start} on")


async def _search(reader: Reader, text: str, ranks: list[int]) -> None:
    page = await reader.search(ORG, QUEUE, text, limit=PAGE)
    if [row.rank for row in page.rows] != ranks:
        raise StartFailed("board", f"finds {text} at {[row.rank for row in page.rows]}, not at {ranks}")
