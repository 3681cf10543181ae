"""Measures (`bench live`) how long a claimed lead's row stays in the lists of other reps (Q9).

Claims go to `lead-actions` one by one, evenly spaced, each by another rep, and are answered on `lead-decisions`.
Intake, the lead machine, the relay and the board run in separate processes. Meanwhile readers follow the org's feed,
each on its own connection, as consoles do. Three times are measured from just before a claim is sent: until a reader
gets its `left` entry, over all claims and readers (`row_gone`); until the slowest reader gets it, per claim
(`row_gone_everywhere`); and until the claimer gets the answer (`answer`). They are milliseconds by one clock.
"""

import asyncio
import time
from typing import Any, Final, Self

import uvloop

from assurance.load import LoadClient, RequestedAction
from bench import workload
from bench.testbed import Say, Testbed, ignore_progress, open_testbed, start_when_ready
from bench.topic_watch import watching
from board.reader import Reader
from models.errors import StartFailed
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL, LEAD_LOG

ORG: Final = "default"
PATIENCE_SECONDS: Final = 30.0
"""A row that is not gone within this time has failed."""
POLL_SECONDS: Final = 0.05
PERCENTS: Final = (50, 95)


def run(
    *,
    claims: int = 200,
    readers: int = 20,
    leads: int = 5_000,
    per_s: float = 20,
    warm: int = 20,
    progress: Say = ignore_progress,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return {row_gone_p50_ms, row_gone_p95_ms}, the same of `row_gone_everywhere` and `answer`, and the sizes.

    `leads`: the number of leads in the queue; `per_s`: claims per second; `warm`: claims before those that count.
    `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if a process fails, a claim is
    not won, or a reader misses a row.
    """
    with open_testbed(settings, valkey=True, say=progress) as testbed:
        figures = uvloop.run(_measure(testbed, claims, readers, leads, per_s, warm, progress))
    return {**figures, "claims": claims, "readers": readers, "leads": leads, "per_s": per_s}


async def _measure(
    testbed: Testbed, claims: int, readers: int, leads: int, per_s: float, warm: int, say: Say
) -> dict[str, float]:
    ids = workload.lead_ids(leads)
    say(f"taking in {leads:,} leads")
    arrivals = workload.records([workload.queue(), *map(workload.arrival, ids)])
    await workload.append(testbed.settings, LEAD_LOG, arrivals)
    start_when_ready(testbed.child("relay", "bench.launch", "relay", ready=True))
    worker = start_when_ready(testbed.child("worker", "bench.launch", "worker", ready=True))
    start_when_ready(testbed.child("board", "cli", "board", ready=True, option="--port"))
    async with watching(testbed.settings) as watch:
        await watch.until(LEAD_JOURNAL, len(arrivals) - 1 + testbed.settings.partitions, worker)
    async with (
        _OpenPages(testbed.settings.redis_url, readers) as eyes,
        LoadClient(testbed.settings, org=ORG) as client,
    ):
        await eyes.until_listed(leads)
        claimed = ids[:: max(1, leads // (claims + warm))][: claims + warm]
        requested = await _claim(client, claimed, per_s)
        gone_at = await eyes.until_gone(claimed)
    row_gone, everywhere, answers = list[float](), list[float](), list[float]()
    for request in requested[warm:]:
        times = [(at - request.invoked_at) * 1000 for at in gone_at[request.action["lead_id"]]]
        row_gone += times
        everywhere.append(max(times))
        answers.append(((request.returned_at or 0) - request.invoked_at) * 1000)
    times_of = {"row_gone": row_gone, "row_gone_everywhere": everywhere, "answer": answers}
    return {
        f"{name}_p{percent}_ms": round(sorted(times)[len(times) * percent // 100], 1)
        for name, times in times_of.items()
        for percent in PERCENTS
    }


async def _claim(client: LoadClient, ids: list[str], per_s: float) -> list[RequestedAction]:
    """Claim the leads one after the other without waiting for answers, then return the answered claims."""
    asking, due = [], time.monotonic()
    async with asyncio.TaskGroup() as group:
        for n, lead_id in enumerate(ids):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += 1 / per_s
            claim = client.ask("claim", lead_id, f"rep-{n}", queue_id=workload.QUEUE_ID)
            asking.append(group.create_task(claim))
    requested = [task.result() for task in asking]
    if failed := [request for request in requested if request.result != "won"]:
        raise StartFailed("worker", f"did not let {len(failed)} of {len(ids)} claims win: {failed[0].answer}")
    return requested


class _OpenPages:
    """Readers of the org's feed, and the times at which each saw a lead leave the queue (monotonic seconds)."""

    def __init__(self, url: str, count: int) -> None:
        self._readers = [Reader.at(url) for _ in range(count)]
        self._left_at: dict[str, list[float]] = {}
        self._following: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for reader in self._readers:
            after = await reader.newest(ORG)
            self._following.append(asyncio.create_task(self._follow(reader, after)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        for reader in self._readers:
            await reader.close()

    async def until_listed(self, leads: int) -> None:
        """Wait until the queue shows `leads` leads."""
        give_up, size = time.monotonic() + PATIENCE_SECONDS, -1
        while size != leads:
            if time.monotonic() > give_up:
                raise StartFailed("board", f"lists {size} of {leads} leads")
            await asyncio.sleep(POLL_SECONDS)
            size = (await self._readers[0].page(ORG, workload.QUEUE_ID, limit=1)).size

    async def until_gone(self, ids: list[str]) -> dict[str, list[float]]:
        """Wait until every reader has seen every lead leave."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while missing := sum(len(self._left_at.get(lead_id, ())) < len(self._readers) for lead_id in ids):
            failed = [task for task in self._following if task.done()]
            if failed or time.monotonic() > give_up:
                raise StartFailed("board", f"left {missing} of {len(ids)} rows in some lists {failed}")
            await asyncio.sleep(POLL_SECONDS)
        return self._left_at

    async def _follow(self, reader: Reader, after: str) -> None:
        while True:
            for entry in await reader.feed(ORG, after, wait_seconds=2):
                after = entry.id
                if entry.change == "left" and entry.queue_id == workload.QUEUE_ID:
                    self._left_at.setdefault(entry.lead_id, []).append(time.monotonic())
