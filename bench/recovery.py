"""Measures (`bench recovery`) time and memory until a new worker has recovered all leads of a killed one (kill -9).

Seconds are from the start of the new process to the first 200 of its `/ready`, including the start of Python. Bytes per
lead are the growth of the resident memory, compared with a ready worker without leads, divided by the number of leads.
The results are the medians of the repeats. Each repeat kills the worker before it.
"""

import asyncio
import os
import signal
import statistics
import time
from typing import Any, Final

from bench import workload
from bench.memory import resident_bytes
from bench.testbed import Say, Testbed, ignore_progress, open_testbed, start_when_ready
from bench.topic_watch import watching
from models.errors import StartFailed
from runtime import ChildProcess
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL, LEAD_LOG

NAME: Final = "worker"
"""Its name in the group (static membership, as with `firstclaim up`): no wait for the dead worker's session."""
CHUNK: Final = 20_000
"""Leads generated and appended at a time."""


def run(
    *,
    leads: int = 200_000,
    repeats: int = 3,
    progress: Say = ignore_progress,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return {leads, seconds, bytes_per_lead} and the single runs.

    `settings`: a cluster to measure on instead of a local one. Raises FirstclaimError if the worker fails.
    """
    with open_testbed(settings, say=progress) as testbed:
        empty, worker = _fill(testbed, leads, progress)
        seconds, memory = [], []
        for n in range(repeats):
            _kill(worker)
            worker = testbed.child(f"worker-{n + 1}", "bench.launch", "worker", NAME, ready=True)
            began = time.perf_counter()
            start_when_ready(worker)
            seconds.append(time.perf_counter() - began)
            memory.append((resident_bytes(_pid(worker)) - empty) / leads)
            progress(f"{n + 1}/{repeats}: {seconds[-1]:.1f} s, {memory[-1]:,.0f} bytes a lead")
        log = worker.log_file.read_text(errors="replace")
        if f"rows={leads + testbed.settings.partitions} " not in log:
            raise StartFailed(worker.name, f"did not recover {leads} leads{worker.log_tail()}")
    return {
        "leads": leads,
        "seconds": round(statistics.median(seconds), 2),
        "bytes_per_lead": round(statistics.median(memory)),
        "repeats": repeats,
        "runs": [round(duration, 2) for duration in seconds],
    }


def _fill(testbed: Testbed, leads: int, say: Say) -> tuple[int, ChildProcess]:
    """Return the resident memory of a worker without leads, and that worker once it has the leads."""
    worker = start_when_ready(testbed.child("worker-0", "bench.launch", "worker", NAME, ready=True))
    empty = resident_bytes(_pid(worker))
    say(f"taking in {leads:,} leads")

    async def fill() -> None:
        await workload.append(testbed.settings, LEAD_LOG, workload.records([workload.queue()]))
        for first in range(0, leads, CHUNK):
            ids = workload.lead_ids(min(CHUNK, leads - first), first=first)
            await workload.append(testbed.settings, LEAD_LOG, workload.records(map(workload.arrival, ids)))
        async with watching(testbed.settings) as watch:
            log = await watch.ends(LEAD_LOG)
            await watch.until(LEAD_JOURNAL, sum(log.values()), worker)

    asyncio.run(fill())
    return empty, worker


def _kill(worker: ChildProcess) -> None:
    os.kill(_pid(worker), signal.SIGKILL)
    worker.wait_exit()


def _pid(worker: ChildProcess) -> int:
    if worker.pid is None:
        raise StartFailed(worker.name, f"has ended{worker.log_tail()}")
    return worker.pid
