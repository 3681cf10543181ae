"""Measures (`bench listeners`) what many open live streams miss of claims, and how late changes reach them (Q9).

Each listener is a connection with its own token. It loads the first page of one claimable queue and applies the changes
from `/api/v1/live`, by ranks alone. After a `rebuilt` message it loads the page again. Meanwhile reps claim through
`lead-actions`, evenly spaced, and the same number of new leads arrives. At the end each list must equal the server's
list at the same ranks; `wrong` is the number of lists that do not. `delay`: the time from just before a claim is sent
until a listener gets its `left`, over all claims and listeners, in milliseconds by the machine's clock.
`console_cpu_share`: of one core, during the claims. Listeners and claimers share one process, measured by
`client_cpu_share`; if that comes near 1, this process itself causes the delays.
"""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import uvloop

from assurance.load.list_window import ListWindow
from bench.console_testbed import MANAGER, QUEUE_ID, ConsoleTestbed, make_console_testbed, percentiles, stack
from bench.testbed import Say, ignore_progress
from board.reader import REBUILT, FeedEntry
from models.errors import StartFailed
from runtime.up import RunningStack

WINDOW: Final = 100
"""Rows that a listener keeps, as a browser's page does."""
MAX_LISTENERS: Final = 500
OPENING: Final = 50
"""Listeners that connect at the same time."""
PATIENCE_SECONDS: Final = 30.0
"""A list that is not right within this time is wrong."""
_LOOK_SECONDS: Final = 0.2
_ENTRY: Final = msgspec.json.Decoder(FeedEntry)


class _ReceivedEvents(msgspec.Struct):
    """The events of all listeners: delays in milliseconds, and the number of `rebuilt` messages."""

    sent: dict[str, float] = {}
    delays: list[float] = []
    rebuilt: int = 0


def run(
    *,
    listeners: int = 500,
    claims: int = 50,
    seconds: float = 20,
    leads: int = 3_000,
    progress: Say = ignore_progress,
) -> dict[str, Any]:
    """Return {wrong, rebuilt, delay_p50_ms, delay_p95_ms, console_cpu_share, client_cpu_share} and the sizes.

    `claims`: per second; `leads`: the number of leads in the queue at the start. Raises FirstclaimError if a process
    fails, a claim is not won or a connection ends.
    """
    claim_count = round(claims * seconds)
    if leads < claim_count:
        raise StartFailed("bench listeners", f"{leads} leads are too few for {claim_count} claims")
    with stack(progress) as running:
        figures = uvloop.run(_measure(running, listeners, claims, claim_count, leads, progress))
    return {**figures, "listeners": listeners, "claims": claim_count, "leads": leads}


async def _measure(
    running: RunningStack, count: int, per_s: float, claim_count: int, leads: int, say: Say
) -> dict[str, Any]:
    async with make_console_testbed(running) as org:
        reps = [f"rep-{n}" for n in range(count)]
        say(f"publishing {count} reps, taking in {leads:,} leads")
        await org.publish(reps)
        ids = await org.send(leads)
        await org.until_listed(leads)
        say(f"opening {count} streams")
        events = _ReceivedEvents()
        crowd = [_Listener(org, rep_id, events) for rep_id in reps]
        try:
            for start in range(0, count, OPENING):
                await asyncio.gather(*(listener.open() for listener in crowd[start : start + OPENING]))
            say(f"claiming {claim_count:,} leads, {per_s:g} a second, while as many arrive")
            random.Random(5).shuffle(ids)  # seeded, so that every run claims in the same order
            figures = await _claims(org, ids[:claim_count], reps, per_s, events)
            await org.until_listed(leads)
            wrong_lists = await _count_wrong_lists(org, crowd)
        finally:
            await asyncio.gather(*(listener.close() for listener in crowd))
    return {"wrong": wrong_lists, "rebuilt": events.rebuilt, **percentiles("delay", events.delays), **figures}


async def _claims(
    org: ConsoleTestbed, ids: list[str], reps: list[str], per_s: float, events: _ReceivedEvents
) -> dict[str, float]:
    """Claim the leads one after the other without waiting for answers, and send a new lead for each."""
    console = org.stack.children["console"].pid
    before, own = _cpu_seconds(console), time.process_time()
    began = due = time.monotonic()
    asking = []
    async with asyncio.TaskGroup() as group:
        for n, lead_id in enumerate(ids):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += 1 / per_s
            events.sent[lead_id] = time.monotonic()
            claim = org.client.ask("claim", lead_id, reps[n % len(reps)], queue_id=QUEUE_ID)
            asking.append(group.create_task(claim))
            group.create_task(org.send(1))
    took = time.monotonic() - began
    if failed := [task.result() for task in asking if task.result().result != "won"]:
        raise StartFailed("worker", f"did not let {len(failed)} of {len(ids)} claims win: {failed[0].answer}")
    return {
        "claims_per_s": round(len(ids) / took, 1),
        "console_cpu_share": round((_cpu_seconds(console) - before) / took, 2),
        "client_cpu_share": round((time.process_time() - own) / took, 2),
    }


async def _count_wrong_lists(org: ConsoleTestbed, crowd: list["_Listener"]) -> int:
    """Return how many listeners do not have the server's list after the wait."""
    manager, give_up = org.token(MANAGER), time.monotonic() + PATIENCE_SECONDS
    while True:
        for listener in crowd:
            listener.check()
        leads, size = await _read_whole_queue(org, manager)
        wrong_lists = sum(not listener.list.equals(leads, size) for listener in crowd)
        if wrong_lists == 0 or time.monotonic() > give_up:
            return wrong_lists
        await asyncio.sleep(_LOOK_SECONDS)


async def _read_whole_queue(org: ConsoleTestbed, headers: Mapping[str, str]) -> tuple[list[str], int]:
    """Return the queue's leads in order, page by page. The queue no longer changes."""
    leads, size, cursor = list[str](), 0, ""
    while True:
        page = await _page(org, headers, MAX_LISTENERS, cursor)
        leads += [row["lead_id"] for row in page["rows"]]
        size, cursor = page["size"], page["next"]
        if cursor is None:
            return leads, size


async def _page(
    org: ConsoleTestbed, headers: Mapping[str, str], limit: int, cursor: str = ""
) -> dict[str, Any]:
    path = f"/api/v1/queues/{QUEUE_ID}/leads?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    async with org.http.get(path, headers=headers) as answer:
        answer.raise_for_status()
        page: dict[str, Any] = await answer.json()
        return page


class _Listener:
    """One open stream, and the list that it updates."""

    def __init__(self, org: ConsoleTestbed, rep_id: str, events: _ReceivedEvents) -> None:
        self._org, self._events = org, events
        self._headers = org.token(rep_id)
        self._answer: aiohttp.ClientResponse | None = None
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load the page and listen from its position on."""
        await self._rebuild()
        path = f"/api/v1/live?queue={QUEUE_ID}&after={self.list.as_of}"
        self._answer = await self._org.http.get(path, headers=self._headers)
        self._answer.raise_for_status()
        self._following = asyncio.create_task(self._follow(self._answer.content))

    async def close(self) -> None:
        """Close the connection."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._answer is not None:
            self._answer.close()

    def check(self) -> None:
        """Raise StartFailed if the stream has ended."""
        if self._following is not None and self._following.done():
            raise StartFailed("console", f"ended a live stream: {self._following.exception()!r}")

    async def _rebuild(self) -> None:
        page = await _page(self._org, self._headers, WINDOW)
        leads = [row["lead_id"] for row in page["rows"]]
        self.list = ListWindow(0, page["size"], page["as_of"], leads)

    async def _follow(self, content: aiohttp.StreamReader) -> None:
        rest = b""
        async for piece in content.iter_any():
            *events, rest = (rest + piece).split(b"\n\n")
            at = time.monotonic()
            for event in events:
                if b"event: list\n" in event:
                    await self._take(_ENTRY.decode(event[event.index(b"data: ") + 6 :]), at)

    async def _take(self, entry: FeedEntry, at: float) -> None:
        if entry.change == REBUILT:
            self._events.rebuilt += 1
            await self._rebuild()
        elif entry.queue_id == QUEUE_ID:
            self.list.apply(entry)
            if entry.change == "left" and (sent := self._events.sent.get(entry.lead_id)) is not None:
                self._events.delays.append((at - sent) * 1000)


def _cpu_seconds(pid: int | None) -> float:
    """Return the processor time that a process has used; 0 if the system does not report it."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
