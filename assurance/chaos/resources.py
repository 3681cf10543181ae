"""Samples what each process of a chaos run uses, and tells at the end whether that has stayed flat.

Memory is the resident memory of a process without mapped files: Kafka maps its indexes, and the system may drop such
pages at any time. Timers are the deadlines that wait in the workers.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from assurance.chaos.supervised_processes import SupervisedProcess
from runtime.kafka import HEAP_MEGABYTES
from runtime.server import LocalServer
from runtime.start_wait import ask

SAMPLES: Final = 600
"""About how many samples a run takes of each process."""
SAMPLE_SECONDS: Final = (1.0, 10.0)
"""The time between two samples is within these bounds."""
MIN_SAMPLES: Final = 10
"""With fewer samples in a third of the run, a process is not judged."""
JUDGED_SECONDS: Final = 600.0
"""A shorter run is not judged: its processes still fill their caches."""
GROWTH: Final = 0.10
"""By how much the median of the last third may exceed that of the middle third."""
MEMORY_MORE: Final = 24 * 1024 * 1024
"""Bytes that memory may grow beside `GROWTH`: what a restart at another moment makes."""
FILES_MORE: Final = 16
"""Open files and sockets that may be added, for instance for segments of topics."""
TIMERS_MORE: Final = 100
PER_LEAD: Final[Mapping[str, int]] = {
    "worker": 1_000,
    "valkey": 3_000,
    "courier": 200,
    "relay": 200,
    "board": 200,
}
"""Bytes that a lead, which is kept, may take in a process (docs/operations/sizing.md). Each worker may get all leads,
when the others are killed."""
HEAP_MB: Final[Mapping[str, float]] = {"kafka": HEAP_MEGABYTES}
"""The heaps of processes that fill theirs before they collect it. Below this, a broker that was restarted in the middle
of a run only fills its heap again."""
TIMERS_PER_LEAD: Final = 2.0
"""Deadlines that a lead, which is kept, may have."""
OPEN_TIMERS: Final = "firstclaim_open_timers"
_MEGABYTE: Final = 1024 * 1024


class ResourceSample(msgspec.Struct, frozen=True, kw_only=True):
    """What one process used at one moment. `at`: seconds since the load began. `leads`: how many were sent by then."""

    at: float
    leads: int
    memory: int
    """Bytes."""
    files: int
    timers: int | None = None


class ResourceUse(msgspec.Struct, frozen=True, kw_only=True):
    """The medians of each third of a run, of one process: memory in megabytes, open files, and timers of workers."""

    memory_mb: tuple[float, ...]
    files: tuple[float, ...]
    timers: tuple[float, ...] = ()


class WatchedProcess(msgspec.Struct, frozen=True):
    """A process to sample. `pid` returns None while it does not run; `metrics`: the address of its metrics, if any."""

    pid: Callable[[], int | None]
    metrics: str | None = None


def watched_processes(
    parts: Mapping[str, SupervisedProcess], servers: Sequence[LocalServer]
) -> dict[str, WatchedProcess]:
    """Return what to sample by name: our processes, and the servers, brokers of a cluster by number."""
    watched = {
        name: WatchedProcess(partial(_pid, part), part.metrics_url if name.startswith("worker") else None)
        for name, part in parts.items()
    }
    for server in servers:
        number = getattr(server, "node_id", None)
        watched[server.name if number is None else f"{server.name}-{number}"] = WatchedProcess(
            partial(_pid, server)
        )
    return watched


def _pid(process: SupervisedProcess | LocalServer) -> int | None:
    return process.pid


class ResourceProbe:
    """Samples processes by name until cancelled.

    `leads` returns how many leads were sent so far.
    """

    def __init__(
        self, watched: Mapping[str, WatchedProcess], seconds: float, leads: Callable[[], int]
    ) -> None:
        self._watched = watched
        self._leads = leads
        self._every = min(max(seconds / SAMPLES, SAMPLE_SECONDS[0]), SAMPLE_SECONDS[1])
        self.samples: dict[str, list[ResourceSample]] = {name: [] for name in watched}

    async def watch(self) -> None:
        """Take samples at an even pace."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.gather(
                *(self._sample(name, process, loop.time() - began) for name, process in self._watched.items())
            )
            await asyncio.sleep(self._every)

    async def _sample(self, name: str, process: WatchedProcess, at: float) -> None:
        pid = process.pid()
        used = None if pid is None else used_by(pid)
        if used is None:
            return
        timers = None if process.metrics is None else await asyncio.to_thread(timers_of, process.metrics)
        memory, files = used
        self.samples[name].append(
            ResourceSample(at=at, leads=self._leads(), memory=memory, files=files, timers=timers)
        )

    def line(self) -> str:
        """Return the newest figures in one line."""
        newest = {name: samples[-1] for name, samples in self.samples.items() if samples}
        timers = sum(sample.timers or 0 for sample in newest.values())
        usage = ", ".join(
            f"{name} {sample.memory / _MEGABYTE:.0f}/{sample.files}" for name, sample in newest.items()
        )
        return f"MB/files: {usage}; {timers:,} timers"


def used_by(pid: int) -> tuple[int, int] | None:
    """Return a process's memory in bytes and its number of open files; None if it has ended."""
    folder = Path("/proc") / str(pid)
    with contextlib.suppress(OSError, StopIteration):
        status = (folder / "status").read_text().splitlines()
        anonymous = next(line for line in status if line.startswith("RssAnon:"))
        return int(anonymous.split()[1]) * 1024, len(list((folder / "fd").iterdir()))
    return None


def timers_of(metrics: str) -> int | None:
    """Return how many deadlines wait in a worker; None if it does not answer."""
    status, body = ask(metrics)
    if not status:
        return None
    for line in body.decode().splitlines():
        if line.startswith(f"{OPEN_TIMERS} "):
            return int(float(line.split()[1]))
    return None


def uses(samples: Mapping[str, list[ResourceSample]], seconds: float) -> dict[str, ResourceUse]:
    """Return the medians of each third of the run, of each process that was sampled in all of them."""
    by_name = {}
    for name, of_one in samples.items():
        parts = _thirds(of_one, seconds)
        if not all(parts):
            continue
        timers = [[sample.timers for sample in part if sample.timers is not None] for part in parts]
        by_name[name] = ResourceUse(
            memory_mb=tuple(round(median(sample.memory for sample in part) / _MEGABYTE, 1) for part in parts),
            files=tuple(median(sample.files for sample in part) for part in parts),
            timers=tuple(median(part) for part in timers) if all(timers) else (),
        )
    return by_name


def growth(samples: Mapping[str, list[ResourceSample]], seconds: float) -> list[str]:
    """Return a sentence for each figure that has grown: the last third's median exceeds the middle third's by too much.

    What is allowed is `GROWTH`, a fixed amount, and what the leads that were added take. A broker may fill its heap.
    """
    findings = []
    for name, use in uses(samples, seconds).items():
        _, middle, last = _thirds(samples[name], seconds)
        if min(len(middle), len(last)) < MIN_SAMPLES:
            continue
        added = median(sample.leads for sample in last) - median(sample.leads for sample in middle)
        kind = name.split("-")[0]
        memory_more = (MEMORY_MORE + added * PER_LEAD.get(kind, 0)) / _MEGABYTE
        for resource, unit, values, more, always in (
            ("memory", " MB", use.memory_mb, memory_more, HEAP_MB.get(kind, 0)),
            ("open files", "", use.files, FILES_MORE, 0),
            ("pending timers", "", use.timers, TIMERS_MORE + added * TIMERS_PER_LEAD, 0),
        ):
            if not values:
                continue
            _, before, after = values
            allowed = max(before * (1 + GROWTH) + more, always)
            if after > allowed:
                findings.append(
                    f"{name}: {resource} grew from {before:,.0f}{unit} in the middle third of the run to"
                    f" {after:,.0f}{unit} in the last third; {allowed:,.0f}{unit} are allowed"
                )
    return findings


def _thirds(samples: list[ResourceSample], seconds: float) -> list[list[ResourceSample]]:
    parts: list[list[ResourceSample]] = [[], [], []]
    for sample in samples:
        parts[min(2, int(3 * sample.at / seconds))].append(sample)
    return parts
